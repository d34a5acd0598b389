/* The AVX2 level. */
#include "transforms/x86/vec_avx2.h"

#define MICA_LEVEL(name) name##_avx2
#define PAIRS_GROUP 6
#define CHAINS_GROUP 4

#include "transforms/x86/pointwise_body.h"
#include "transforms/x86/depthwise_body.h"
#include "transforms/x86/gain_body.h"

void mica_kernels_init_avx2(MicaKernels *kernels)
{
    init_pointwise(kernels);
    init_depthwise(kernels);
    init_gain(kernels);
}
