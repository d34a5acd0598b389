/*
 * 256-bit vectors for the kernel bodies; vec_sse41.h and vec_avx512.h offer the same in other
 * widths. Packing and unpacking work within 128-bit lanes in all of them.
 */
#ifndef MICA_TRANSFORMS_X86_VEC_AVX2_H
#define MICA_TRANSFORMS_X86_VEC_AVX2_H

#include <immintrin.h>

#include "transforms/kernels_impl.h"

typedef __m256i Vec;

#define VEC_BYTES 32

#define vec_load(p) _mm256_loadu_si256((const __m256i *)(p))
#define vec_store(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define vec_zero() _mm256_setzero_si256()
#define vec_set8(x) _mm256_set1_epi8((char)(x))
#define vec_set16(x) _mm256_set1_epi16((short)(x))
#define vec_set32(x) _mm256_set1_epi32((int)(x))
#define vec_set32_halves(low, high) _mm256_blend_epi32(vec_set32(low), vec_set32(high), 0xf0)
#define vec_add16(a, b) _mm256_add_epi16(a, b)
#define vec_adds16(a, b) _mm256_adds_epi16(a, b)
#define vec_sub16(a, b) _mm256_sub_epi16(a, b)
#define vec_abs16(v) _mm256_abs_epi16(v)
#define vec_min16(a, b) _mm256_min_epi16(a, b)
#define vec_max16(a, b) _mm256_max_epi16(a, b)
#define vec_sra32(v, count) _mm256_srai_epi32(v, count)
#define vec_sra16(v, count) _mm256_srai_epi16(v, count)
#define vec_add32(a, b) _mm256_add_epi32(a, b)
#define vec_maddubs(unsigned8, signed8) _mm256_maddubs_epi16(unsigned8, signed8)
#define vec_madd16(a, b) _mm256_madd_epi16(a, b)
#define vec_mullo16(a, b) _mm256_mullo_epi16(a, b)
#define vec_mulhi16(a, b) _mm256_mulhi_epi16(a, b)
#define vec_mulhrs16(a, b) _mm256_mulhrs_epi16(a, b)
#define vec_shl32(v, counts) _mm256_sllv_epi32(v, counts)
#define vec_shr32(v, counts) _mm256_srav_epi32(v, counts)
#define vec_max8(a, b) _mm256_max_epi8(a, b)
#define vec_pack16(a, b) _mm256_packs_epi16(a, b)
#define vec_pack32(a, b) _mm256_packs_epi32(a, b)
#define vec_unpacklo8(a, b) _mm256_unpacklo_epi8(a, b)
#define vec_unpackhi8(a, b) _mm256_unpackhi_epi8(a, b)
#define vec_unpacklo16(a, b) _mm256_unpacklo_epi16(a, b)
#define vec_unpackhi16(a, b) _mm256_unpackhi_epi16(a, b)

/* Lane i is the 16 bytes at p + i * stride. */
MICA_INLINE Vec vec_load_lanes(const void *p, int stride)
{
    const __m128i *const high = (const __m128i *)((const char *)p + stride);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p)),
                                   _mm_loadu_si128(high), 1);
}

/* Lane i is the 4 bytes at p + i * stride, as int32. */
MICA_INLINE Vec vec_load_lanes_widened(const uint8_t *p, int stride)
{
    const __m128i low = _mm_cvtsi32_si128((int)mica_load32(p));
    const __m128i high = _mm_cvtsi32_si128((int)mica_load32(p + stride));
    return _mm256_set_m128i(_mm_cvtepu8_epi32(high), _mm_cvtepu8_epi32(low));
}

/* int16 to int8, saturating and at least `low`; half a vector. */
MICA_INLINE void vec_store_narrow(void *p, Vec v, int low)
{
    const __m128i narrow =
        _mm_packs_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    _mm_storeu_si128((__m128i *)p, _mm_max_epi8(narrow, _mm_set1_epi8((char)low)));
}

/* In place: GCC 12 would copy such sums in loops and run out of registers. */
MICA_INLINE void vec_accumulate16(Vec *sum, Vec v)
{
    __asm__("vpaddw %1, %0, %0" : "+x"(*sum) : "x"(v));
}

/* Adds the dot products of int16 pairs, unless there is an instruction for it. */
#define vec_dot16(sum, a, b) vec_add32(sum, vec_madd16(a, b))

#endif
