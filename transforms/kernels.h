/*
 * The integer operators that all networks are made of, one function table per instruction-set
 * level.
 *
 * Layout: tensors are pixels x channels (NHWC); the channel count of a kernel's tensors is a
 * multiple of 32, rows of weights and tensors are 64-byte aligned, and MICA_PADDING bytes after
 * every tensor may be read (codec/base/mem.h). Strides are in elements. Every function of every
 * level returns bit for bit what the `_c` reference returns, for all inputs that satisfy the bounds
 * stated here (docs/numerics.md is the normative text).
 *
 * Requantisation (the one rule, docs/numerics.md section 2), per output channel o, from the int32
 * accumulator:
 *
 *     t = clamp16((acc + bias[o]) >> shift[o])     arithmetic shift, bias holds the rounding half
 *     v = (t * multiplier[o] + 0x4000) >> 15       0 <= multiplier <= 32767, 0 <= shift <= 31
 *
 * followed by saturation to the output kind. acc + bias does not overflow, whatever the input: the
 * model loader proves it from the weights.
 */
#ifndef MICA_TRANSFORMS_KERNELS_H
#define MICA_TRANSFORMS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "mica/status.h"

typedef enum MicaInputKind {
    MICA_INPUT_S16 = 0, /* residual stream, any int16 */
    MICA_INPUT_S8 = 1,  /* signed, -127..127 */
    MICA_INPUT_U7 = 2   /* after ReLU, 0..127, stored as int8 */
} MicaInputKind;

typedef enum MicaOutputKind {
    MICA_OUTPUT_S16 = 0,     /* int16: v */
    MICA_OUTPUT_S16_ADD = 1, /* int16: clamp16(residual + v) */
    MICA_OUTPUT_S8 = 2,      /* int8: clamp(v, -127, 127) */
    MICA_OUTPUT_U7 = 3       /* int8: clamp(v, 0, 127), the ReLU */
} MicaOutputKind;

/* Requantisation of the output channels; arrays of `outputs` elements, owned by the model. */
typedef struct MicaRequant {
    const int32_t *bias;
    const int16_t *multiplier;
    const uint8_t *shift;
} MicaRequant;

/* A pointwise (1x1) convolution with int8 weights, or with int16 weights where the inputs are
 * int16: out[p][o] = requant(sum over i of weight[o][i] * in[p][i]). */
typedef struct MicaPointwise {
    int inputs, outputs; /* channels, multiples of 32, inputs <= MICA_MAX_INPUTS */
    MicaInputKind input_kind;
    MicaOutputKind output_kind;
    MicaRequant requant;
    const void *packed; /* weights in the layout of the table that packed them */
    int wide;           /* the weights are int16 */
} MicaPointwise;

#define MICA_MAX_INPUTS 2048

/* The restoration filter (docs/networks.md, section 9) looks at so many pixels on every side, and
 * at so many pairs of opposite neighbours in luma and in each of the two chromas. A pair has four
 * weights: of its whole difference to the pixel, and of its differences limited in three ways.
 * Blocks of so many pixels each way share their weights, those of luma before those of chroma. */
#define MICA_RESTORATION_REACH 3
#define MICA_RESTORATION_LUMA_PAIRS 12
#define MICA_RESTORATION_CHROMA_PAIRS 6
#define MICA_RESTORATION_LUMA_WEIGHTS (4 * MICA_RESTORATION_LUMA_PAIRS)
#define MICA_RESTORATION_WEIGHTS (4 * (MICA_RESTORATION_LUMA_PAIRS + MICA_RESTORATION_CHROMA_PAIRS))
#define MICA_RESTORATION_BLOCK 4
#define MICA_RESTORATION_FRACTION 10    /* weights are in 1 / 2^10 */
#define MICA_RESTORATION_WIDE (16 * 64) /* the three limits */
#define MICA_RESTORATION_MIDDLE (5 * 64)
#define MICA_RESTORATION_NARROW (3 * 64 / 2)
#define MICA_RESTORATION_MOST_CHANGE 4096  /* of luma or a chroma */
#define MICA_RESTORATION_MAX (255 * 64)    /* samples are 0..255 in 1/64 */
#define MICA_RESTORATION_MOST_WEIGHT 65000 /* sum of magnitudes, of luma or of chroma */
#define MICA_RESTORATION_MORE_BLOCKS 3     /* that a kernel may read and write */

/* The pixels on one side of a pixel (dy, dx), each with its opposite a pair of neighbours: near
 * ones for luma and chroma, far ones for luma alone. */
#define MICA_RESTORATION_NEAR(apply)                                                               \
    apply(0, 1) apply(1, 0) apply(1, 1) apply(1, -1) apply(0, 2) apply(2, 0)
#define MICA_RESTORATION_FAR(apply)                                                                \
    apply(0, 3) apply(3, 0) apply(1, 2) apply(1, -2) apply(2, 1) apply(2, -1)

#define MICA_DIRECTIONS 4
#define MICA_LAPLACIAN_SQUARES 8 /* the kernel takes a multiple of it */

/* A 3x3 depthwise convolution, u7 in, s8 out: weights int8 [9][channels], the tap of the neighbour
 * (dy, dx), -1..1 each, at index (dy + 1) * 3 + dx + 1. */
typedef struct MicaDepthwise {
    int channels; /* multiple of 32 */
    MicaRequant requant;
    const void *packed;
} MicaDepthwise;

typedef struct MicaKernels {
    uint32_t cpu_flags; /* the level that this table was built for */

    /* Bytes of the packed weights of a layer (kinds, width and channel counts set), and the packer;
     * weight is int8 or int16 [outputs][inputs], or int8 [9][channels]. `packed` is 64-byte
     * aligned. */
    size_t (*pointwise_packed_size)(const MicaPointwise *layer);
    void (*pointwise_pack)(const MicaPointwise *layer, const void *weight, void *packed);
    size_t (*depthwise_packed_size)(const MicaDepthwise *layer);
    void (*depthwise_pack)(const MicaDepthwise *layer, const int8_t *weight, void *packed);

    /* `pixels` pixels, 0 is fine. in: int16 or int8 by input_kind, pixel p at in + p * in_stride.
     * out: int16 or int8 by output_kind, pixel p at out + p * out_stride. residual: int16, pixel p
     * at residual + p * out_stride, used by MICA_OUTPUT_S16_ADD only; it may equal out, in may not
     * overlap out. Strides are multiples of 32. Nothing is written outside the outputs. */
    void (*pointwise)(const MicaPointwise *layer, const void *in, ptrdiff_t in_stride, void *out,
                      ptrdiff_t out_stride, const int16_t *residual, size_t pixels);

    /* One row of `width` pixels: rows[0..2] point at the pixel above-left, left and below-left of
     * the first output pixel; width + 2 pixels are read from each, contiguous. The border is in the
     * data (zeros). */
    void (*depthwise)(const MicaDepthwise *layer, const int8_t *const rows[3], int8_t *out,
                      size_t width);

    /* out[p][c] = clamp16((in[p][c] * mantissa[c] + (1 << shift[c] >> 1)) >> shift[c]) with
     * 0 <= mantissa <= 32767, 1 <= shift <= 30; `channels` is a multiple of 32; in may equal
     * out. */
    void (*gain)(const int16_t *in, int16_t *out, size_t pixels, int channels,
                 const int16_t *mantissa, const uint8_t *shift);

    /* |2 p - a - b| of luma with its neighbours above and below, left and right, above-left and
     * below-right, above-right and below-left, summed over squares of 2x2. rows[1] and rows[2] are
     * the rows of the squares, rows[0] and rows[3] those around; samples are 0..4080, and one on
     * each side is read. `squares` is a multiple of MICA_LAPLACIAN_SQUARES. */
    void (*laplacians)(const int16_t *const rows[4], size_t squares,
                       int32_t *const sums[MICA_DIRECTIONS]);

    /* One row of pixels Y, Co, Cg -> restored R, G, B, 0..MICA_RESTORATION_MAX. rows[c][3] is the
     * row of a plane, the others those around; MICA_RESTORATION_REACH pixels are read on each side.
     * Block i has the weights from weight[classes[i] * MICA_RESTORATION_WEIGHTS] on.
     * MICA_RESTORATION_MORE_BLOCKS more may be read, also of the classes, and written. */
    void (*restore)(const int16_t *const rows[3][2 * MICA_RESTORATION_REACH + 1],
                    const int16_t *weight, const uint8_t *classes, size_t blocks,
                    int16_t *const out[3]);
} MicaKernels;

/* Fill the table for the given flags: the reference first, then every level the flags allow. */
void mica_kernels_init(MicaKernels *kernels, uint32_t cpu_flags);

#endif
