/* Instruction sets. The flags are passed to the kernel tables as an argument; there is no global
 * state. */
#ifndef MICA_BASE_CPU_H
#define MICA_BASE_CPU_H

#include <stdint.h>

/* x86: SSE4.1 < AVX2 < AVX512 < AVX512VNNI, each implies the ones before; AVXVNNI implies AVX2. AVX
 * levels need the operating system's support too (XGETBV). */
#define MICA_CPU_SSE41 (1u << 0)
#define MICA_CPU_AVX2 (1u << 1)
#define MICA_CPU_AVXVNNI (1u << 2)    /* 256-bit VNNI in VEX encoding */
#define MICA_CPU_AVX512 (1u << 3)     /* F, BW, VL, DQ */
#define MICA_CPU_AVX512VNNI (1u << 4) /* the above with VNNI */
/* ARM */
#define MICA_CPU_NEON (1u << 8)
#define MICA_CPU_DOTPROD (1u << 9)
#define MICA_CPU_I8MM (1u << 10)

/* What this machine and operating system offer; detected on each call, cheap. Declared in
 * mica/codec.h as mica_cpu_flags(), _text() and _parse(). */
#include "mica/codec.h"

/* Processors that this process may run on, at least 1. */
int mica_cpu_count(void);

/* Milliseconds of a monotonic clock. */
double mica_clock_ms(void);

#endif
