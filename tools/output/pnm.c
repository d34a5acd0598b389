#include <stdio.h>
#include <stdlib.h>

#include "tools/output/writer.h"
#include "tools/report.h"

static MicaStatus write_rows(OutputFile *out, const MicaImage *image)
{
    const size_t size = (size_t)image->width * (size_t)image->channels;
    for (int y = 0; y < image->height; y++)
        if (!output_file_write(out, image->data + y * image->stride, size))
            break;
    return MICA_OK;
}

static MicaStatus write_pnm(OutputFile *out, const MicaImage *image, const WriteOptions *options,
                            MicaError *error)
{
    char header[64];
    (void)options;
    (void)error;
    const int length = snprintf(header, sizeof header, "P%d\n%d %d\n255\n",
                                image->channels == 1 ? 5 : 6, image->width, image->height);
    output_file_write(out, header, (size_t)length);
    return write_rows(out, image);
}

static MicaStatus write_pgm(OutputFile *out, const MicaImage *image, const WriteOptions *options,
                            MicaError *error)
{
    if (image->channels != 1)
        return report_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                           "the picture has colours, PGM has not; PPM and PNM have");
    return write_pnm(out, image, options, error);
}

/* A PPM always has three channels: gray is written as red = green = blue. */
static MicaStatus write_ppm(OutputFile *out, const MicaImage *image, const WriteOptions *options,
                            MicaError *error)
{
    if (image->channels == 3)
        return write_pnm(out, image, options, error);
    const size_t size = 3 * (size_t)image->width;
    uint8_t *const row = malloc(size);
    if (!row)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    char header[64];
    const int length =
        snprintf(header, sizeof header, "P6\n%d %d\n255\n", image->width, image->height);
    output_file_write(out, header, (size_t)length);
    for (int y = 0; y < image->height; y++) {
        for (size_t i = 0; i < size; i++)
            row[i] = image->data[y * image->stride + (ptrdiff_t)(i / 3)];
        if (!output_file_write(out, row, size))
            break;
    }
    free(row);
    return MICA_OK;
}

static MicaStatus write_pam(OutputFile *out, const MicaImage *image, const WriteOptions *options,
                            MicaError *error)
{
    char header[128];
    (void)options;
    (void)error;
    const int length = snprintf(
        header, sizeof header,
        "P7\nWIDTH %d\nHEIGHT %d\nDEPTH %d\nMAXVAL 255\nTUPLTYPE %s\nENDHDR\n", image->width,
        image->height, image->channels, image->channels == 1 ? "GRAYSCALE" : "RGB");
    output_file_write(out, header, (size_t)length);
    return write_rows(out, image);
}

const Writer writer_ppm = {.name = "ppm",
                           .extensions = (const char *const[]){"ppm", NULL},
                           .binary = true,
                           .write = write_ppm};

const Writer writer_pgm = {.name = "pgm",
                           .extensions = (const char *const[]){"pgm", NULL},
                           .binary = true,
                           .write = write_pgm};

const Writer writer_pnm = {.name = "pnm",
                           .extensions = (const char *const[]){"pnm", NULL},
                           .binary = true,
                           .write = write_pnm};

const Writer writer_pam = {.name = "pam",
                           .extensions = (const char *const[]){"pam", NULL},
                           .binary = true,
                           .write = write_pam};
