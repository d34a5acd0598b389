/* 128-bit vectors for the kernel bodies, see vec_avx2.h. */
#ifndef MICA_TRANSFORMS_X86_VEC_SSE41_H
#define MICA_TRANSFORMS_X86_VEC_SSE41_H

#include <smmintrin.h>

#include "transforms/kernels_impl.h"

typedef __m128i Vec;

#define VEC_BYTES 16

#define vec_load(p) _mm_loadu_si128((const __m128i *)(p))
#define vec_store(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define vec_zero() _mm_setzero_si128()
#define vec_set8(x) _mm_set1_epi8((char)(x))
#define vec_set16(x) _mm_set1_epi16((short)(x))
#define vec_set32(x) _mm_set1_epi32((int)(x))
#define vec_set32_halves(low, high) ((void)(high), vec_set32(low)) /* there is but one */
#define vec_add16(a, b) _mm_add_epi16(a, b)
#define vec_adds16(a, b) _mm_adds_epi16(a, b)
#define vec_sub16(a, b) _mm_sub_epi16(a, b)
#define vec_abs16(v) _mm_abs_epi16(v)
#define vec_min16(a, b) _mm_min_epi16(a, b)
#define vec_max16(a, b) _mm_max_epi16(a, b)
#define vec_sra32(v, count) _mm_srai_epi32(v, count)
#define vec_sra16(v, count) _mm_srai_epi16(v, count)
#define vec_add32(a, b) _mm_add_epi32(a, b)
#define vec_maddubs(unsigned8, signed8) _mm_maddubs_epi16(unsigned8, signed8)
#define vec_madd16(a, b) _mm_madd_epi16(a, b)
#define vec_mullo16(a, b) _mm_mullo_epi16(a, b)
#define vec_mulhi16(a, b) _mm_mulhi_epi16(a, b)
#define vec_mulhrs16(a, b) _mm_mulhrs_epi16(a, b)
#define vec_max8(a, b) _mm_max_epi8(a, b)
#define vec_pack16(a, b) _mm_packs_epi16(a, b)
#define vec_pack32(a, b) _mm_packs_epi32(a, b)
#define vec_unpacklo8(a, b) _mm_unpacklo_epi8(a, b)
#define vec_unpackhi8(a, b) _mm_unpackhi_epi8(a, b)
#define vec_unpacklo16(a, b) _mm_unpacklo_epi16(a, b)
#define vec_unpackhi16(a, b) _mm_unpackhi_epi16(a, b)

MICA_INLINE Vec vec_load_lanes(const void *p, int stride)
{
    (void)stride;
    return vec_load(p);
}

MICA_INLINE Vec vec_load_lanes_widened(const uint8_t *p, int stride)
{
    (void)stride;
    return _mm_cvtepu8_epi32(_mm_cvtsi32_si128((int)mica_load32(p)));
}

/* There is one count for all elements only, so each element is shifted on its own and blended. */
MICA_INLINE Vec vec_shr32(Vec v, Vec counts)
{
    const __m128i mask = _mm_set_epi32(0, 0, 0, -1);
    const __m128i count1 = _mm_srli_epi64(counts, 32);
    const __m128i count2 = _mm_and_si128(_mm_srli_si128(counts, 8), mask);
    const __m128i count3 = _mm_srli_si128(counts, 12);
    const __m128i v0 = _mm_sra_epi32(v, _mm_and_si128(counts, mask));
    const __m128i v1 = _mm_sra_epi32(v, count1);
    const __m128i v2 = _mm_sra_epi32(v, count2);
    const __m128i v3 = _mm_sra_epi32(v, count3);

    return _mm_blend_epi16(_mm_blend_epi16(v0, v1, 0x0c), _mm_blend_epi16(v2, v3, 0xc0), 0xf0);
}

/* v must be 1 in every element, for which a float's exponent does. */
MICA_INLINE Vec vec_shl32(Vec v, Vec counts)
{
    const __m128i exponent = _mm_slli_epi32(_mm_add_epi32(counts, _mm_set1_epi32(127)), 23);
    (void)v;
    return _mm_cvttps_epi32(_mm_castsi128_ps(exponent));
}

MICA_INLINE void vec_store_narrow(void *p, Vec v, int low)
{
    _mm_storel_epi64((__m128i *)p, vec_max8(vec_pack16(v, v), vec_set8(low)));
}

/* In place: GCC 12 would copy such sums in loops and run out of registers. */
MICA_INLINE void vec_accumulate16(Vec *sum, Vec v)
{
    __asm__("paddw %1, %0" : "+x"(*sum) : "x"(v));
}

/* Adds the dot products of int16 pairs, unless there is an instruction for it. */
#define vec_dot16(sum, a, b) vec_add32(sum, vec_madd16(a, b))

#endif
