#include "entropy/mixture.h"

#include "codec/base/cpu.h"

void mica_mixture_tables_init(MicaMixtureTables *tables)
{
    for (int shape = 0; shape < MICA_SHAPE_COUNT; shape++)
        mica_half_cdf_init(tables->rows + shape, shape);
}

void mica_mixture_dsp_init(MicaMixtureDsp *dsp, uint32_t cpu_flags)
{
    (void)cpu_flags;
    mica_mixture_dsp_init_c(dsp);
#if defined(MICA_HAVE_X86)
    if (cpu_flags & MICA_CPU_AVX2)
        mica_mixture_dsp_init_avx2(dsp);
    if (cpu_flags & MICA_CPU_AVX512)
        mica_mixture_dsp_init_avx512(dsp);
#endif
#if defined(MICA_HAVE_ARM)
    if (cpu_flags & MICA_CPU_NEON)
        mica_mixture_dsp_init_neon(dsp);
#endif
}
