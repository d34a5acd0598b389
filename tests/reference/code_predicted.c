/*
 * code_predicted MODEL.mmodel WIDTH HEIGHT CHANNELS QUALITY SEGMENT < samples > samples
 *
 * Reads a picture and then its prediction, raw 8-bit samples; encodes the picture at effort 1 and
 * decodes it, at every instruction-set level of this machine and with 1, 2, 4 and 7 threads; fails
 * unless all files and all pictures are equal; writes the decoded picture.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/dec_picture.h"
#include "codec/enc_picture.h"

#define MAX_FILE (64u << 20)

static void require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "code_predicted: %s\n", what);
        exit(1);
    }
}

static MicaModel *load(const char *path)
{
    FILE *f = fopen(path, "rb");
    unsigned char *data = malloc(MAX_FILE);
    require(f && data, "cannot read the model");
    const size_t size = fread(data, 1, MAX_FILE, f);
    fclose(f);
    MicaModel *model;
    MicaError error;
    require(mica_model_load(&model, data, size, &error) == MICA_OK, error.text);
    free(data);
    return model;
}

static MicaImage read_samples(int width, int height, int channels)
{
    MicaImage image;
    require(mica_image_alloc(&image, width, height, channels) == MICA_OK, "no memory");
    const size_t row = (size_t)(width * channels);
    for (int y = 0; y < height; y++)
        require(fread(image.data + y * image.stride, 1, row, stdin) == row, "samples are missing");
    return image;
}

static void write_samples(const MicaImage *image)
{
    for (int y = 0; y < image->height; y++)
        fwrite(image->data + y * image->stride, 1, (size_t)(image->width * image->channels),
               stdout);
    require(fflush(stdout) == 0, "cannot write");
}

static int same(const MicaImage *a, const MicaImage *b)
{
    if (a->width != b->width || a->height != b->height || a->channels != b->channels)
        return 0;
    for (int y = 0; y < a->height; y++)
        if (memcmp(a->data + y * a->stride, b->data + y * b->stride,
                   (size_t)(a->width * a->channels)) != 0)
            return 0;
    return 1;
}

static void code(const MicaModel *model, const MicaImage *image, const MicaImage *prediction,
                 const MicaEncodeSettings *settings, int threads, uint32_t cpu_mask,
                 MicaBuffer *file, MicaImage *decoded)
{
    MicaSession session;
    MicaError error;
    MicaTimes times;
    MicaStream stream;
    MicaDecodeSettings decode;
    mica_decode_defaults(&decode, sizeof decode);
    require(mica_session_open(&session, model, threads, cpu_mask, &error) == MICA_OK, error.text);
    require(mica_picture_encode(&session, image, prediction, settings, file, NULL, &times,
                                &error) == MICA_OK,
            error.text);
    require(mica_stream_read(&stream, file->data, file->size, &error) == MICA_OK, error.text);
    require(mica_picture_decode(&session, &stream, prediction, &decode, decoded, &times, &error) ==
                MICA_OK,
            error.text);
    mica_session_close(&session);
}

int main(int argc, char **argv)
{
    static const char *const levels[] = {"c",          "sse41", "avx2",    "avxvnni", "avx512",
                                         "avx512vnni", "neon",  "dotprod", "i8mm",    "all"};
    static const int threads[] = {1, 2, 4, 7};
    require(argc == 7, "MODEL WIDTH HEIGHT CHANNELS QUALITY SEGMENT");
    MicaModel *model = load(argv[1]);
    const int width = atoi(argv[2]), height = atoi(argv[3]), channels = atoi(argv[4]);
    MicaEncodeSettings settings;
    mica_encode_defaults(&settings, sizeof settings);
    settings.effort = 1;
    settings.quality = atof(argv[5]);
    settings.segment = atoi(argv[6]);
    MicaImage image = read_samples(width, height, channels);
    MicaImage prediction = read_samples(width, height, channels);

    MicaBuffer first = {0};
    MicaImage want = {0};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        uint32_t mask;
        require(mica_cpu_flags_parse(levels[i], &mask) == MICA_OK, levels[i]);
        if (strcmp(levels[i], "all") != 0 && (mask & ~mica_cpu_flags()) != 0)
            continue;
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
            MicaBuffer file;
            MicaImage decoded;
            code(model, &image, &prediction, &settings, threads[t], mask, &file, &decoded);
            if (!first.data) {
                first = file;
                want = decoded;
                continue;
            }
            if (file.size != first.size || memcmp(file.data, first.data, file.size) != 0 ||
                !same(&decoded, &want)) {
                fprintf(stderr, "code_predicted: %s with %d threads differs\n", levels[i],
                        threads[t]);
                return 1;
            }
            mica_buffer_free(&file);
            mica_image_free(&decoded);
        }
    }
    write_samples(&want);
    mica_buffer_free(&first);
    mica_image_free(&want);
    mica_image_free(&image);
    mica_image_free(&prediction);
    mica_model_unref(&model);
    return 0;
}
