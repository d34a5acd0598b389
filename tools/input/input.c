#include "tools/input/reader.h"

#include <string.h>

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

MicaStatus input_read(const uint8_t *data, size_t size, const ReadOptions *options,
                      MicaImage *image, MicaError *error)
{
    memset(image, 0, sizeof *image);
    const Reader *reader = input_probe(data, size, error);
    return reader ? reader->read(data, size, options, image, error) : MICA_ERROR_BITSTREAM;
}

MicaStatus input_alloc(MicaImage *image, uint64_t width, uint64_t height, int channels,
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
    const MicaStatus status = mica_image_alloc(image, (int)width, (int)height, channels);
    if (status != MICA_OK)
        return report_fail(error, status, "%s", mica_status_string(status));
    return MICA_OK;
}

MicaStatus input_refuse_alpha(MicaError *error)
{
    return report_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE, "alpha is not supported yet");
}

MicaStatus input_refuse_depth(MicaError *error, int bits)
{
    return report_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                       "%d bits per sample are not supported yet, --depth8 rounds them to 8", bits);
}

/* An integer of 2 or 4 bytes in the byte order of a TIFF structure. */
static uint32_t tiff_integer(const uint8_t *p, int bytes, bool big_endian)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | p[big_endian ? i : bytes - 1 - i];
    return value;
}

int input_exif_orientation(const uint8_t *data, size_t size)
{
    const bool big = size >= 4 && memcmp(data, "MM\0*", 4) == 0;
    if (size < 8 || (!big && memcmp(data, "II*\0", 4) != 0))
        return 1;
    const size_t directory = tiff_integer(data + 4, 4, big);
    if (directory > size - 2)
        return 1;
    const size_t count = tiff_integer(data + directory, 2, big);
    for (size_t i = 0; i < count && size - directory - 2 >= 12 * (i + 1); i++) {
        const uint8_t *entry = data + directory + 2 + 12 * i;
        if (tiff_integer(entry, 2, big) == 0x112 && tiff_integer(entry + 2, 2, big) == 3) {
            const uint32_t value = tiff_integer(entry + 8, 2, big);
            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    }
    return 1;
}

void input_note_exif(const ReadOptions *options, const uint8_t *data, size_t size)
{
    if (!options->verbose)
        return;
    const int orientation = input_exif_orientation(data, size);
    if (orientation != 1)
        report_note(options->file, "note: Exif orientation %d is ignored", orientation);
}

void input_note_icc(const ReadOptions *options)
{
    if (options->verbose)
        report_note(options->file, "note: the ICC profile is dropped");
}
