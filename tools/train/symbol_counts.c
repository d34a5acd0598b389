/*
 * symbol_counts [-e EFFORT] MODEL.mmodel QUALITY,... PICTURE.ppm...
 * symbol_counts -p PREDICTED.mmodel MODEL.mmodel QUALITY,... FRAME.ppm...
 * codes the pictures at each quality and writes to standard output how often each latent symbol was
 * coded: for each quality uint32 [shape of the channel][scale][magnitude], 16 x 64 x 64 of them,
 * magnitudes from 63 on together. With -p the pictures are the frames of a video, of equal size,
 * and what counts are the symbols of the frames that the second model predicts. distributions.py
 * finds the best distributions for them.
 *
 * It listens at the coder, so it is linked with the internals of the library and
 * -Wl,--wrap=mica_symbols_encode.
 */
#include <string.h>

#include "entropy/symbol_coder.h"
#include "models/model.h"
#include "tools/train/inputs.h"

#define MAGNITUDES 64

static uint32_t counts[MICA_SHAPE_COUNT][MICA_SCALE_COUNT][MAGNITUDES];
static const MicaSymbolTables *counted;

MicaStatus __real_mica_symbols_encode(const MicaSymbolTables *tables, const int16_t *symbols,
                                      const uint8_t *shapes, const uint8_t *scales, size_t count,
                                      MicaWriter *out);
MicaStatus __wrap_mica_symbols_encode(const MicaSymbolTables *tables, const int16_t *symbols,
                                      const uint8_t *shapes, const uint8_t *scales, size_t count,
                                      MicaWriter *out);

/* Called by one thread: encoders here have no more. */
MicaStatus __wrap_mica_symbols_encode(const MicaSymbolTables *tables, const int16_t *symbols,
                                      const uint8_t *shapes, const uint8_t *scales, size_t count,
                                      MicaWriter *out)
{
    for (size_t i = 0; i < count && tables == counted; i++) {
        const int magnitude = abs(symbols[i]);
        counts[shapes[i]][scales[i]][magnitude < MAGNITUDES ? magnitude : MAGNITUDES - 1]++;
    }
    return __real_mica_symbols_encode(tables, symbols, shapes, scales, count, out);
}

static void code_pictures(const MicaModel *model, int effort, double quality, int count,
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

static void code_video(const MicaModel *model, const MicaModel *predicted, double quality,
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
            settings.predicted_model = predicted;
            settings.quality = quality;
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

int main(int argc, char **argv)
{
    MicaModel *predicted = NULL;
    int effort = 0; /* the default */
    if (argc > 2 && !strcmp(argv[1], "-p"))
        predicted = load_model(argv[2]);
    else if (argc > 2 && !strcmp(argv[1], "-e"))
        effort = atoi(argv[2]);
    if (predicted || effort) {
        argc -= 2;
        argv += 2;
    }
    if (argc < 4) {
        fprintf(stderr, "usage: symbol_counts [-p PREDICTED.mmodel | -e EFFORT] MODEL.mmodel "
                        "QUALITY,... PICTURE.ppm...\n");
        return 2;
    }
    MicaModel *model = load_model(argv[1]);
    const MicaNetwork *network;
    MicaError error;
    check(mica_model_network(predicted ? predicted : model, mica_cpu_flags(), &network, &error),
          argv[1], &error);
    counted = network->y_tables;
    for (char *q = strtok(argv[2], ","); q; q = strtok(NULL, ",")) {
        memset(counts, 0, sizeof counts);
        if (predicted)
            code_video(model, predicted, atof(q), argc - 3, argv + 3);
        else
            code_pictures(model, effort, atof(q), argc - 3, argv + 3);
        if (fwrite(counts, sizeof counts, 1, stdout) != 1)
            return 1;
    }
    mica_model_unref(&predicted);
    mica_model_unref(&model);
    return 0;
}
