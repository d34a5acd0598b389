/*
 * Rounding as a random choice, and what is to be expected of it: mean-field annealing.
 *
 * A value between two integers becomes the upper one with a probability p that favours the nearer,
 * with the odds of stochastic Gumbel annealing (Yang, Bamler and Mandt, "Improving Inference for
 * Neural Image Compression", NeurIPS 2020); the temperature moves it from soft to hard. Nothing is
 * drawn: every latent chooses by itself, so the expected squared error is that of the mean values,
 * and the variance p (1 - p) of each times its curvature. The expected bits lie between those of
 * the two symbols, which come from the coder's own tables.
 */
#ifndef MICA_CODEC_ENC_RELAX_H
#define MICA_CODEC_ENC_RELAX_H

#include <stdint.h>

#include "entropy/symbol_coder.h"

/* Bits of the symbols 0 .. MICA_RELAX_SYMBOLS - 1 under every model; beyond, they go on as they
 * end. */
#define MICA_RELAX_SYMBOLS 64

typedef struct MicaBitTable {
    float bits[MICA_SHAPE_COUNT][MICA_SCALE_COUNT][MICA_RELAX_SYMBOLS];
} MicaBitTable;

void mica_bit_table_init(MicaBitTable *table, const MicaSymbolTables *tables);

/* A rounded value and its derivatives by the real value. */
typedef struct MicaRelaxed {
    float value, slope;     /* and d value / d residual */
    float bits;             /* estimated */
    float bits_by_residual; /* d bits / d residual */
    float bits_by_index;    /* d bits / d scale index */
} MicaRelaxed;

/* How free a choice is. */
typedef struct MicaRelaxation {
    float temperature; /* above 0 */
    float spread;      /* bits that a variance of one squared step is worth */
} MicaRelaxation;

/* The expected value, and bits with those for its variance. `residual` in quantiser steps; `index`
 * is the real-valued scale index. */
MicaRelaxed mica_relax(const MicaBitTable *table, float residual, int shape, float index,
                       MicaRelaxation relaxation);

/* The limit of temperature 0: the better of the two neighbours, without derivatives. */
MicaRelaxed mica_round(const MicaBitTable *table, float residual, int shape, float index);

/* What the symbols below and above that one cost more. */
typedef struct MicaStepBits {
    float down, up;
} MicaStepBits;

MicaStepBits mica_step_bits(const MicaBitTable *table, int symbol, int shape, float index);

/* No rounding at all: the residual itself. Continuous, so gradients can be checked with it. */
MicaRelaxed mica_not_rounded(const MicaBitTable *table, float residual, int shape, float index);

/* Natural logarithm (x > 0) and exponential to about 1e-6, from IEEE 754 operations alone: unlike
 * the C library's they are the same everywhere. */
float mica_log(float x);
float mica_exp(float x);

#endif
