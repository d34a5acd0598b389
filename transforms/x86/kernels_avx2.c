/* The AVX2 level, and the operators too small for a file of their own. */
#include <immintrin.h>

#include "transforms/kernels_impl.h"
#include "transforms/x86/kernels_x86.h"

void mica_kernels_init_avx2(MicaKernels *kernels)
{
    mica_pointwise_init_avx2(kernels);
}
