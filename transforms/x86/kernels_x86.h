/* The x86 kernels by operator; each call sets the entries of its operator. */
#ifndef MICA_TRANSFORMS_X86_KERNELS_X86_H
#define MICA_TRANSFORMS_X86_KERNELS_X86_H

#include "transforms/kernels.h"

void mica_pointwise_init_avx2(MicaKernels *kernels);
void mica_depthwise_init_avx2(MicaKernels *kernels);

#endif
