#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/output/writer.h"
#include "tools/picture.h"
#include "tools/report.h"

/* The rows, each colour `repeat` times; samples of 16 bits in the order of the format, most
 * significant byte first. */
static MicaStatus write_rows(OutputFile *out, const MicaImage *image, int repeat, MicaError *error)
{
    const int bytes = image->depth == 16 ? 2 : 1;
    const size_t samples = (size_t)image->width * (size_t)image->channels;
    uint8_t *const row = malloc(samples * (size_t)(bytes * repeat));
    if (!row)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    for (int y = 0; y < image->height; y++) {
        uint8_t *to = row;
        for (size_t i = 0; i < samples; i++) {
            const unsigned v = picture_sample(image, image->data + y * image->stride, 0, (int)i);
            for (int k = 0; k < repeat; k++) {
                if (bytes == 2)
                    *to++ = (uint8_t)(v >> 8);
                *to++ = (uint8_t)v;
            }
        }
        if (!output_file_write(out, row, (size_t)(to - row)))
            break;
    }
    free(row);
    return MICA_OK;
}

static int maxval(const MicaImage *image)
{
    return image->depth == 16 ? 65535 : 255;
}

static MicaStatus write_pam(OutputFile *out, const MicaImage *image, const WriteOptions *options,
                            MicaError *error)
{
    static const char *const types[] = {"GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA"};
    char header[128];
    (void)options;
    const int length = snprintf(
        header, sizeof header,
        "P7\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL %d\nTUPLTYPE %s\nENDHDR\n", image->width,
        image->height, image->channels, maxval(image), types[image->channels - 1]);
    output_file_write(out, header, (size_t)length);
    return write_rows(out, image, 1, error);
}

static MicaStatus write_plain(OutputFile *out, const MicaImage *image, int repeat, MicaError *error)
{
    char header[64];
    const int length =
        snprintf(header, sizeof header, "P%d\n%d %d\n%d\n", image->channels * repeat == 1 ? 5 : 6,
                 image->width, image->height, maxval(image));
    output_file_write(out, header, (size_t)length);
    return write_rows(out, image, repeat, error);
}

/* PGM, PPM or, with alpha, which only that can hold, PAM. */
static MicaStatus write_pnm(OutputFile *out, const MicaImage *image, const WriteOptions *options,
                            MicaError *error)
{
    if (picture_has_alpha(image))
        return write_pam(out, image, options, error);
    return write_plain(out, image, 1, error);
}

static MicaStatus write_pgm(OutputFile *out, const MicaImage *image, const WriteOptions *options,
                            MicaError *error)
{
    (void)options;
    if (image->channels != 1)
        return report_fail(error, MICA_ERROR_INVALID_ARGUMENT, "the picture has %s, PGM has not",
                           image->channels == 3 ? "colours" : "alpha");
    return write_plain(out, image, 1, error);
}

/* A PPM always has three channels: gray is written as red = green = blue. */
static MicaStatus write_ppm(OutputFile *out, const MicaImage *image, const WriteOptions *options,
                            MicaError *error)
{
    (void)options;
    if (picture_has_alpha(image))
        return report_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                           "the picture has alpha, PPM has not; PAM and PNG have");
    return write_plain(out, image, image->channels == 1 ? 3 : 1, error);
}

const Writer writer_ppm = {.name = "ppm",
                           .extensions = (const char *const[]){"ppm", NULL},
                           .binary = true,
                           .depth = 16,
                           .write = write_ppm};

const Writer writer_pgm = {.name = "pgm",
                           .extensions = (const char *const[]){"pgm", NULL},
                           .binary = true,
                           .depth = 16,
                           .write = write_pgm};

const Writer writer_pnm = {.name = "pnm",
                           .extensions = (const char *const[]){"pnm", NULL},
                           .binary = true,
                           .depth = 16,
                           .write = write_pnm};

const Writer writer_pam = {.name = "pam",
                           .extensions = (const char *const[]){"pam", NULL},
                           .binary = true,
                           .depth = 16,
                           .write = write_pam};
