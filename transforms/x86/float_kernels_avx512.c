#include <immintrin.h>

#include "codec/base/attributes.h"

typedef __m512 Vec;
#define LANES 16
#define ROWS 8

MICA_INLINE Vec v_set(float v)
{
    return _mm512_set1_ps(v);
}

MICA_INLINE Vec v_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

MICA_INLINE void v_store(float *p, Vec v)
{
    _mm512_storeu_ps(p, v);
}

MICA_INLINE Vec v_add(Vec a, Vec b)
{
    return _mm512_add_ps(a, b);
}

MICA_INLINE Vec v_mul(Vec a, Vec b)
{
    return _mm512_mul_ps(a, b);
}

MICA_INLINE Vec v_min(Vec a, Vec b)
{
    return _mm512_min_ps(a, b);
}

MICA_INLINE Vec v_max(Vec a, Vec b)
{
    return _mm512_max_ps(a, b);
}

#include "transforms/x86/float_product_body.h"

void mica_float_kernels_init_avx512(MicaFloatKernels *kernels)
{
    kernels->product = product_vector;
}
