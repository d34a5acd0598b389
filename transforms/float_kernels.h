/*
 * The float kernels of the encoder's search: a matrix product with a fixed order of operations, and
 * the derivative of the restoration filter by a neighbour.
 *
 * Every output of a product is bias + in[0] w[0] + in[1] w[1] + ..., added from left to right, each
 * product and each sum rounded by itself (no fused multiply-add). Vectors run across the outputs,
 * so every instruction set gives the same bits, and so does every way to split the pixels over
 * threads. Nothing that a decoder runs is here.
 */
#ifndef MICA_TRANSFORMS_FLOAT_KERNELS_H
#define MICA_TRANSFORMS_FLOAT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Outputs are packed in panels of this many: packed[panel][input][MICA_FLOAT_PANEL]. */
#define MICA_FLOAT_PANEL 32

#define MICA_FLOAT_PIXELS 8

/* A product with the weights of one layer; `outputs` is a multiple of MICA_FLOAT_PANEL. */
typedef struct MicaFloatProduct {
    int inputs, outputs;
    const float *packed;
    const float *bias; /* NULL: none */
    float low, high;   /* results are clamped to this range */
} MicaFloatProduct;

typedef struct MicaFloatKernels {
    /* Pixel p: `inputs` floats at in + p * in_stride, `outputs` floats at out + p * out_stride.
     * With `add`, what out holds is added to each result before the clamp. */
    void (*product)(const MicaFloatProduct *product, const float *in, ptrdiff_t in_stride,
                    float *out, ptrdiff_t out_stride, size_t pixels, int add);

    /* A row of pixels whose filter sums factor[0] of the difference to a neighbour, and factor[1],
     * [2], [3] of it limited to MICA_RESTORATION_WIDE, _MIDDLE, _NARROW: where f is the sum of the
     * factors whose limit the difference is below (of the first always), `own` loses gradient * f,
     * and `other`, which no other argument overlaps, gets it. `count` is a multiple of
     * MICA_FLOAT_PIXELS. */
    void (*pull)(const int16_t *centre, const int16_t *neighbour, const float *const factor[4],
                 const float *gradient, float *own, float *other, size_t count);
} MicaFloatKernels;

void mica_float_kernels_init(MicaFloatKernels *kernels, uint32_t cpu_flags);

void mica_float_kernels_init_avx2(MicaFloatKernels *kernels);
void mica_float_kernels_init_avx512(MicaFloatKernels *kernels);

#endif
