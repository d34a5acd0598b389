/*
 * decode_raw STREAM [MODEL.mmodel] > samples: the decoder alone, without the picture libraries of
 * the mica command, so that golden streams can be checked on processors for which only a cross
 * compiler and an emulator are at hand.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mica/mica.h"

#define MAX_FILE (64u << 20)

static size_t read_file(const char *path, unsigned char **data)
{
    FILE *f = fopen(path, "rb");
    *data = malloc(MAX_FILE);
    if (!f || !*data) {
        fprintf(stderr, "decode_raw: cannot read %s\n", path);
        exit(1);
    }
    const size_t size = fread(*data, 1, MAX_FILE, f);
    fclose(f);
    return size;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: decode_raw STREAM [MODEL.mmodel] > samples\n");
        return 2;
    }
    MicaDecodeSettings settings;
    mica_decode_defaults(&settings, sizeof settings);
    MicaError error;
    MicaModel *model = NULL;
    unsigned char *data;
    size_t size;
    if (argc == 3) {
        size = read_file(argv[2], &data);
        if (mica_model_load(&model, data, size, &error) != MICA_OK) {
            fprintf(stderr, "decode_raw: %s: %s\n", argv[2], error.text);
            return 1;
        }
        free(data);
        settings.model = model;
    }
    size = read_file(argv[1], &data);
    MicaImage image;
    if (mica_image_decode(data, size, &settings, &image, &error) != MICA_OK) {
        fprintf(stderr, "decode_raw: %s: %s\n", argv[1], error.text);
        return 1;
    }
    for (int y = 0; y < image.height; y++)
        fwrite(image.data + y * image.stride, 1, (size_t)(image.width * image.channels), stdout);
    mica_image_free(&image);
    mica_model_unref(&model);
    free(data);
    return fflush(stdout) != 0;
}
