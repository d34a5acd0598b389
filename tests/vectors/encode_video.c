/*
 * encode_video PACKETS MODEL.mmodel PREDICTED.mmodel FORMAT WIDTH HEIGHT FRAMES GOP BFRAMES
 * QUALITY: make a golden video of computed frames. FORMAT is the number of a MicaPixelFormat.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mica/mica.h"
#include "golden_video.h"

/* Waves, a texture that moves slowly to the right and a square that moves to the left, in front:
 * blocks of both sizes, long and fractional vectors, and places that only the next frame has. */
static int sample(int x, int y, int n, int plane)
{
    const int square = x + 5 * n - 40, inside = square >= 0 && square < 14 && y > 5 && y < 19;
    if (inside)
        return (square * 11 + y * 7 + plane * 50) & 255;
    const int u = 4 * x - 3 * n, v = 4 * y + n; /* quarters of a pixel */
    const int wave = abs((u * 3 + v) % 256 - 128) + abs((v * 5 - u) % 128) / 2;
    return (wave + ((u >> 2) * (v >> 2) & 7) * 5 + plane * 20) & 255;
}

static void paint(const MicaVideoInfo *info, int n, uint8_t *block, MicaVideoFrame *frame)
{
    const int wide = info->format >= MICA_PIXEL_YUV420P10;
    const int channels = info->format == MICA_PIXEL_RGB24 ? 3 : 1;
    memset(frame, 0, sizeof *frame);
    frame->struct_size = sizeof *frame;
    frame->pts = n;
    frame->duration = 1;
    for (int p = 0; p < mica_pixel_planes(info->format); p++) {
        const size_t bytes = mica_pixel_row_bytes(info->format, info->width, p);
        const int columns = (int)bytes / channels >> wide;
        const int rows = mica_pixel_rows(info->format, info->height, p);
        frame->data[p] = block;
        frame->stride[p] = (ptrdiff_t)bytes;
        for (int y = 0; y < rows; y++, block += bytes)
            for (int i = 0; i < columns * channels; i++) {
                const int x = i / channels * info->width / columns;
                const int value = sample(x, y * info->height / rows, n, p + i % channels);
                const uint16_t ten = (uint16_t)(4 * value + (x & 3));
                if (wide)
                    memcpy(block + 2 * i, &ten, sizeof ten);
                else
                    block[i] = (uint8_t)value;
            }
    }
}

static void take(MicaVideoEncoder *encoder, FILE *f)
{
    MicaVideoPacket packet = {.struct_size = sizeof packet};
    MicaError error;
    MicaStatus status;
    while ((status = mica_video_encoder_receive(encoder, &packet, &error)) == MICA_OK)
        packet_file_put(f, packet.data, packet.size);
    if (status != MICA_ERROR_AGAIN && status != MICA_ERROR_EOF)
        golden_check(status, "a packet", &error);
}

int main(int argc, char **argv)
{
    if (argc != 11) {
        fprintf(stderr, "usage: encode_video PACKETS MODEL.mmodel PREDICTED.mmodel FORMAT WIDTH "
                        "HEIGHT FRAMES GOP BFRAMES QUALITY\n");
        return 2;
    }
    MicaModel *model = golden_model(argv[2]), *predicted = golden_model(argv[3]);
    MicaVideoInfo info;
    mica_video_info_defaults(&info, sizeof info);
    info.format = (MicaPixelFormat)atoi(argv[4]);
    info.width = atoi(argv[5]);
    info.height = atoi(argv[6]);
    info.matrix = 1;
    MicaVideoEncodeSettings settings;
    mica_video_encode_defaults(&settings, sizeof settings);
    settings.model = model;
    settings.predicted_model = predicted;
    settings.gop = atoi(argv[8]);
    settings.bframes = atoi(argv[9]);
    settings.quality = atof(argv[10]);
    settings.scenecut = 0;
    MicaVideoEncoder *encoder;
    MicaError error;
    golden_check(mica_video_encoder_open(&encoder, &info, &settings, &error), "open", &error);
    FILE *f = fopen(argv[1], "wb");
    uint8_t *block = malloc((size_t)info.width * (size_t)info.height * 6);
    if (!f || !block)
        return 1;
    const uint8_t *extradata;
    size_t size;
    mica_video_encoder_extradata(encoder, &extradata, &size);
    packet_file_put(f, extradata, size);
    const int frames = atoi(argv[7]);
    for (int n = 0; n <= frames; n++) {
        MicaVideoFrame frame;
        paint(&info, n, block, &frame);
        MicaStatus status;
        while ((status = mica_video_encoder_send(encoder, n < frames ? &frame : NULL, &error)) ==
               MICA_ERROR_AGAIN)
            take(encoder, f);
        golden_check(status, "a frame", &error);
    }
    take(encoder, f);
    mica_video_encoder_close(&encoder);
    free(block);
    mica_model_unref(&model);
    mica_model_unref(&predicted);
    return fclose(f) != 0;
}
