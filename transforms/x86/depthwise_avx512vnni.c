/* Depthwise convolution with AVX-512 VNNI in 256-bit vectors: the channels come in 32s. */
#include "transforms/x86/vec_avx2.h"
#include "transforms/x86/vec_vnni.h"

#define MICA_LEVEL(name) name##_avx512vnni

#include "transforms/depthwise_body.h"

void mica_depthwise_init_avx512vnni(MicaKernels *kernels)
{
    init_depthwise(kernels);
}
