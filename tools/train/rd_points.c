/*
 * rd_points [-e EFFORT] MODEL.mmodel QUALITY,... PICTURE.ppm...
 *
 * Bits and errors of the real codec, without a process for every picture and quality: encodes and
 * decodes each picture at each quality on one thread and prints a line "quality bpp psnr" with the
 * means over the pictures (bytes of whole files, PSNR over RGB). tools/train/sensitivity.py runs
 * it.
 */
#include <math.h>
#include <string.h>

#include "tools/train/inputs.h"

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
    MicaModel *model = load_model(argv[1]);
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
