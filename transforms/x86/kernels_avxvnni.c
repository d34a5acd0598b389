/* The AVX-VNNI level: the dot products of AVX-512 VNNI in 256-bit vectors and VEX encoding.
 * Compiled for AVX-512 by checkasm, where the same operations exist, to test it on more processors.
 */
#include "transforms/x86/vec_avx2.h"
#include "transforms/x86/vec_vnni.h"

#define MICA_LEVEL(name) name##_avxvnni
#define WORDS_GROUP 6
#define BYTES_GROUP 6

#include "transforms/pointwise_body.h"
#include "transforms/depthwise_body.h"

void mica_kernels_init_avxvnni(MicaKernels *kernels)
{
    init_pointwise(kernels);
    init_depthwise(kernels);
}
