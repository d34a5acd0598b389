#include <immintrin.h>

#include "entropy/mixture.h"
#include "entropy/x86/gather.h"

#define LANES 8

typedef __m256i Vec;

MICA_INLINE Vec v_set(int32_t v)
{
    return _mm256_set1_epi32(v);
}

MICA_INLINE Vec v_ramp(void)
{
    return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
}

MICA_INLINE Vec v_load8(const uint8_t *p)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
}

MICA_INLINE Vec v_load16(const int16_t *p)
{
    return _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)p));
}

MICA_INLINE void v_store(int32_t *p, Vec v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

MICA_INLINE Vec v_gather(const uint32_t *table, Vec index)
{
    return mica_gather8(table, index);
}

/* One of 16 values, by the low 4 bits of the index */
MICA_INLINE Vec v_table16(const uint16_t *table, Vec index)
{
    Vec low = _mm256_permutevar8x32_epi32(v_load16((const int16_t *)table), index);
    Vec high = _mm256_permutevar8x32_epi32(v_load16((const int16_t *)table + 8), index);
    __m256 bit3 = _mm256_castsi256_ps(_mm256_slli_epi32(index, 28));
    return _mm256_castps_si256(
        _mm256_blendv_ps(_mm256_castsi256_ps(low), _mm256_castsi256_ps(high), bit3));
}

MICA_INLINE Vec v_add(Vec a, Vec b)
{
    return _mm256_add_epi32(a, b);
}

MICA_INLINE Vec v_sub(Vec a, Vec b)
{
    return _mm256_sub_epi32(a, b);
}

MICA_INLINE Vec v_mul(Vec a, Vec b)
{
    return _mm256_mullo_epi32(a, b);
}

/* Factors in 0..32767 */
MICA_INLINE Vec v_mul16(Vec a, Vec b)
{
    return _mm256_madd_epi16(a, b);
}

MICA_INLINE Vec v_and(Vec a, Vec b)
{
    return _mm256_and_si256(a, b);
}

MICA_INLINE Vec v_min(Vec a, Vec b)
{
    return _mm256_min_epi32(a, b);
}

MICA_INLINE Vec v_max(Vec a, Vec b)
{
    return _mm256_max_epi32(a, b);
}

MICA_INLINE Vec v_min_unsigned(Vec a, Vec b)
{
    return _mm256_min_epu32(a, b);
}

MICA_INLINE Vec v_abs(Vec a)
{
    return _mm256_abs_epi32(a);
}

/* a with the sign of b (a is 0 where b is 0) */
MICA_INLINE Vec v_sign(Vec a, Vec b)
{
    return _mm256_sign_epi32(a, b);
}

MICA_INLINE Vec v_select_greater(Vec a, Vec b, Vec yes, Vec no)
{
    return _mm256_blendv_epi8(no, yes, _mm256_cmpgt_epi32(a, b));
}

MICA_INLINE int v_count_not_greater(Vec a, int32_t limit)
{
    Vec above = _mm256_cmpgt_epi32(a, _mm256_set1_epi32(limit));
    return LANES - __builtin_popcount((unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(above)));
}

MICA_INLINE Vec v_shr_each(Vec a, Vec count)
{
    return _mm256_srlv_epi32(a, count);
}

MICA_INLINE Vec v_shl_each(Vec a, Vec count)
{
    return _mm256_sllv_epi32(a, count);
}

/* The bits of the float that equals a, 0 <= a < 2^24 */
MICA_INLINE Vec v_float_bits(Vec a)
{
    return _mm256_castps_si256(_mm256_cvtepi32_ps(a));
}

MICA_INLINE unsigned v_first_bit(unsigned bits)
{
    return (unsigned)__builtin_ctz(bits);
}

#define v_shl(a, n) _mm256_slli_epi32(a, n)
#define v_shr(a, n) _mm256_srli_epi32(a, n)
#define v_shr_signed(a, n) _mm256_srai_epi32(a, n)

#include "entropy/mixture_body.h"
#include "entropy/mixture_search_body.h"

void mica_mixture_dsp_init_avx2(MicaMixtureDsp *dsp)
{
    for (int i = 0; i < MICA_ENTROPY_COMPONENTS_MAX; i++) {
        dsp->prepare[i] = prepares[i];
        dsp->search[i] = searches[i];
    }
}
