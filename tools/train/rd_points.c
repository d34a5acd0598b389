/*
 * rd_points [-e EFFORT] MODEL.mmodel QUALITY,... PICTURE.ppm...
 *
 * Bits and errors of the real codec, without a process for every picture and quality: encodes and
 * decodes each picture at each quality on one thread and prints a line "quality bpp psnr" with the
 * means over the pictures (bytes of whole files, PSNR over RGB). tools/train/sensitivity.py runs
 * it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mica/mica.h"

static void die(const char *what, const char *why)
{
    fprintf(stderr, "rd_points: %s: %s\n", what, why);
    exit(1);
}

static void load_model(const char *path, MicaModel **model)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        die(path, "cannot read");
    const long size = ftell(f);
    unsigned char *data = size > 0 ? malloc((size_t)size) : NULL;
    rewind(f);
    if (!data || fread(data, 1, (size_t)size, f) != (size_t)size)
        die(path, "cannot read");
    fclose(f);
    MicaError error;
    if (mica_model_load(model, data, (size_t)size, &error) != MICA_OK)
        die(path, error.text);
    free(data);
}

static void load_picture(const char *path, MicaImage *image)
{
    FILE *f = fopen(path, "rb");
    int width, height, maximum;
    if (!f || fscanf(f, "P6 %d %d %d", &width, &height, &maximum) != 3 || maximum != 255)
        die(path, "not a binary PPM of 8 bits");
    fgetc(f);
    if (mica_image_alloc(image, width, height, 3) != MICA_OK)
        die(path, "no memory");
    for (int y = 0; y < height; y++)
        if (fread(image->data + y * image->stride, 3, (size_t)width, f) != (size_t)width)
            die(path, "too short");
    fclose(f);
}

static double psnr(const MicaImage *a, const MicaImage *b)
{
    double sum = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width * 3; x++) {
            const int d = a->data[y * a->stride + x] - b->data[y * b->stride + x];
            sum += d * d;
        }
    return 10 * log10(255.0 * 255.0 * 3 * a->width * a->height / (sum + 1e-9));
}

int main(int argc, char **argv)
{
    MicaEncodeSettings encode;
    MicaDecodeSettings decode;
    MicaModel *model = NULL;
    mica_encode_defaults(&encode, sizeof encode);
    mica_decode_defaults(&decode, sizeof decode);
    if (argc > 2 && !strcmp(argv[1], "-e")) {
        encode.effort = atoi(argv[2]);
        argc -= 2;
        argv += 2;
    }
    if (argc < 4) {
        fprintf(stderr, "usage: rd_points [-e EFFORT] MODEL.mmodel QUALITY,... PICTURE.ppm...\n");
        return 2;
    }
    load_model(argv[1], &model);
    encode.model = decode.model = model;
    encode.threads = decode.threads = 1;
    const int count = argc - 3;
    MicaImage *images = calloc((size_t)count, sizeof *images);
    if (!images)
        die("pictures", "no memory");
    for (int i = 0; i < count; i++)
        load_picture(argv[3 + i], &images[i]);
    for (char *q = strtok(argv[2], ","); q; q = strtok(NULL, ",")) {
        double bpp = 0, quality = 0;
        encode.quality = atof(q);
        for (int i = 0; i < count; i++) {
            MicaBuffer coded;
            MicaImage decoded;
            MicaError error;
            if (mica_image_encode(&images[i], &encode, &coded, &error) != MICA_OK ||
                mica_image_decode(coded.data, coded.size, &decode, &decoded, &error) != MICA_OK)
                die(argv[3 + i], error.text);
            bpp += 8.0 * (double)coded.size / images[i].width / images[i].height;
            quality += psnr(&images[i], &decoded);
            mica_image_free(&decoded);
            mica_buffer_free(&coded);
        }
        printf("%s %.6f %.5f\n", q, bpp / count, quality / count);
        fflush(stdout);
    }
    for (int i = 0; i < count; i++)
        mica_image_free(&images[i]);
    free(images);
    mica_model_unref(&model);
    return 0;
}
