/* The level of NEON with the dot product extension. */
#include "transforms/arm/vec_neon.h"

#define MICA_LEVEL(name) name##_dotprod
#define WORDS_GROUP 8
#define BYTES_GROUP 8

#include "transforms/pointwise_body.h"
#include "transforms/depthwise_body.h"

void mica_kernels_init_dotprod(MicaKernels *kernels)
{
    init_pointwise(kernels);
    init_depthwise(kernels);
}
