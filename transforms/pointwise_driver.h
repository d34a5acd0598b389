/*
 * The loops around the pointwise microkernels, the same on every level.
 *
 * Blocks of pixels, then tiles of output channels, then groups of a few pixels: the activations of
 * a block stay in the first-level cache while all tiles pass over them, and the weights of a tile
 * while it passes over the block. Signed 8-bit inputs are widened (or offset) once per block.
 */
#ifndef MICA_TRANSFORMS_POINTWISE_DRIVER_H
#define MICA_TRANSFORMS_POINTWISE_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include "codec/base/attributes.h"
#include "transforms/kernels.h"

#define MICA_GROUP_MAX 12            /* pixels of one microkernel call */
#define MICA_BLOCK_BYTES (24 * 1024) /* activations of one block, at least one group of int16 */

_Static_assert(MICA_BLOCK_BYTES >= 6 * MICA_MAX_INPUTS * 2, "a block holds a group");

/* One microkernel call: `group` pixels (rows repeat the last where fewer are left) times a tile. */
typedef struct MicaTileJob {
    const uint8_t *rows[MICA_GROUP_MAX];
    const void *weight;
    int inputs;
    const int32_t *bias; /* of the tile, as are multiplier and shift */
    const int16_t *multiplier;
    const uint8_t *shift;
    MicaOutputKind kind;
    uint8_t *out;            /* first pixel, first channel of the tile */
    ptrdiff_t out_stride;    /* bytes */
    const int16_t *residual; /* the same place; elements as stride */
    ptrdiff_t residual_stride;
    int count; /* pixels to store, 1..group */
} MicaTileJob;

typedef struct MicaDriver {
    int tile, group;
    size_t tile_bytes; /* packed weights of a tile */
    int in_size;       /* bytes per element of the rows that the microkernel reads */
    void (*convert)(const int8_t *in, void *out, int count); /* NULL: reads the input itself */
    void (*microkernel)(const MicaTileJob *job);
} MicaDriver;

MICA_INLINE void mica_pointwise_drive(const MicaDriver *d, const MicaPointwise *layer,
                                      const void *in, ptrdiff_t in_stride, void *out,
                                      ptrdiff_t out_stride, const int16_t *residual, size_t pixels,
                                      void *scratch)
{
    const int wide =
        layer->output_kind == MICA_OUTPUT_S16 || layer->output_kind == MICA_OUTPUT_S16_ADD;
    const ptrdiff_t out_bytes = wide ? 2 : 1;
    const size_t row_bytes = (size_t)(layer->inputs * d->in_size);
    const size_t group = (size_t)d->group;
    size_t block = MICA_BLOCK_BYTES / row_bytes / group * group;

    for (size_t first = 0; first < pixels; first += block) {
        const size_t count = pixels - first < block ? pixels - first : block;
        const uint8_t *rows = (const uint8_t *)in + (ptrdiff_t)first * in_stride * d->in_size;
        ptrdiff_t stride = in_stride * d->in_size;
        const uint8_t *weight = layer->packed;

        if (d->convert) {
            const int8_t *source = (const int8_t *)in + (ptrdiff_t)first * in_stride;
            stride = (ptrdiff_t)row_bytes;
            for (size_t p = 0; p < count; p++, source += in_stride)
                d->convert(source, (uint8_t *)scratch + p * row_bytes, layer->inputs);
            rows = scratch;
        }
        for (int o = 0; o < layer->outputs; o += d->tile, weight += d->tile_bytes) {
            MicaTileJob job = {.weight = weight,
                               .inputs = layer->inputs,
                               .bias = layer->requant.bias + o,
                               .multiplier = layer->requant.multiplier + o,
                               .shift = layer->requant.shift + o,
                               .kind = layer->output_kind,
                               .out_stride = out_stride * out_bytes,
                               .residual_stride = out_stride};

            for (size_t p = 0; p < count; p += group) {
                const ptrdiff_t offset = (ptrdiff_t)(first + p) * out_stride + o;
                job.count = (int)(count - p < group ? count - p : group);
                for (int i = 0; i < d->group; i++)
                    job.rows[i] =
                        rows +
                        (ptrdiff_t)(p + (size_t)(i < job.count ? i : job.count - 1)) * stride;
                job.out = (uint8_t *)out + offset * out_bytes;
                job.residual = residual ? residual + offset : NULL;
                d->microkernel(&job);
            }
        }
    }
}

#endif
