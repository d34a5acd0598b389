/*
 * What the levels of the kernel table share: the entry point of each level and the integer rules in
 * scalar form. The rules are written once here; the reference uses them as they stand and the
 * vector kernels are tested against it.
 */
#ifndef MICA_TRANSFORMS_KERNELS_IMPL_H
#define MICA_TRANSFORMS_KERNELS_IMPL_H

#include <string.h>

#include "codec/base/attributes.h"
#include "transforms/kernels.h"

_Static_assert((-5 >> 1) == -3, "right shifts of negative numbers must be arithmetic");

/* Each overwrites the entries that its level does better; the levels below have been installed
 * before. */
void mica_kernels_init_c(MicaKernels *kernels);
void mica_kernels_init_sse41(MicaKernels *kernels);
void mica_kernels_init_avx2(MicaKernels *kernels);
void mica_kernels_init_avxvnni(MicaKernels *kernels);
void mica_kernels_init_avx512(MicaKernels *kernels);
void mica_kernels_init_avx512vnni(MicaKernels *kernels);
void mica_depthwise_init_avx512vnni(MicaKernels *kernels);
void mica_kernels_init_neon(MicaKernels *kernels);
void mica_kernels_init_dotprod(MicaKernels *kernels);

MICA_INLINE uint32_t mica_load32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Pixels `from` to `count` of RGB to rows of R, G, B and luma, and back from rows of R, G, B. */
MICA_INLINE void mica_split_rgb(const uint8_t *rgb, size_t from, size_t count,
                                uint8_t *const row[4])
{
    for (size_t x = from; x < count; x++) {
        const uint8_t *p = rgb + 3 * x;
        for (int c = 0; c < 3; c++)
            row[c][x] = p[c];
        row[3][x] = (uint8_t)((p[0] + 2 * p[1] + p[2] + 2) >> 2);
    }
}

MICA_INLINE void mica_join_rgb(const uint8_t *const row[3], size_t from, size_t count, uint8_t *rgb)
{
    for (size_t x = from; x < count; x++)
        for (int c = 0; c < 3; c++)
            rgb[3 * x + (size_t)c] = row[c][x];
}

MICA_INLINE int32_t mica_clamp(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

MICA_INLINE int16_t mica_clamp16(int32_t v)
{
    return (int16_t)mica_clamp(v, INT16_MIN, INT16_MAX);
}

/* Requantisation before the saturation to the output kind; `sum` includes the bias. */
MICA_INLINE int16_t mica_requantise(int32_t sum, int shift, int16_t multiplier)
{
    const int16_t t = mica_clamp16(sum >> shift);
    return (int16_t)((t * multiplier + 0x4000) >> 15);
}

#endif
