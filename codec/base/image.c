#include "mica/image.h"

#include <string.h>

#include "codec/base/mem.h"

MicaStatus mica_image_alloc(MicaImage *image, int width, int height, int channels)
{
    return mica_image_alloc_depth(image, width, height, channels, 8);
}

MicaStatus mica_image_alloc_depth(MicaImage *image, int width, int height, int channels, int depth)
{
    if (!image)
        return MICA_ERROR_INVALID_ARGUMENT;
    memset(image, 0, sizeof(*image));
    if (width < 1 || width > MICA_MAX_DIMENSION || height < 1 || height > MICA_MAX_DIMENSION ||
        channels < 1 || channels > 4 || (depth != 8 && depth != 16))
        return MICA_ERROR_INVALID_ARGUMENT;

    const size_t row = (size_t)width * (size_t)channels * (size_t)(depth / 8);
    uint8_t *const data = mica_alloc((size_t)height, row);
    if (!data)
        return MICA_ERROR_OUT_OF_MEMORY;
    image->width = width;
    image->height = height;
    image->channels = channels;
    image->depth = depth;
    image->stride = (ptrdiff_t)row;
    image->data = data;
    return MICA_OK;
}

void mica_image_free(MicaImage *image)
{
    if (!image)
        return;
    mica_free(image->data);
    mica_buffer_free(&image->icc);
    mica_buffer_free(&image->exif);
    mica_buffer_free(&image->xmp);
    memset(image, 0, sizeof(*image));
}

MicaStatus mica_buffer_copy(MicaBuffer *buffer, const void *data, size_t size)
{
    if (!buffer || (!data && size))
        return MICA_ERROR_INVALID_ARGUMENT;
    uint8_t *const copy = size ? mica_alloc(size, 1) : NULL;
    if (copy)
        memcpy(copy, data, size);
    mica_buffer_free(buffer);
    if (!copy)
        return size ? MICA_ERROR_OUT_OF_MEMORY : MICA_OK;
    buffer->data = copy;
    buffer->size = size;
    return MICA_OK;
}

void mica_buffer_free(MicaBuffer *buffer)
{
    if (!buffer)
        return;
    mica_free(buffer->data);
    buffer->data = NULL;
    buffer->size = 0;
}
