/* The choice of kernels: the reference first, then every level that the flags allow. */
#include "transforms/kernels.h"

#include "codec/base/cpu.h"
#include "transforms/kernels_impl.h"

void mica_kernels_init(MicaKernels *kernels, uint32_t cpu_flags)
{
    kernels->cpu_flags = cpu_flags;
    mica_kernels_init_c(kernels);
#if defined(MICA_HAVE_X86)
    if (cpu_flags & MICA_CPU_SSE41)
        mica_kernels_init_sse41(kernels);
    if (cpu_flags & MICA_CPU_AVX2)
        mica_kernels_init_avx2(kernels);
    if (cpu_flags & MICA_CPU_AVXVNNI)
        mica_kernels_init_avxvnni(kernels);
    if (cpu_flags & MICA_CPU_AVX512)
        mica_kernels_init_avx512(kernels);
    if (cpu_flags & MICA_CPU_AVX512VNNI)
        mica_kernels_init_avx512vnni(kernels);
#elif defined(MICA_HAVE_ARM)
    if (cpu_flags & MICA_CPU_NEON)
        mica_kernels_init_neon(kernels);
    if (cpu_flags & MICA_CPU_DOTPROD)
        mica_kernels_init_dotprod(kernels);
#endif
}
