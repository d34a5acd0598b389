/* The SSE4.1 level. */
#include "transforms/x86/vec_sse41.h"

#define MICA_LEVEL(name) name##_sse41
#define WORDS_GROUP 4
#define BYTES_GROUP 4

#include "transforms/pointwise_body.h"
#include "transforms/depthwise_body.h"
#include "transforms/x86/gain_body.h"
#include "transforms/restoration_body.h"

void mica_kernels_init_sse41(MicaKernels *kernels)
{
    init_pointwise(kernels);
    init_depthwise(kernels);
    init_gain(kernels);
    init_restoration(kernels);
}
