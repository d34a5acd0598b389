/*
 * The reference kernels: what docs/numerics.md says, in plain C and in the obvious order. They
 * define the result of every other level and run where there is none, so they are kept simple and
 * free of byte order and alignment.
 */
#include <stdlib.h>
#include <string.h>

#include "transforms/kernels.h"
#include "transforms/kernels_impl.h"
#include "transforms/ycocg.h"

/* The canonical weight order serves the reference as it is. */
static size_t pointwise_packed_size_c(const MicaPointwise *layer)
{
    return (size_t)layer->outputs * (size_t)layer->inputs * (layer->wide ? 2 : 1);
}

static void pointwise_pack_c(const MicaPointwise *layer, const void *weight, void *packed)
{
    memcpy(packed, weight, pointwise_packed_size_c(layer));
}

static size_t depthwise_packed_size_c(const MicaDepthwise *layer)
{
    return 9 * (size_t)layer->channels;
}

static void depthwise_pack_c(const MicaDepthwise *layer, const int8_t *weight, void *packed)
{
    memcpy(packed, weight, depthwise_packed_size_c(layer));
}

static int32_t dot_s16(const int8_t *weight, const int16_t *in, int count)
{
    int32_t sum = 0;

    for (int i = 0; i < count; i++)
        sum += weight[i] * in[i];
    return sum;
}

static int32_t dot_wide(const int16_t *weight, const int16_t *in, int count)
{
    int32_t sum = 0;

    for (int i = 0; i < count; i++)
        sum += weight[i] * in[i];
    return sum;
}

/* Both 8-bit kinds: u7 is stored as int8. */
static int32_t dot_s8(const int8_t *weight, const int8_t *in, int count)
{
    int32_t sum = 0;

    for (int i = 0; i < count; i++)
        sum += weight[i] * in[i];
    return sum;
}

static void mica_pointwise_c(const MicaPointwise *layer, const void *in, ptrdiff_t in_stride,
                             void *out, ptrdiff_t out_stride, const int16_t *residual,
                             size_t pixels)
{
    const MicaRequant *rq = &layer->requant;
    const int8_t *in8 = in;
    const int16_t *in16 = in;
    int8_t *out8 = out;
    int16_t *out16 = out;

    for (size_t p = 0; p < pixels; p++) {
        const int8_t *weight = layer->packed;
        const int16_t *wide = layer->packed;

        for (int o = 0; o < layer->outputs; o++, weight += layer->inputs, wide += layer->inputs) {
            const int32_t sum = layer->wide ? dot_wide(wide, in16, layer->inputs)
                                : layer->input_kind == MICA_INPUT_S16
                                    ? dot_s16(weight, in16, layer->inputs)
                                    : dot_s8(weight, in8, layer->inputs);
            const int16_t v = mica_requantise(sum + rq->bias[o], rq->shift[o], rq->multiplier[o]);

            switch (layer->output_kind) {
            case MICA_OUTPUT_S16:
                out16[o] = v;
                break;
            case MICA_OUTPUT_S16_ADD:
                out16[o] = mica_clamp16(residual[o] + v);
                break;
            case MICA_OUTPUT_S8:
                out8[o] = (int8_t)mica_clamp(v, -127, 127);
                break;
            case MICA_OUTPUT_U7:
                out8[o] = (int8_t)mica_clamp(v, 0, 127);
                break;
            }
        }
        if (layer->input_kind == MICA_INPUT_S16)
            in16 += in_stride;
        else
            in8 += in_stride;
        if (layer->output_kind == MICA_OUTPUT_S16 || layer->output_kind == MICA_OUTPUT_S16_ADD)
            out16 += out_stride;
        else
            out8 += out_stride;
        if (layer->output_kind == MICA_OUTPUT_S16_ADD)
            residual += out_stride;
    }
}

static void mica_depthwise_c(const MicaDepthwise *layer, const int8_t *const rows[3], int8_t *out,
                             size_t width)
{
    const MicaRequant *rq = &layer->requant;
    const int8_t *weight = layer->packed;
    const size_t channels = (size_t)layer->channels;

    for (size_t x = 0; x < width; x++) {
        for (size_t c = 0; c < channels; c++) {
            int32_t sum = rq->bias[c];

            for (size_t tap = 0; tap < 9; tap++)
                sum += weight[tap * channels + c] * rows[tap / 3][(x + tap % 3) * channels + c];
            out[x * channels + c] = (int8_t)mica_clamp(
                mica_requantise(sum, rq->shift[c], rq->multiplier[c]), -127, 127);
        }
    }
}

static void mica_gain_c(const int16_t *in, int16_t *out, size_t pixels, int channels,
                        const int16_t *mantissa, const uint8_t *shift)
{
    for (size_t p = 0; p < pixels; p++, in += channels, out += channels)
        for (int c = 0; c < channels; c++)
            out[c] =
                mica_clamp16((in[c] * mantissa[c] + (INT32_C(1) << shift[c] >> 1)) >> shift[c]);
}

static void laplacians_c(const int16_t *const rows[4], size_t squares,
                         int32_t *const sums[MICA_DIRECTIONS])
{
    static const int offset[MICA_DIRECTIONS] = {0, 1, -1, 1}; /* of the neighbour above, or right */

    for (int d = 0; d < MICA_DIRECTIONS; d++)
        for (size_t i = 0; i < squares; i++) {
            int32_t sum = 0;

            for (int k = 0; k < 4; k++) {
                const int16_t *const p = rows[1 + k / 2] + 2 * i + k % 2;
                const int16_t *const above = rows[k / 2] + 2 * i + k % 2;
                const int16_t *const below = rows[2 + k / 2] + 2 * i + k % 2;
                const int pair = d == 1 ? p[-1] + p[1] : above[offset[d]] + below[-offset[d]];
                sum += abs(2 * *p - pair);
            }
            sums[d][i] = sum;
        }
}

/* A pair of neighbours a and b less the pixel between them. */
MICA_INLINE int32_t limited(int a, int b, int limit)
{
    return mica_clamp(a, -limit, limit) + mica_clamp(b, -limit, limit);
}

MICA_INLINE int32_t pair_sum(int a, int b, const int16_t w[4])
{
    return w[0] * mica_clamp16(a + b) + w[1] * limited(a, b, MICA_RESTORATION_WIDE) +
           w[2] * limited(a, b, MICA_RESTORATION_MIDDLE) +
           w[3] * limited(a, b, MICA_RESTORATION_NARROW);
}

MICA_INLINE int change(int32_t sum)
{
    return mica_clamp((sum + (1 << (MICA_RESTORATION_FRACTION - 1))) >> MICA_RESTORATION_FRACTION,
                      -MICA_RESTORATION_MOST_CHANGE, MICA_RESTORATION_MOST_CHANGE);
}

#define ADD_PAIR(dy, dx)                                                                           \
    sum += pair_sum(rows[3 + (dy)][at + (dx)] - centre, rows[3 - (dy)][at - (dx)] - centre, w);    \
    w += 4;

static int restored_luma(const int16_t *const rows[7], ptrdiff_t at, const int16_t *w)
{
    const int centre = rows[3][at];
    int32_t sum = 0;

    MICA_RESTORATION_NEAR(ADD_PAIR)
    MICA_RESTORATION_FAR(ADD_PAIR)
    return centre + change(sum);
}

static int restored_chroma(const int16_t *const rows[7], ptrdiff_t at, const int16_t *w)
{
    const int centre = rows[3][at];
    int32_t sum = 0;

    MICA_RESTORATION_NEAR(ADD_PAIR)
    return centre + change(sum);
}

static void restore_c(const int16_t *const rows[3][7], const int16_t *weight,
                      const uint8_t *classes, size_t blocks, int16_t *const out[3])
{
    for (size_t i = 0; i < blocks * MICA_RESTORATION_BLOCK; i++) {
        const ptrdiff_t at = (ptrdiff_t)i;
        const int16_t *luma =
            weight + classes[i / MICA_RESTORATION_BLOCK] * MICA_RESTORATION_WEIGHTS;
        const int16_t *chroma = luma + MICA_RESTORATION_LUMA_WEIGHTS;
        const int ycocg[3] = {restored_luma(rows[0], at, luma),
                              restored_chroma(rows[1], at, chroma),
                              restored_chroma(rows[2], at, chroma)};
        int rgb[3];
        mica_ycocg_to_rgb(ycocg, rgb);
        for (int c = 0; c < 3; c++)
            out[c][i] = (int16_t)mica_clamp(rgb[c], 0, MICA_RESTORATION_MAX);
    }
}

void mica_kernels_init_c(MicaKernels *kernels)
{
    kernels->pointwise_packed_size = pointwise_packed_size_c;
    kernels->pointwise_pack = pointwise_pack_c;
    kernels->depthwise_packed_size = depthwise_packed_size_c;
    kernels->depthwise_pack = depthwise_pack_c;
    kernels->pointwise = mica_pointwise_c;
    kernels->depthwise = mica_depthwise_c;
    kernels->gain = mica_gain_c;
    kernels->laplacians = laplacians_c;
    kernels->restore = restore_c;
}
