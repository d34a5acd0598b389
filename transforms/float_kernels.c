#include "transforms/float_kernels.h"

#include <stdlib.h>

#include "codec/base/attributes.h"
#include "codec/base/cpu.h"
#include "transforms/kernels.h"

static void panel_c(const MicaFloatProduct *product, int first, const float *in, float *out,
                    int add)
{
    const float *weight = product->packed + (ptrdiff_t)first * product->inputs;
    float sum[MICA_FLOAT_PANEL];
    for (int o = 0; o < MICA_FLOAT_PANEL; o++)
        sum[o] = product->bias ? product->bias[first + o] : 0.0f;
    for (int i = 0; i < product->inputs; i++, weight += MICA_FLOAT_PANEL)
        for (int o = 0; o < MICA_FLOAT_PANEL; o++)
            sum[o] += in[i] * weight[o];
    for (int o = 0; o < MICA_FLOAT_PANEL; o++) {
        float v = add ? sum[o] + out[first + o] : sum[o];
        v = v > product->low ? v : product->low;
        out[first + o] = v < product->high ? v : product->high;
    }
}

static void product_c(const MicaFloatProduct *product, const float *in, ptrdiff_t in_stride,
                      float *out, ptrdiff_t out_stride, size_t pixels, int add)
{
    for (int first = 0; first < product->outputs; first += MICA_FLOAT_PANEL)
        for (size_t p = 0; p < pixels; p++)
            panel_c(product, first, in + (ptrdiff_t)p * in_stride, out + (ptrdiff_t)p * out_stride,
                    add);
}

static void pull_c(const int16_t *centre, const int16_t *neighbour, const float *const factor[4],
                   const float *gradient, float *own, float *other, size_t count)
{
    for (size_t x = 0; x < count; x++) {
        const int apart = abs(neighbour[x] - centre[x]);
        float sum = factor[0][x];
        sum += apart < MICA_RESTORATION_WIDE ? factor[1][x] : 0.0f;
        sum += apart < MICA_RESTORATION_MIDDLE ? factor[2][x] : 0.0f;
        sum += apart < MICA_RESTORATION_NARROW ? factor[3][x] : 0.0f;
        own[x] -= gradient[x] * sum;
        other[x] += gradient[x] * sum;
    }
}

void mica_float_kernels_init(MicaFloatKernels *kernels, uint32_t cpu_flags)
{
    (void)cpu_flags;
    kernels->product = product_c;
    kernels->pull = pull_c;
#if defined(MICA_HAVE_X86)
    if (cpu_flags & MICA_CPU_AVX2)
        mica_float_kernels_init_avx2(kernels);
    if (cpu_flags & MICA_CPU_AVX512)
        mica_float_kernels_init_avx512(kernels);
#endif
}
