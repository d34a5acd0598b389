/* `mica bench`: kernels by themselves in multiply-accumulates per cycle, and what OpenBLAS does on
 * the same shapes. */
#ifndef MICA_TOOLS_BENCH_KERNELS_H
#define MICA_TOOLS_BENCH_KERNELS_H

#include "mica/mica.h"
#include "tools/json.h"

/* Cycles of the core in a nanosecond, from chains of operations that take one cycle each. Counters
 * of the processor are not used: virtual machines rarely have them, and the time stamp counter runs
 * at another speed than the core. */
double bench_cycles_per_ns(void);

/* Print "kernels" (json) or a table. */
MicaStatus bench_kernels(const MicaModel *model, uint32_t cpu_flags, int runs, Json *json,
                         MicaError *error);

#endif
