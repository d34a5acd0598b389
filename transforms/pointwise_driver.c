#include "transforms/pointwise_driver.h"

/* Pixels of a block: whole groups, unless the rows are so long that not even one fits. */
static size_t block_pixels(size_t row_bytes, size_t group)
{
    const size_t pixels = MICA_BLOCK_BYTES / row_bytes;
    return pixels < group ? pixels : pixels / group * group;
}

void mica_pointwise_drive(const MicaTileKernel *kernel, const MicaPointwise *layer, const void *in,
                          ptrdiff_t in_stride, void *out, ptrdiff_t out_stride,
                          const int16_t *residual, size_t pixels)
{
    _Alignas(64) uint8_t scratch[MICA_BLOCK_BYTES];
    const ptrdiff_t out_size = layer->output_kind <= MICA_OUTPUT_S16_ADD ? 2 : 1;
    const size_t row_bytes = (size_t)layer->inputs * (size_t)kernel->in_size;
    const size_t block = block_pixels(row_bytes, (size_t)kernel->group);
    const size_t tile_bytes =
        kernel->packed_size(layer, kernel->tile) / (size_t)(layer->outputs / kernel->tile);
    MicaTileJob job = {.inputs = layer->inputs,
                       .kind = layer->output_kind,
                       .out_stride = out_stride * out_size,
                       .residual_stride = out_stride};

    for (size_t first = 0; first < pixels; first += block) {
        const size_t count = pixels - first < block ? pixels - first : block;
        ptrdiff_t stride = in_stride * kernel->in_size;
        const uint8_t *rows = (const uint8_t *)in + (ptrdiff_t)first * stride;

        if (kernel->convert) {
            const int8_t *source = (const int8_t *)in + (ptrdiff_t)first * in_stride;
            for (size_t p = 0; p < count; p++, source += in_stride)
                kernel->convert(source, scratch + p * row_bytes, layer->inputs);
            stride = (ptrdiff_t)row_bytes;
            rows = scratch;
        }
        job.in = rows;
        job.in_stride = stride;
        job.pixels = (int)count;
        job.weight = layer->packed;
        for (int o = 0; o < layer->outputs; o += kernel->tile, job.weight += tile_bytes) {
            const ptrdiff_t place = (ptrdiff_t)first * out_stride + o;

            job.bias = layer->requant.bias + o;
            job.multiplier = layer->requant.multiplier + o;
            job.shift = layer->requant.shift + o;
            job.out = (uint8_t *)out + place * out_size;
            if (layer->output_kind == MICA_OUTPUT_S16_ADD)
                job.residual = residual + place;
            kernel->run(&job);
        }
    }
}
