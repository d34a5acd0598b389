#include <immintrin.h>

#include "codec/base/attributes.h"
#include "transforms/kernels.h"

typedef __m256 Vec;
#define LANES 8
#define ROWS 6

MICA_INLINE Vec v_set(float v)
{
    return _mm256_set1_ps(v);
}

MICA_INLINE Vec v_load(const float *p)
{
    return _mm256_loadu_ps(p);
}

MICA_INLINE void v_store(float *p, Vec v)
{
    _mm256_storeu_ps(p, v);
}

MICA_INLINE Vec v_add(Vec a, Vec b)
{
    return _mm256_add_ps(a, b);
}

MICA_INLINE Vec v_mul(Vec a, Vec b)
{
    return _mm256_mul_ps(a, b);
}

MICA_INLINE Vec v_min(Vec a, Vec b)
{
    return _mm256_min_ps(a, b);
}

MICA_INLINE Vec v_max(Vec a, Vec b)
{
    return _mm256_max_ps(a, b);
}

#include "transforms/x86/float_product_body.h"

/* The factor of pixels that are less than `limit` apart, 0 of others. */
MICA_INLINE Vec factor_within(__m256i apart, int limit, const float *factor)
{
    const __m256i within = _mm256_cmpgt_epi32(_mm256_set1_epi32(limit), apart);
    return _mm256_and_ps(_mm256_castsi256_ps(within), v_load(factor));
}

static void pull(const int16_t *centre, const int16_t *neighbour, const float *const factor[4],
                 const float *gradient, float *own, float *other, size_t count)
{
    for (size_t x = 0; x < count; x += MICA_FLOAT_PIXELS) {
        const __m128i change =
            _mm_sub_epi16(_mm_loadu_si128((const __m128i *)(const void *)(neighbour + x)),
                          _mm_loadu_si128((const __m128i *)(const void *)(centre + x)));
        const __m256i apart = _mm256_cvtepi16_epi32(_mm_abs_epi16(change));
        Vec sum = v_load(factor[0] + x);
        sum = v_add(sum, factor_within(apart, MICA_RESTORATION_WIDE, factor[1] + x));
        sum = v_add(sum, factor_within(apart, MICA_RESTORATION_MIDDLE, factor[2] + x));
        sum = v_add(sum, factor_within(apart, MICA_RESTORATION_NARROW, factor[3] + x));
        const Vec part = v_mul(v_load(gradient + x), sum);
        v_store(own + x, _mm256_sub_ps(v_load(own + x), part));
        v_store(other + x, v_add(v_load(other + x), part));
    }
}

void mica_float_kernels_init_avx2(MicaFloatKernels *kernels)
{
    kernels->product = product_vector;
    kernels->pull = pull;
}
