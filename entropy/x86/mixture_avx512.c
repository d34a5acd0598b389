#include <immintrin.h>

#include "entropy/mixture.h"
#include "entropy/x86/gather.h"

#define LANES 16

typedef __m512i Vec;

MICA_INLINE Vec v_set(int32_t v)
{
    return _mm512_set1_epi32(v);
}

MICA_INLINE Vec v_load8(const uint8_t *p)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
}

MICA_INLINE Vec v_load16(const int16_t *p)
{
    return _mm512_cvtepi16_epi32(_mm256_loadu_si256((const __m256i *)p));
}

MICA_INLINE void v_store(int32_t *p, Vec v)
{
    _mm512_storeu_si512(p, v);
}

MICA_INLINE Vec v_gather(const uint32_t *table, Vec index)
{
    __m256i low = mica_gather8(table, _mm512_castsi512_si256(index));
    __m256i high = mica_gather8(table, _mm512_extracti64x4_epi64(index, 1));
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* One of 16 values, by the low 4 bits of the index */
MICA_INLINE Vec v_table16(const uint16_t *table, Vec index)
{
    return _mm512_permutexvar_epi32(index, v_load16((const int16_t *)table));
}

MICA_INLINE Vec v_add(Vec a, Vec b)
{
    return _mm512_add_epi32(a, b);
}

MICA_INLINE Vec v_sub(Vec a, Vec b)
{
    return _mm512_sub_epi32(a, b);
}

MICA_INLINE Vec v_mul(Vec a, Vec b)
{
    return _mm512_mullo_epi32(a, b);
}

/* Factors in 0..32767 */
MICA_INLINE Vec v_mul16(Vec a, Vec b)
{
    return _mm512_madd_epi16(a, b);
}

MICA_INLINE Vec v_and(Vec a, Vec b)
{
    return _mm512_and_si512(a, b);
}

MICA_INLINE Vec v_min(Vec a, Vec b)
{
    return _mm512_min_epi32(a, b);
}

MICA_INLINE Vec v_max(Vec a, Vec b)
{
    return _mm512_max_epi32(a, b);
}

MICA_INLINE Vec v_min_unsigned(Vec a, Vec b)
{
    return _mm512_min_epu32(a, b);
}

MICA_INLINE Vec v_abs(Vec a)
{
    return _mm512_abs_epi32(a);
}

/* a with the sign of b (a is 0 where b is 0) */
MICA_INLINE Vec v_sign(Vec a, Vec b)
{
    return _mm512_mask_sub_epi32(a, _mm512_movepi32_mask(b), _mm512_setzero_si512(), a);
}

MICA_INLINE Vec v_select_greater(Vec a, Vec b, Vec yes, Vec no)
{
    return _mm512_mask_blend_epi32(_mm512_cmpgt_epi32_mask(a, b), no, yes);
}

MICA_INLINE Vec v_shr_each(Vec a, Vec count)
{
    return _mm512_srlv_epi32(a, count);
}

MICA_INLINE Vec v_shl_each(Vec a, Vec count)
{
    return _mm512_sllv_epi32(a, count);
}

/* The bits of the float that equals a, 0 <= a < 2^24 */
MICA_INLINE Vec v_float_bits(Vec a)
{
    return _mm512_castps_si512(_mm512_cvtepi32_ps(a));
}

#define v_shl(a, n) _mm512_slli_epi32(a, n)
#define v_shr(a, n) _mm512_srli_epi32(a, n)
#define v_shr_signed(a, n) _mm512_srai_epi32(a, n)

#include "entropy/mixture_body.h"

/* No search: 16 candidates find hardly more than the 8 of AVX2 and take longer. */
void mica_mixture_dsp_init_avx512(MicaMixtureDsp *dsp)
{
    for (int i = 0; i < MICA_ENTROPY_COMPONENTS_MAX; i++)
        dsp->prepare[i] = prepares[i];
}
