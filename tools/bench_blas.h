/* Single-precision matrix products of OpenBLAS, if it is installed: loaded when needed, so that the
 * command does not depend on it. */
#ifndef MICA_TOOLS_BENCH_BLAS_H
#define MICA_TOOLS_BENCH_BLAS_H

/* Multiply-accumulates per nanosecond of (pixels x inputs) * (outputs x inputs)^T on one thread,
 * the best of `runs`; 0 without OpenBLAS. */
double bench_blas_rate(int pixels, int inputs, int outputs, int runs);

/* "OpenBLAS 0.3.21 ...", or NULL */
const char *bench_blas_name(void);

#endif
