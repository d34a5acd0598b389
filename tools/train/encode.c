#include "tools/train/encode.h"

#include <string.h>

#include "models/model.h"
#include "tools/train/inputs.h"

EncodeOptions encode_options(int *argc, char ***argv)
{
    EncodeOptions options = {0};
    for (; *argc > 2; *argc -= 2, *argv += 2) {
        if (!strcmp((*argv)[1], "-p") && !options.predicted)
            options.predicted = load_model((*argv)[2]);
        else if (!strcmp((*argv)[1], "-e"))
            options.effort = atoi((*argv)[2]);
        else
            break;
    }
    return options;
}

const MicaNetwork *encode_network(const MicaModel *model, const EncodeOptions *options)
{
    const MicaNetwork *network;
    MicaError error;
    check(mica_model_network(options->predicted ? options->predicted : model, mica_cpu_flags(),
                             &network, &error),
          "the model", &error);
    return network;
}

static void encode_pictures(const MicaModel *model, int effort, double quality, int count,
                            char **paths)
{
    MicaEncodeSettings settings;
    mica_encode_defaults(&settings, sizeof settings);
    settings.model = model;
    settings.quality = quality;
    settings.threads = 1;
    if (effort)
        settings.effort = effort;
    for (int i = 0; i < count; i++) {
        MicaImage image;
        MicaBuffer coded;
        MicaError error;
        load_picture(paths[i], &image);
        check(mica_image_encode(&image, &settings, &coded, &error), paths[i], &error);
        mica_buffer_free(&coded);
        mica_image_free(&image);
    }
}

static void take_packets(MicaVideoEncoder *encoder)
{
    MicaVideoPacket packet = {.struct_size = sizeof packet};
    MicaError error;
    MicaStatus status;
    do
        status = mica_video_encoder_receive(encoder, &packet, &error);
    while (status == MICA_OK);
    if (status != MICA_ERROR_AGAIN && status != MICA_ERROR_EOF)
        check(status, "a packet", &error);
}

static void encode_video(const MicaModel *model, const EncodeOptions *options, double quality,
                         int count, char **paths)
{
    MicaVideoEncoder *encoder = NULL;
    MicaError error;
    for (int i = 0; i < count; i++) {
        MicaImage image;
        load_picture(paths[i], &image);
        if (!encoder) {
            MicaVideoInfo info;
            MicaVideoEncodeSettings settings;
            mica_video_info_defaults(&info, sizeof info);
            info.format = MICA_PIXEL_RGB24;
            info.width = image.width;
            info.height = image.height;
            mica_video_encode_defaults(&settings, sizeof settings);
            settings.model = model;
            settings.predicted_model = options->predicted;
            settings.quality = quality;
            if (options->effort)
                settings.effort = options->effort;
            settings.threads = 1;
            check(mica_video_encoder_open(&encoder, &info, &settings, &error), paths[i], &error);
        }
        MicaVideoFrame frame = {.struct_size = sizeof frame, .pts = i, .duration = 1};
        frame.data[0] = image.data;
        frame.stride[0] = image.stride;
        check(mica_video_encoder_send(encoder, &frame, &error), paths[i], &error);
        take_packets(encoder);
        mica_image_free(&image);
    }
    check(mica_video_encoder_send(encoder, NULL, &error), "the end", &error);
    take_packets(encoder);
    mica_video_encoder_close(&encoder);
}

void encode_all(const MicaModel *model, const EncodeOptions *options, double quality, int count,
                char **paths)
{
    if (options->predicted)
        encode_video(model, options, quality, count, paths);
    else
        encode_pictures(model, options->effort, quality, count, paths);
}
