/* 512-bit vectors for the pointwise body, see vec_avx2.h. */
#ifndef MICA_TRANSFORMS_X86_VEC_AVX512_H
#define MICA_TRANSFORMS_X86_VEC_AVX512_H

#include <immintrin.h>

#include "transforms/kernels_impl.h"

typedef __m512i Vec;

#define VEC_BYTES 64

#define vec_load(p) _mm512_loadu_si512(p)
#define vec_store(p, v) _mm512_storeu_si512(p, v)
#define vec_zero() _mm512_setzero_si512()
#define vec_set8(x) _mm512_set1_epi8((char)(x))
#define vec_set16(x) _mm512_set1_epi16((short)(x))
#define vec_set32(x) _mm512_set1_epi32((int)(x))
#define vec_add16(a, b) _mm512_add_epi16(a, b)
#define vec_adds16(a, b) _mm512_adds_epi16(a, b)
#define vec_add32(a, b) _mm512_add_epi32(a, b)
#define vec_maddubs(unsigned8, signed8) _mm512_maddubs_epi16(unsigned8, signed8)
#define vec_madd16(a, b) _mm512_madd_epi16(a, b)
#define vec_mulhrs16(a, b) _mm512_mulhrs_epi16(a, b)
#define vec_shr32(v, counts) _mm512_srav_epi32(v, counts)
#define vec_pack32(a, b) _mm512_packs_epi32(a, b)

MICA_INLINE Vec vec_load_lanes(const void *p, int stride)
{
    const char *const bytes = p;
    Vec v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)bytes));

    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(bytes + stride)), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(bytes + 2 * stride)), 2);
    return _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(bytes + 3 * stride)), 3);
}

MICA_INLINE Vec vec_load_lanes_widened(const uint8_t *p, int stride)
{
    return _mm512_cvtepu8_epi32(_mm_setr_epi32((int)mica_load32(p), (int)mica_load32(p + stride),
                                               (int)mica_load32(p + 2 * stride),
                                               (int)mica_load32(p + 3 * stride)));
}

MICA_INLINE void vec_store_narrow(void *p, Vec v, int low)
{
    const __m256i narrow = _mm512_cvtsepi16_epi8(v);
    _mm256_storeu_si256((__m256i *)p, _mm256_max_epi8(narrow, _mm256_set1_epi8((char)low)));
}

/* In place: GCC 12 would copy such sums in loops and run out of registers. */
MICA_INLINE void vec_accumulate16(Vec *sum, Vec v)
{
    __asm__("vpaddw %1, %0, %0" : "+v"(*sum) : "v"(v));
}

/* Adds the dot products of int16 pairs, unless there is an instruction for it. */
#define vec_dot16(sum, a, b) vec_add32(sum, vec_madd16(a, b))

#endif
