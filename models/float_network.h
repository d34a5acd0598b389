/*
 * The integer networks of a model in float, for the encoder's search: the same weights, without the
 * rounding of activations, and with what a gradient needs.
 *
 * A layer's value is (sum w x + bias - half) multiplier 2^-(15 + shift), clamped to the range of a
 * hidden tensor; int16 streams are not clamped. Tensors are NHWC planes of float, in the units of
 * the integer tensors.
 *
 * The results are the same on every machine (transforms/float_kernels.h): only +, -, *, / and sqrt
 * of IEEE 754 occur, in an order that depends neither on threads nor on the instruction set.
 */
#ifndef MICA_MODELS_FLOAT_NETWORK_H
#define MICA_MODELS_FLOAT_NETWORK_H

#include "codec/base/pool.h"
#include "mica/image.h"
#include "models/runner.h"
#include "transforms/float_kernels.h"

typedef struct MicaFloatLayer {
    MicaFloatProduct forward;
    MicaFloatProduct backward; /* gradient of the outputs -> gradient of the inputs */
} MicaFloatLayer;

typedef struct MicaFloatDepthwise {
    int channels;
    const float *weight; /* [9][channels] */
    const float *bias;
} MicaFloatDepthwise;

typedef struct MicaFloatBlock {
    MicaFloatLayer a, b, e, f;
    MicaFloatDepthwise dw;
} MicaFloatBlock;

typedef struct MicaFloatContextStep {
    MicaFloatLayer enter;
    MicaFloatBlock block;
    MicaFloatLayer head[MICA_GROUPS];
} MicaFloatContextStep;

typedef struct MicaFloatNetwork {
    MicaNetworkConfig config;
    MicaFloatKernels kernels;
    MicaFloatLayer stem, to_latent, prior_up0, prior_up1, from_latent, head;
    MicaFloatBlock analysis[MICA_MAX_BLOCKS], synthesis[MICA_MAX_BLOCKS];
    MicaFloatBlock prior_block0, prior_block1;
    MicaFloatContextStep context[MICA_CONTEXT_STEPS];
    float *memory;
} MicaFloatNetwork;

/* From a parsed file that a MicaNetwork has been built from, so all tensors are known to be there.
 * The file need not outlive it. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_float_network_create(MicaFloatNetwork **network, const MicaModelFile *file,
                                     uint32_t cpu_flags, MicaError *error);
void mica_float_network_destroy(MicaFloatNetwork **network);

/* 2^(sign * log2 / 256) for `channels` integers of a gain table at one quality. */
void mica_float_gains(const int16_t *anchors, int channels, int quality, int sign, float *gains);

/* A network on a plane of one size: threads and scratch memory. */
typedef struct MicaFloatRunner {
    const MicaFloatNetwork *network;
    MicaPool *pool;
    int width, rows; /* of the largest plane */
    float *scratch;
    size_t scratch_size; /* of one thread, floats */
    float *hidden;       /* one hidden plane of the widest block */
} MicaFloatRunner;

/* For pictures up to w16 x h16 positions of y. */
MicaStatus mica_float_runner_create(MicaFloatRunner *runner, const MicaFloatNetwork *network,
                                    MicaPool *pool, int w16, int h16, MicaError *error);
void mica_float_runner_free(MicaFloatRunner *runner);
float *mica_float_runner_scratch(const MicaFloatRunner *runner, int thread);

/* Which hidden values of a block lie inside their range, one byte each: 4 * channels a pixel for
 * an expansion of 2, 3 for 1. */
size_t mica_float_mask_size(const MicaFloatBlock *block, size_t pixels);

/* Sides where the 3x3 filter mirrors its input instead of taking zeros: those of a segment that lie
 * inside the picture (docs/networks.md, context). */
#define MICA_MIRROR_LEFT 1u
#define MICA_MIRROR_RIGHT 2u
#define MICA_MIRROR_TOP 4u
#define MICA_MIRROR_BOTTOM 8u

/* The block in place on a plane; mask (mica_float_mask_size() bytes) may be NULL. */
void mica_float_block(const MicaFloatRunner *runner, const MicaFloatBlock *block, float *plane,
                      int width, int rows, uint8_t *mask, unsigned mirror);
/* Gradient of the output -> gradient of the input, in place. Mirrored sides count as zeros. */
void mica_float_block_back(const MicaFloatRunner *runner, const MicaFloatBlock *block,
                           float *gradient, int width, int rows, const uint8_t *mask);

/* Pointwise products row by row. */
void mica_float_pointwise(const MicaFloatRunner *runner, const MicaFloatProduct *product,
                          const float *in, ptrdiff_t in_stride, float *out, ptrdiff_t out_stride,
                          int width, int rows, int add);

/* depth_to_space(layer(in), 2): `out` is 2 width x 2 rows pixels of outputs / 4 channels. */
void mica_float_up(const MicaFloatRunner *runner, const MicaFloatLayer *layer, const float *in,
                   ptrdiff_t in_stride, float *out, int width, int rows);
/* The gradient of `in` (stride layer inputs) from that of `out`. */
void mica_float_up_back(const MicaFloatRunner *runner, const MicaFloatLayer *layer,
                        const float *gradient, float *out, int width, int rows);
/* layer(space_to_depth(in, 2)) to width x rows pixels. */
void mica_float_down(const MicaFloatRunner *runner, const MicaFloatLayer *layer, const float *in,
                     float *out, int width, int rows);

/* The positions of y whose pixels the analysis of `rect` reads, inside those of the picture. */
MicaRect mica_float_analysis_reach(const MicaFloatNetwork *network, MicaRect rect, MicaRect whole);

/* Pixels -> y of the positions of `reach`, in the unit of the integer y, [rows][width][latents].
 * Zeros stand around `reach`: right for what mica_float_analysis_reach() was asked for, and for all
 * if it is the whole picture. The runner is at least of that size, `gain` is that of the stem
 * (mica_float_gains()), `stream` is scratch of 4 features a position. Not for a network that takes
 * a prediction. */
void mica_float_analyse(const MicaFloatRunner *runner, const MicaImage *image, const float *gain,
                        MicaRect reach, float *stream, float *y);

#endif
