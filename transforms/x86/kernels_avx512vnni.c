/* The AVX-512 level with VNNI. */
#include "transforms/x86/vec_avx512.h"
#include "transforms/x86/vec_vnni.h"

#define MICA_LEVEL(name) name##_avx512vnni
#define WORDS_GROUP 8
#define BYTES_GROUP 8

#include "transforms/pointwise_body.h"

void mica_kernels_init_avx512vnni(MicaKernels *kernels)
{
    mica_depthwise_init_avx512vnni(kernels);
    init_pointwise(kernels);
}
