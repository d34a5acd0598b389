/*
 * Speed and size of the entropy coder by itself, single thread, on predictions like those of a
 * learned codec: mixtures of 3 and of 4 normal distributions, generalized Gaussians (shape per
 * channel) and zero-mean normal distributions.
 */
#ifndef MICA_TOOLS_BENCH_CODER_H
#define MICA_TOOLS_BENCH_CODER_H

#include <stddef.h>
#include <stdint.h>

#include "mica/status.h"

#define BENCH_CODER_SETS 4

typedef struct BenchCoderResult {
    const char *name; /* gmm3, gmm4, ggm, gaussian */
    size_t symbols, bytes;
    double encode_ns, decode_ns; /* per symbol: the least of all runs */
    double encode_median_ns, decode_median_ns;
    double over_ideal_percent; /* against -log2 of the probabilities before any quantisation of
                                  parameters */
} BenchCoderResult;

/*
 * `folder` holds the arrays TAG_means.npy, TAG_scales.npy, TAG_weights.npy, TAG_symbols.npy,
 * TAG_gauss_scales.npy and TAG_gauss_symbols.npy (float32 or int32); NULL: similar ones are
 * generated, the same on every machine but for the last digits of its math library.
 * MICA_ERROR_INTERNAL if a symbol does not survive.
 */
MicaStatus bench_coder(const char *folder, const char *tag, uint32_t cpu_flags, int runs,
                       BenchCoderResult results[BENCH_CODER_SETS]);

#endif
