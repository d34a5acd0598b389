/*
 * The last layer of the synthesis for smaller pictures: instead of 8x8 pixels of a cell, the means
 * of squares of them, from the means of the weights. Integers all along (docs/networks.md, section
 * 6), so the small pictures are as exact as the large ones.
 */
#ifndef MICA_MODELS_SCALED_HEAD_H
#define MICA_MODELS_SCALED_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "models/model_file.h"
#include "transforms/kernels.h"

#define MICA_SCALES 4 /* 1, 1/2, 1/4, 1/8: by log2 */

/* Channels of the layer for scale 1 / 2^log2, multiple of 32; the first 3 * (8 >> log2)^2 are the
 * samples (y, x, colour). */
int mica_scaled_head_outputs(int log2);

/* Weights and requantisation of one output. `weight` is the head's, [192][inputs], `out` [inputs].
 */
typedef struct MicaScaledOutput {
    int32_t bias;
    int16_t multiplier;
    uint8_t shift;
} MicaScaledOutput;

MicaScaledOutput mica_scaled_head_output(const MicaRequant *head, MicaWeights weight, int inputs,
                                         int log2, int output, int8_t *out);

#endif
