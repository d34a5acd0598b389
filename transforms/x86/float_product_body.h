/*
 * The product of transforms/float_kernels.h for one vector width. The including file defines Vec,
 * LANES, ROWS (pixels of a tile) and v_set, v_load, v_store, v_add, v_mul, v_min, v_max.
 */
#include "codec/base/attributes.h"
#include "transforms/float_kernels.h"

#define COLUMNS 2 /* vectors of a tile */

/* `rows` is a constant wherever this is inlined, so the sums stay in registers. */
MICA_INLINE void tile(const MicaFloatProduct *product, int first, const float *in,
                      ptrdiff_t in_stride, float *out, ptrdiff_t out_stride, int add,
                      const int rows)
{
    const int panel = first / MICA_FLOAT_PANEL * MICA_FLOAT_PANEL;
    const float *weight = product->packed + (ptrdiff_t)panel * product->inputs + (first - panel);
    Vec sum[ROWS][COLUMNS];
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int c = 0; c < COLUMNS; c++)
            sum[r][c] = product->bias ? v_load(product->bias + first + c * LANES) : v_set(0);
    for (int i = 0; i < product->inputs; i++, weight += MICA_FLOAT_PANEL) {
        const Vec w0 = v_load(weight), w1 = v_load(weight + LANES);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            const Vec v = v_set(in[r * in_stride + i]);
            sum[r][0] = v_add(sum[r][0], v_mul(v, w0));
            sum[r][1] = v_add(sum[r][1], v_mul(v, w1));
        }
    }
    const Vec low = v_set(product->low), high = v_set(product->high);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int c = 0; c < COLUMNS; c++) {
            float *to = out + r * out_stride + first + c * LANES;
            const Vec v = add ? v_add(sum[r][c], v_load(to)) : sum[r][c];
            v_store(to, v_min(v_max(v, low), high));
        }
}

static void product_vector(const MicaFloatProduct *product, const float *in, ptrdiff_t in_stride,
                           float *out, ptrdiff_t out_stride, size_t pixels, int add)
{
    for (int first = 0; first < product->outputs; first += COLUMNS * LANES) {
        const float *from = in;
        float *to = out;
        size_t p = 0;
        for (; p + ROWS <= pixels; p += ROWS, from += ROWS * in_stride, to += ROWS * out_stride)
            tile(product, first, from, in_stride, to, out_stride, add, ROWS);
        for (; p + 2 <= pixels; p += 2, from += 2 * in_stride, to += 2 * out_stride)
            tile(product, first, from, in_stride, to, out_stride, add, 2);
        if (p < pixels)
            tile(product, first, from, in_stride, to, out_stride, add, 1);
    }
}
