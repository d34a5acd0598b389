/* The AVX-512 level without VNNI: what AVX2 does, in wider vectors. */
#include "transforms/x86/vec_avx512.h"

#define MICA_LEVEL(name) name##_avx512
#define WORDS_GROUP 8
#define BYTES_GROUP 8

#include "transforms/pointwise_body.h"

void mica_kernels_init_avx512(MicaKernels *kernels)
{
    init_pointwise(kernels);
}
