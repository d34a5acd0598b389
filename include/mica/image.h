/*
 * Pictures in memory: 8-bit samples, interleaved, gray or RGB (sRGB unless the caller knows
 * better).
 *
 * Memory: mica_image_alloc() owns `data` and mica_image_free() releases it. A caller may also point
 * `data` at its own samples to encode them; then it must not call mica_image_free().
 */
#ifndef MICA_IMAGE_H
#define MICA_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "mica/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MICA_MAX_DIMENSION 65535

typedef struct MicaImage {
    int width;        /* pixels, 1..MICA_MAX_DIMENSION */
    int height;       /* pixels, 1..MICA_MAX_DIMENSION */
    int channels;     /* 1 gray, 3 RGB */
    ptrdiff_t stride; /* bytes from one row to the next */
    uint8_t *data;    /* sample (x, y, c) is data[y * stride + x * channels + c] */
} MicaImage;

/* Allocate the samples of a picture. MICA_ERROR_INVALID_ARGUMENT, MICA_ERROR_OUT_OF_MEMORY. */
MICA_API MicaStatus mica_image_alloc(MicaImage *image, int width, int height, int channels);

/* Release what mica_image_alloc() or mica_image_decode() allocated; NULL and zeroed pictures are
 * fine. */
MICA_API void mica_image_free(MicaImage *image);

#ifdef __cplusplus
}
#endif

#endif
