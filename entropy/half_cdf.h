/*
 * The one function behind every model: A(t) = P(0 < T < t) of the unit-variance generalized
 * Gaussian, in integers.
 *
 * A is in units of 2^-20 (A < 2^19), t in units of 2^-16. It is piecewise linear between the values
 * of a constant table whose segments are finer towards t = 0, where small shapes have a cusp: u = t
 * + 256 is split like a float into exponent, 6 bits of segment and 13 bits of position in it. The
 * error is below 2^-16 for every shape (tests).
 */
#ifndef MICA_ENTROPY_HALF_CDF_H
#define MICA_ENTROPY_HALF_CDF_H

#include <stdint.h>

#include "codec/base/attributes.h"
#include "entropy/symbol_coder.h"

#define MICA_HALF_CDF_SEGMENTS 832
#define MICA_HALF_CDF_BITS 20
#define MICA_T_MAX ((1u << 21) - 257u)

/* A window ends where at most this much of A is left on a side. */
#define MICA_TAIL 4
#define MICA_WIDTH_MAX 2047

/* t of a distance d in 1/32 of a quantiser step is (d * multiplier) >> shift. */
typedef struct MicaReciprocal {
    uint16_t multiplier, shift;
} MicaReciprocal;

extern const uint16_t mica_half_cdf_steps[MICA_SHAPE_COUNT][MICA_HALF_CDF_SEGMENTS];
/* The grid of symbol_coder.h, and one octave of the grid sigma = 0.11 * 2^(index / 16); shift 1 for
 * each octave. */
extern const MicaReciprocal mica_reciprocals[MICA_SCALE_COUNT];
extern const uint16_t mica_fine_multipliers[16];

/* A row of the table ready for use: value at the start of a segment << 13 | step to the next one.
 */
typedef struct MicaHalfCdf {
    uint32_t segments[MICA_HALF_CDF_SEGMENTS];
} MicaHalfCdf;

void mica_half_cdf_init(MicaHalfCdf *row, int shape);

/* floor(log2 v), v > 0 */
MICA_INLINE int mica_log2_floor(uint32_t v)
{
#if defined(__GNUC__) || defined(__clang__)
    return 31 - __builtin_clz(v);
#else
    int n = 0;
    while (v >>= 1)
        n++;
    return n;
#endif
}

/* t of distance d >= 0 (1/32 steps), saturated to the end of the table. */
MICA_INLINE uint32_t mica_half_cdf_t(uint32_t d, MicaReciprocal r)
{
    uint64_t t = ((uint64_t)d * r.multiplier) >> r.shift;
    return t < MICA_T_MAX ? (uint32_t)t : MICA_T_MAX;
}

MICA_INLINE uint32_t mica_half_cdf(const MicaHalfCdf *row, uint32_t t)
{
    uint32_t u = t + 256;
    int exponent = mica_log2_floor(u);
    uint32_t mantissa = u << (23 - exponent);
    uint32_t segment = ((uint32_t)(exponent - 8) << 6) + (mantissa >> 17 & 63);
    uint32_t position = mantissa >> 4 & 0x1fff;
    uint32_t entry = row->segments[segment];
    /* The step in the low bits of the entry makes the position end at, rather than before, that of
     * the next segment. */
    return (entry + (entry & 0x1fff) * position) >> 13;
}

/* The window of a model: the least w >= 1 with little left beyond w + 1/2. */
int mica_half_cdf_width(const MicaHalfCdf *row, MicaReciprocal reciprocal);

#endif
