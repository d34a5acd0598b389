/*
 * Lossless coding of a mask: a plane of levels 0 (transparent) .. top (opaque), of which the two
 * ends are usually far more frequent than the levels between them (docs/entropy.md).
 */
#ifndef MICA_ENTROPY_MASK_CODER_H
#define MICA_ENTROPY_MASK_CODER_H

#include <stddef.h>
#include <stdint.h>

#include "codec/base/bytes.h"
#include "mica/status.h"

/* With a border that the coder uses; its contents are the coder's. */
typedef struct MicaMask {
    int width, height;
    ptrdiff_t stride;
    uint16_t *level; /* of (x, y): level[y * stride + x] */
    uint16_t *memory;
} MicaMask;

/* All levels 0; MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_mask_alloc(MicaMask *mask, int width, int height);
void mica_mask_free(MicaMask *mask);

/* Append the coded levels, all 0..top with top 1..65535, to `out`. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_mask_encode(MicaMask *mask, int top, MicaWriter *out);

/* Fill the levels of an allocated mask. MICA_ERROR_BITSTREAM if the data is not exactly the code of
 * a mask of this size; the levels are garbage then, but in 0..top. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_mask_decode(MicaMask *mask, int top, const uint8_t *data, size_t size);

#endif
