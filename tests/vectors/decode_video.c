/*
 * decode_video PACKETS MODEL.mmodel PREDICTED.mmodel > samples: decode a golden video at every
 * level that this processor has, each with 1, 2, 4 and 7 threads, and write the frames of the first
 * run; exit code 1 if another run gives other frames, or a frame does not decode.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mica/mica.h"
#include "golden_video.h"

typedef struct Samples {
    uint8_t *data;
    size_t size, room;
} Samples;

/* Samples of 10 bits are written with the lower byte first whatever the machine does, so that all
 * of them give the same bytes. */
static void append_row(Samples *s, const uint8_t *row, size_t bytes, int wide)
{
    if (s->size + bytes > s->room) {
        s->room = 2 * (s->size + bytes);
        s->data = realloc(s->data, s->room);
        if (!s->data)
            exit(1);
    }
    for (size_t i = 0; i < bytes; i += wide ? 2 : 1) {
        uint16_t v = row[i];
        if (wide)
            memcpy(&v, row + i, sizeof v);
        s->data[s->size++] = (uint8_t)v;
        if (wide)
            s->data[s->size++] = (uint8_t)(v >> 8);
    }
}

/* All frames that are there to take. */
static void take(MicaVideoDecoder *decoder, const MicaVideoInfo *info, Samples *s)
{
    MicaVideoFrame frame = {.struct_size = sizeof frame};
    MicaError error;
    MicaStatus status;
    while ((status = mica_video_decoder_receive(decoder, &frame, &error)) == MICA_OK)
        for (int p = 0; p < mica_pixel_planes(info->format); p++)
            for (int y = 0; y < mica_pixel_rows(info->format, info->height, p); y++)
                append_row(s, frame.data[p] + y * frame.stride[p],
                           mica_pixel_row_bytes(info->format, info->width, p),
                           info->format >= MICA_PIXEL_YUV420P10);
    if (status != MICA_ERROR_AGAIN && status != MICA_ERROR_EOF)
        golden_check(status, "a frame", &error);
}

static Samples decode(const uint8_t *file, size_t size, const MicaVideoDecodeSettings *settings)
{
    size_t at = 0, length = 0;
    Samples s = {NULL, 0, 0};
    MicaVideoInfo info = {.struct_size = sizeof info};
    MicaVideoDecoder *decoder;
    MicaError error;
    const uint8_t *extradata = packet_file_next(file, size, &at, &length);
    golden_check(mica_video_info_read(extradata, length, &info, NULL, &error), "header", &error);
    golden_check(mica_video_decoder_open(&decoder, extradata, length, settings, &error), "open",
                 &error);
    for (;;) {
        MicaVideoPacket packet = {.struct_size = sizeof packet};
        packet.data = packet_file_next(file, size, &at, &packet.size);
        MicaStatus status;
        while ((status = mica_video_decoder_send(decoder, packet.data ? &packet : NULL, &error)) ==
               MICA_ERROR_AGAIN)
            take(decoder, &info, &s);
        golden_check(status, "a packet", &error);
        if (!packet.data)
            break;
    }
    take(decoder, &info, &s);
    mica_video_decoder_close(&decoder);
    return s;
}

int main(int argc, char **argv)
{
    static const int threads[] = {1, 2, 4, 7};
    if (argc != 4) {
        fprintf(stderr, "usage: decode_video PACKETS MODEL.mmodel PREDICTED.mmodel > samples\n");
        return 2;
    }
    size_t size;
    uint8_t *file = packet_file_load(argv[1], &size);
    MicaModel *model = golden_model(argv[2]), *predicted = golden_model(argv[3]);
    MicaVideoDecodeSettings settings;
    mica_video_decode_defaults(&settings, sizeof settings);
    settings.model = model;
    settings.predicted_model = predicted;
    Samples first = {NULL, 0, 0};
    int runs = 0, bad = 0;
    for (int bit = -1; bit < 32; bit++) {
        if (bit >= 0 && !(mica_cpu_flags() >> bit & 1))
            continue;
        settings.cpu_mask = bit < 0 ? 0 : UINT32_MAX >> (31 - bit); /* this level and those below */
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++, runs++) {
            settings.threads = threads[t];
            Samples s = decode(file, size, &settings);
            if (runs == 0)
                first = s;
            const int same = s.size == first.size && memcmp(s.data, first.data, s.size) == 0;
            bad += !same;
            if (!same)
                fprintf(stderr, "decode_video: other frames at level %d with %d threads\n", bit,
                        threads[t]);
            if (runs > 0)
                free(s.data);
        }
    }
    fprintf(stderr, "%d runs\n", runs);
    fwrite(first.data, 1, first.size, stdout);
    free(first.data);
    free(file);
    mica_model_unref(&model);
    mica_model_unref(&predicted);
    return fflush(stdout) != 0 || bad != 0;
}
