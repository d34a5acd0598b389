/*
 * Rounding as a random choice that can be differentiated: stochastic Gumbel annealing (Yang, Bamler
 * and Mandt, "Improving Inference for Neural Image Compression", NeurIPS 2020).
 *
 * A value between two integers is replaced by a point between them that lies near the lower or the
 * upper one, with probabilities that favour the nearer; the temperature moves it from soft to hard.
 * The bits are those of the two neighbouring symbols, taken from the coder's own tables and
 * interpolated linearly.
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

/* `residual` in quantiser steps; `index` is the real-valued scale index; `random` are 32 random
 * bits. */
MicaRelaxed mica_relax(const MicaBitTable *table, float residual, int shape, float index,
                       float temperature, uint32_t random);

/* The limit of temperature 0: the better of the two neighbours, without derivatives. */
MicaRelaxed mica_round(const MicaBitTable *table, float residual, int shape, float index);

/* What the symbols below and above that one cost more. */
typedef struct MicaStepBits {
    float down, up;
} MicaStepBits;

MicaStepBits mica_step_bits(const MicaBitTable *table, int symbol, int shape, float index);

/* No rounding at all: the residual itself. Continuous, so gradients can be checked with it. */
MicaRelaxed mica_not_rounded(const MicaBitTable *table, float residual, int shape, float index);

/* 32 bits that look random, the same on every machine. */
uint32_t mica_random(uint32_t seed, uint32_t index);

/* Natural logarithm (x > 0) and exponential to about 1e-6, from IEEE 754 operations alone: unlike
 * the C library's they are the same everywhere. */
float mica_log(float x);
float mica_exp(float x);

#endif
