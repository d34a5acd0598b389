/*
 * The one function behind every model: A(t) = P(0 < T < t) of the unit-variance generalized
 * Gaussian, in integers.
 *
 * A is in units of 2^-20 (A < 2^19), t in units of 2^-16. It is piecewise linear between the values
 * of a constant table whose segments are finer towards t = 0, where small shapes have a cusp: u = t
 * + 256 is split like a float into exponent, 6 bits of segment and 14 bits of position in it. The
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

/* The scale grid has 252 steps; index 4 i is index i of the coarse grid of MICA_SCALE_COUNT scales.
 */
#define MICA_FINE_SCALE_COUNT 253

/* t of a distance d in 1/32 of a quantiser step is (d * multiplier) >> shift. */
typedef struct MicaReciprocal {
    uint16_t multiplier, shift;
} MicaReciprocal;

extern const uint16_t mica_half_cdf_steps[MICA_SHAPE_COUNT][MICA_HALF_CDF_SEGMENTS];
extern const MicaReciprocal mica_reciprocals[MICA_FINE_SCALE_COUNT];

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
    uint32_t position = mantissa >> 3 & 0x3fff;
    uint32_t entry = row->segments[segment];
    return (entry >> 13) + ((entry & 0x1fff) * position >> 14);
}

#endif
