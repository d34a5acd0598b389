/*
 * The loops around the pointwise microkernels, the same on every level.
 *
 * Blocks of pixels, then tiles of output channels, then groups of a few pixels: the activations of
 * a block stay in the first-level cache while all tiles pass over them, and the weights of a tile
 * while it passes over the block. Inputs that a microkernel cannot take as they are get converted
 * once per block.
 */
#ifndef MICA_TRANSFORMS_POINTWISE_DRIVER_H
#define MICA_TRANSFORMS_POINTWISE_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "codec/base/attributes.h"
#include "transforms/kernels.h"

#define MICA_GROUP_MAX 12            /* pixels that a microkernel computes at a time */
#define MICA_BLOCK_BYTES (24 * 1024) /* activations of a block */

_Static_assert(MICA_BLOCK_BYTES >= 2 * MICA_MAX_INPUTS, "a block must hold a pixel");

/* One call of a microkernel: the pixels of a block times a tile of output channels. */
typedef struct MicaTileJob {
    const uint8_t *in; /* in_stride is in bytes */
    ptrdiff_t in_stride;
    int inputs, pixels;
    const uint8_t *weight; /* packed, of this tile */
    const int32_t *bias;   /* of this tile, as are multiplier and shift */
    const int16_t *multiplier;
    const uint8_t *shift;
    MicaOutputKind kind;
    uint8_t *out; /* first channel of the tile; out_stride is in bytes, residual_stride is not */
    const int16_t *residual;
    ptrdiff_t out_stride, residual_stride;
} MicaTileJob;

typedef struct MicaTileKernel {
    int tile, group;
    int in_size; /* bytes per input element as `run` reads it */
    size_t (*packed_size)(const MicaPointwise *layer, int tile);
    void (*pack)(const MicaPointwise *layer, const void *weight, void *packed, int tile);
    void (*convert)(const int8_t *in, void *out, int count); /* NULL: none needed */
    void (*run)(const MicaTileJob *job);
} MicaTileKernel;

/* Row p of a job; pixels beyond the last repeat it, so that whole groups can be read. */
MICA_INLINE const uint8_t *mica_job_row(const MicaTileJob *job, int p)
{
    return job->in + (p < job->pixels ? p : job->pixels - 1) * job->in_stride;
}

void mica_pointwise_drive(const MicaTileKernel *kernel, const MicaPointwise *layer, const void *in,
                          ptrdiff_t in_stride, void *out, ptrdiff_t out_stride,
                          const int16_t *residual, size_t pixels);

#endif
