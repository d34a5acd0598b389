#include "tools/picture.h"

#include <stdio.h>
#include <string.h>

#include "tools/report.h"

const char *picture_kind(int channels, int depth, char *text, size_t size)
{
    static const char *const names[] = {"gray", "gray+alpha", "RGB", "RGBA"};
    snprintf(text, size, "%s%s", names[channels - 1], depth == 16 ? " 16 bit" : "");
    return text;
}

bool picture_has_alpha(const MicaImage *image)
{
    return image->channels % 2 == 0;
}

unsigned picture_sample(const MicaImage *image, const uint8_t *row, int x, int c)
{
    const ptrdiff_t at = (ptrdiff_t)x * image->channels + c;
    if (image->depth != 16)
        return row[at];
    uint16_t value;
    memcpy(&value, row + 2 * at, sizeof value);
    return value;
}

static void put_sample(const MicaImage *image, uint8_t *row, int x, int c, unsigned value)
{
    const ptrdiff_t at = (ptrdiff_t)x * image->channels + c;
    const uint16_t wide = (uint16_t)value;
    if (image->depth == 16)
        memcpy(row + 2 * at, &wide, sizeof wide);
    else
        row[at] = (uint8_t)value;
}

static unsigned full(const MicaImage *image)
{
    return image->depth == 16 ? 65535 : 255;
}

bool picture_is_opaque(const MicaImage *image)
{
    if (!picture_has_alpha(image))
        return true;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            if (picture_sample(image, image->data + y * image->stride, x, image->channels - 1) !=
                full(image))
                return false;
    return true;
}

static MicaStatus alloc_like(MicaImage *to, int width, int height, int channels, int depth,
                             MicaError *error)
{
    const MicaStatus status = mica_image_alloc_depth(to, width, height, channels, depth);
    return status == MICA_OK ? status
                             : report_fail(error, status, "%s", mica_status_string(status));
}

/* The samples of `to` take the place of those of `image`, whose metadata stays. */
static void take_samples(MicaImage *image, MicaImage *to)
{
    MicaImage old = *image;
    image->width = to->width;
    image->height = to->height;
    image->channels = to->channels;
    image->depth = to->depth;
    image->stride = to->stride;
    image->data = to->data;
    old.icc = old.exif = old.xmp = (MicaBuffer){NULL, 0};
    mica_image_free(&old);
}

MicaStatus picture_rounded(const MicaImage *image, MicaImage *out, MicaError *error)
{
    const MicaStatus status =
        alloc_like(out, image->width, image->height, image->channels, 8, error);
    for (int y = 0; y < image->height && status == MICA_OK; y++)
        for (int x = 0; x < image->width; x++)
            for (int c = 0; c < image->channels; c++) {
                const unsigned v = picture_sample(image, image->data + y * image->stride, x, c);
                put_sample(out, out->data + y * out->stride, x, c,
                           image->depth == 16 ? (v * 255 + 32767) / 65535 : v);
            }
    return status;
}

MicaStatus picture_round(MicaImage *image, MicaError *error)
{
    if (image->depth != 16)
        return MICA_OK;
    MicaImage to;
    const MicaStatus status = picture_rounded(image, &to, error);
    if (status == MICA_OK)
        take_samples(image, &to);
    return status;
}

MicaStatus picture_drop_alpha(MicaImage *image, MicaError *error)
{
    if (!picture_has_alpha(image))
        return MICA_OK;
    MicaImage to;
    const MicaStatus status = alloc_like(&to, image->width, image->height, image->channels - 1,
                                         image->depth == 16 ? 16 : 8, error);
    if (status != MICA_OK)
        return status;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            for (int c = 0; c < to.channels; c++)
                put_sample(&to, to.data + y * to.stride, x, c,
                           picture_sample(image, image->data + y * image->stride, x, c));
    take_samples(image, &to);
    image->premultiplied = 0;
    return MICA_OK;
}

void picture_unpremultiply(MicaImage *image)
{
    if (!picture_has_alpha(image) || !image->premultiplied)
        return;
    const unsigned most = full(image);
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->data + y * image->stride;
        for (int x = 0; x < image->width; x++) {
            const unsigned alpha = picture_sample(image, row, x, image->channels - 1);
            for (int c = 0; c + 1 < image->channels; c++) {
                const uint64_t v = picture_sample(image, row, x, c);
                const uint64_t divided = alpha ? (v * most + alpha / 2) / alpha : 0;
                put_sample(image, row, x, c, (unsigned)(divided < most ? divided : most));
            }
        }
    }
    image->premultiplied = 0;
}

/* An integer of 2 or 4 bytes in the byte order of a TIFF structure. */
static uint32_t tiff_integer(const uint8_t *p, int bytes, bool big_endian)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | p[big_endian ? i : bytes - 1 - i];
    return value;
}

/* Place of the orientation's value in an Exif block, 0 if there is none. */
static size_t find_orientation(const uint8_t *data, size_t size, bool *big_endian)
{
    if (size < 8)
        return 0;
    *big_endian = memcmp(data, "MM\0*", 4) == 0;
    if (!*big_endian && memcmp(data, "II*\0", 4) != 0)
        return 0;
    const size_t directory = tiff_integer(data + 4, 4, *big_endian);
    if (directory > size - 2)
        return 0;
    const size_t count = tiff_integer(data + directory, 2, *big_endian);
    for (size_t i = 0; i < count && size - directory - 2 >= 12 * (i + 1); i++) {
        const uint8_t *entry = data + directory + 2 + 12 * i;
        if (tiff_integer(entry, 2, *big_endian) == 0x112 &&
            tiff_integer(entry + 2, 2, *big_endian) == 3)
            return (size_t)(entry + 8 - data);
    }
    return 0;
}

int picture_orientation(const uint8_t *exif, size_t size)
{
    bool big_endian;
    const size_t place = find_orientation(exif, size, &big_endian);
    const uint32_t value = place ? tiff_integer(exif + place, 2, big_endian) : 1;
    return value >= 1 && value <= 8 ? (int)value : 1;
}

MicaStatus picture_orient(MicaImage *image, MicaError *error)
{
    const int orientation = picture_orientation(image->exif.data, image->exif.size);
    if (orientation == 1)
        return MICA_OK;
    const bool swaps = orientation >= 5; /* rows become columns */
    const int width = image->width, height = image->height;
    MicaImage to;
    const MicaStatus status = alloc_like(&to, swaps ? height : width, swaps ? width : height,
                                         image->channels, image->depth == 16 ? 16 : 8, error);
    if (status != MICA_OK)
        return status;
    /* Where the stored picture's rows and columns run backwards when it is shown. */
    const bool mirrored =
        orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool upside_down =
        orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const size_t pixel = (size_t)image->channels * (to.depth == 16 ? 2 : 1);
    for (int y = 0; y < to.height; y++)
        for (int x = 0; x < to.width; x++) {
            int from_x = swaps ? y : x, from_y = swaps ? x : y;
            from_x = mirrored ? width - 1 - from_x : from_x;
            from_y = upside_down ? height - 1 - from_y : from_y;
            memcpy(to.data + y * to.stride + (ptrdiff_t)((size_t)x * pixel),
                   image->data + from_y * image->stride + (ptrdiff_t)((size_t)from_x * pixel),
                   pixel);
        }
    take_samples(image, &to);
    bool big_endian;
    uint8_t *value =
        image->exif.data + find_orientation(image->exif.data, image->exif.size, &big_endian);
    value[0] = !big_endian;
    value[1] = big_endian;
    return MICA_OK;
}
