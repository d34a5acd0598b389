#include "mica/image.h"

#include <string.h>

#include "codec/base/mem.h"
#include "mica/codec.h"

MicaStatus mica_image_alloc(MicaImage *image, int width, int height, int channels)
{
    if (!image)
        return MICA_ERROR_INVALID_ARGUMENT;
    memset(image, 0, sizeof(*image));
    if (width < 1 || width > MICA_MAX_DIMENSION || height < 1 || height > MICA_MAX_DIMENSION ||
        (channels != 1 && channels != 3))
        return MICA_ERROR_INVALID_ARGUMENT;

    const size_t row = (size_t)width * (size_t)channels;
    uint8_t *const data = mica_alloc((size_t)height, row);
    if (!data)
        return MICA_ERROR_OUT_OF_MEMORY;
    image->width = width;
    image->height = height;
    image->channels = channels;
    image->stride = (ptrdiff_t)row;
    image->data = data;
    return MICA_OK;
}

void mica_image_free(MicaImage *image)
{
    if (!image)
        return;
    mica_free(image->data);
    memset(image, 0, sizeof(*image));
}

void mica_buffer_free(MicaBuffer *buffer)
{
    if (!buffer)
        return;
    mica_free(buffer->data);
    buffer->data = NULL;
    buffer->size = 0;
}
