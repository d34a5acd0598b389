#include <immintrin.h>

#include "codec/base/attributes.h"

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

void mica_float_kernels_init_avx2(MicaFloatKernels *kernels)
{
    kernels->product = product_vector;
}
