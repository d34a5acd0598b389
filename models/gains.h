/*
 * Per-channel gains of the quality levels. The model file holds log2 gains in 1/256 at nine
 * anchors; a quality 0..MICA_MAX_QUALITY interpolates them linearly and turns each into mantissa *
 * 2^-shift (docs/numerics.md, gains).
 */
#ifndef MICA_MODELS_GAINS_H
#define MICA_MODELS_GAINS_H

#include <stdint.h>

#include "codec/base/attributes.h"

#define MICA_MAX_QUALITY 1008
#define MICA_GAIN_ANCHORS 9
#define MICA_ANCHOR_SPAN (MICA_MAX_QUALITY / (MICA_GAIN_ANCHORS - 1))
#define MICA_LOG_GAIN_LIMIT                                                                        \
    (13 * 256) /* |log2| in the file: both 2^l and 2^-l have a shift in 1..30 */

MICA_INLINE int mica_clamp16(int v)
{
    return v < -32768 ? -32768 : v > 32767 ? 32767 : v;
}

/* Scale index of a log scale in 1/64 index step. */
MICA_INLINE uint8_t mica_scale_index(int v)
{
    v = (v + 32) >> 6;
    return (uint8_t)(v < 0 ? 0 : v > 63 ? 63 : v);
}

/* out[c] = anchors[.][c] at `quality`; anchors is [MICA_GAIN_ANCHORS][channels]. */
void mica_gains_interpolate(const int16_t *anchors, int channels, int quality, int16_t *out);

/* mantissa * 2^-shift = 2^(sign * log2 / 256), sign is 1 or -1. */
void mica_gains_split(const int16_t *log2, int channels, int sign, int16_t *mantissa,
                      uint8_t *shift);

#endif
