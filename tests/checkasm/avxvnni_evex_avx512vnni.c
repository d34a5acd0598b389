/* The AVX-VNNI kernels in the encoding of AVX-512, for processors that have only that: the same
 * source and the same operations, so the results are checked even there. */
#define mica_kernels_init_avxvnni checkasm_init_avxvnni_evex

#include "transforms/x86/kernels_avxvnni.c"
