#include "tools/input/reader.h"

#include <string.h>

#include "tools/picture.h"
#include "tools/report.h"

/* 2^28 pixels, what the decoder allows by default: 768 MiB of RGB. */
#ifndef MICA_INPUT_MAX_PIXELS
#define MICA_INPUT_MAX_PIXELS (1 << 28)
#endif
#define MAX_PIXELS ((uint64_t)MICA_INPUT_MAX_PIXELS)

const Reader *const readers[] = {&reader_png, &reader_jpeg, &reader_pnm, &reader_mica, NULL};

const Reader *input_probe(const uint8_t *data, size_t size, MicaError *error)
{
    for (const Reader *const *r = readers; *r; r++)
        if ((*r)->probe(data, size))
            return *r;
    report_fail(error, MICA_ERROR_BITSTREAM,
                "unknown format, not one of PNG, JPEG, PPM, PGM, PAM and mica");
    return NULL;
}

/* Bring a picture to 8 bits and one or three channels, where nothing is lost by it. */
static MicaStatus simplify(MicaImage *image, MicaError *error)
{
    if (image->depth == 16)
        return report_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                           "16 bits per sample are not supported here, --depth8 rounds them to 8");
    if (!picture_is_opaque(image))
        return report_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE, "alpha is not supported here");
    mica_buffer_free(&image->icc);
    mica_buffer_free(&image->exif);
    mica_buffer_free(&image->xmp);
    return picture_drop_alpha(image, error);
}

MicaStatus input_read(const uint8_t *data, size_t size, const ReadOptions *options,
                      MicaImage *image, MicaError *error)
{
    memset(image, 0, sizeof *image);
    const Reader *reader = input_probe(data, size, error);
    if (!reader)
        return MICA_ERROR_BITSTREAM;
    MicaStatus status = reader->read(data, size, options, image, error);
    if (status == MICA_OK && options->depth8)
        status = picture_round(image, error);
    if (status == MICA_OK && !options->everything)
        status = simplify(image, error);
    if (status != MICA_OK)
        mica_image_free(image);
    return status;
}

MicaStatus input_alloc(MicaImage *image, uint64_t width, uint64_t height, int channels, int depth,
                       MicaError *error)
{
    memset(image, 0, sizeof *image);
    if (width == 0 || height == 0)
        return report_fail(error, MICA_ERROR_BITSTREAM, "the picture has no pixels");
    if (width > MICA_MAX_DIMENSION || height > MICA_MAX_DIMENSION)
        return report_fail(error, MICA_ERROR_LIMIT, "%llux%llu: sides above %d are not supported",
                           (unsigned long long)width, (unsigned long long)height,
                           MICA_MAX_DIMENSION);
    if (width * height > MAX_PIXELS)
        return report_fail(
            error, MICA_ERROR_LIMIT, "%llux%llu: pictures above %llu pixels are not supported",
            (unsigned long long)width, (unsigned long long)height, (unsigned long long)MAX_PIXELS);
    const MicaStatus status =
        mica_image_alloc_depth(image, (int)width, (int)height, channels, depth);
    if (status != MICA_OK)
        return report_fail(error, status, "%s", mica_status_string(status));
    return MICA_OK;
}

MicaStatus input_keep(MicaBuffer *buffer, const void *data, size_t size, MicaError *error)
{
    const MicaStatus status = mica_buffer_copy(buffer, data, size);
    return status == MICA_OK ? status
                             : report_fail(error, status, "%s", mica_status_string(status));
}
