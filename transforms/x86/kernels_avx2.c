/* The AVX2 level. */
#include "transforms/x86/vec_avx2.h"

#define MICA_LEVEL(name) name##_avx2
#define WORDS_GROUP 6
#define BYTES_GROUP 4

#include "transforms/pointwise_body.h"
#include "transforms/depthwise_body.h"
#include "transforms/x86/gain_body.h"
#include "transforms/restoration_body.h"

void mica_kernels_init_avx2(MicaKernels *kernels)
{
    init_pointwise(kernels);
    init_depthwise(kernels);
    init_gain(kernels);
    init_restoration(kernels);
}
