/*
 * Realism at decode: rounding took a part of every latent; noise with the spread that the entropy
 * model expects of that part goes back in its place, in integers that depend on the position only.
 * docs/networks.md, section 8, is the rule.
 */
#ifndef MICA_MODELS_NOISE_H
#define MICA_MODELS_NOISE_H

#include <stdint.h>

#include "codec/base/attributes.h"
#include "models/gains.h"

#define MICA_NOISE_SCALES 64

/* Of each scale index, for `realism` in 0..100 per cent of the whole spread. */
void mica_noise_amplitudes(int realism, int16_t amplitude[MICA_NOISE_SCALES]);

/* Equal numbers for equal positions, whatever is decoded around them. */
MICA_INLINE uint32_t mica_noise_seed(int x, int y)
{
    return (uint32_t)y * 0x9e3779b1u + (uint32_t)x * 0x85ebca77u;
}

/* The finalizer of MurmurHash3: every bit of the result depends on every bit of the input. */
MICA_INLINE uint32_t mica_noise_hash(uint32_t v)
{
    v = (v ^ v >> 16) * 0x85ebca6bu;
    v = (v ^ v >> 13) * 0xc2b2ae35u;
    return v ^ v >> 16;
}

/* Noise of one channel in 1/4096 of the quantiser step: the sum of four random bytes is nearly
 * normal, with a spread of 148 and an end. */
MICA_INLINE int mica_noise(uint32_t seed, int channel, int amplitude)
{
    const uint32_t h = mica_noise_hash(seed + (uint32_t)channel * 0xc2b2ae3du);
    const int sum = (int)((h & 255) + (h >> 8 & 255) + (h >> 16 & 255) + (h >> 24)) - 510;
    return (sum * amplitude + 64) >> 7;
}

/* A dequantised latent with noise: mantissa and shift are those of the gain that dequantised it. */
MICA_INLINE int16_t mica_noise_add(int latent, int noise, int mantissa, int shift)
{
    return (int16_t)mica_clamp16(latent + (((noise * mantissa >> 8) + (1 << shift >> 1)) >> shift));
}

#endif
