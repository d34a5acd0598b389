/*
 * The entropy coder by itself: lossless coding of 16-bit integers whose distributions are
 * predicted, element by element.
 *
 * Three kinds of prediction, all in integers, so that every machine decodes the same numbers:
 *  - a mixture of 1..4 normal or generalized Gaussian distributions per element: means in 1/32,
 * standard deviations as 0.11 * 2^(index / 16), weights in 1/256, shapes 0.5 + index / 8;
 *  - one zero-mean distribution per element (one component, no means): the same with 64 scales,
 * from ready tables, much faster;
 *  - static tables (mica_entropy_tables_create): one of several given histograms per element.
 * Any int16 can be coded under every prediction. A coded segment decodes by itself; truncation and
 * damage are reported.
 *
 *     MicaEntropyCoder *coder;
 *     MicaEntropyModel model = {.struct_size = sizeof model, .components = 1, .means = {means},
 * .scales = {scales}}; mica_entropy_create(&coder, mica_cpu_flags()); mica_entropy_encode(coder,
 * &model, 0, symbols, count, &data, &size); mica_entropy_decode(coder, &model, data, size, symbols,
 * count);
 *
 * Coder and tables are immutable and may be shared by threads.
 */
#ifndef MICA_ENTROPY_H
#define MICA_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

#include "mica/export.h"
#include "mica/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MICA_ENTROPY_COMPONENTS_MAX 4
#define MICA_ENTROPY_SCALES 180
#define MICA_ENTROPY_SHAPES 16
#define MICA_ENTROPY_NORMAL 12 /* the shape index of the normal distribution; 4 is Laplace's */

/* Kernels and tables for a processor; cpu_flags as from mica_cpu_flags(), 0 for plain C. The coded
 * bytes are the same. */
typedef struct MicaEntropyCoder MicaEntropyCoder;

MICA_API MicaStatus mica_entropy_create(MicaEntropyCoder **coder, uint32_t cpu_flags);
MICA_API void mica_entropy_destroy(MicaEntropyCoder **coder);

/* Static distributions, made from histograms of any total: histogram c counts the symbols
 * first..first + length - 1. */
typedef struct MicaEntropyTables MicaEntropyTables;

MICA_API MicaStatus mica_entropy_tables_create(MicaEntropyTables **tables,
                                               const uint32_t *const *histograms,
                                               const int16_t *firsts, const uint16_t *lengths,
                                               int count);
MICA_API void mica_entropy_tables_destroy(MicaEntropyTables **tables);

/* The predictions of a run of elements: arrays with one value for each of them. */
typedef struct MicaEntropyModel {
    size_t struct_size;
    int components;                                     /* 1..4 */
    const int16_t *means[MICA_ENTROPY_COMPONENTS_MAX];  /* 1/32; NULL (one component only): 0 */
    const uint8_t *scales[MICA_ENTROPY_COMPONENTS_MAX]; /* 0..179 */
    /* 1/256, of all components but the last, which has the rest; what exceeds 256 in sum is cut
     * off. */
    const uint8_t *weights[MICA_ENTROPY_COMPONENTS_MAX - 1];
    const uint8_t *shapes; /* 0..15; NULL: the normal distribution */
    /* Instead of all the above: static tables, and which of them each element has. */
    const MicaEntropyTables *tables;
    const uint8_t *classes;
} MicaEntropyModel;

/*
 * Encode into a new buffer, to be released with mica_entropy_free().
 *
 * skip 0 codes everything. skip 1..19 leaves out the elements whose predicted probability of being
 * 0 exceeds 1 - 2^-skip: that saves time, but they decode as 0 whatever they were. The decoder
 * learns it from the data.
 */
MICA_API MicaStatus mica_entropy_encode(const MicaEntropyCoder *coder,
                                        const MicaEntropyModel *model, int skip,
                                        const int16_t *symbols, size_t count, uint8_t **data,
                                        size_t *size);
MICA_API void mica_entropy_free(uint8_t *data);

/* Decode all `count` symbols. MICA_ERROR_BITSTREAM if the data is not exactly their code; the
 * symbols are garbage then. */
MICA_API MicaStatus mica_entropy_decode(const MicaEntropyCoder *coder,
                                        const MicaEntropyModel *model, const uint8_t *data,
                                        size_t size, int16_t *symbols, size_t count);

/* The same in runs of any length, for predictions that depend on symbols decoded before. */
typedef struct MicaEntropyDecoder MicaEntropyDecoder;

/* The data must stay as it is until the decoder is closed. */
MICA_API MicaStatus mica_entropy_decoder_open(MicaEntropyDecoder **decoder,
                                              const MicaEntropyCoder *coder, const uint8_t *data,
                                              size_t size);
/* The next symbols; `model` starts at the first of them. Damage shows in finish() at the latest. */
MICA_API MicaStatus mica_entropy_decoder_run(MicaEntropyDecoder *decoder,
                                             const MicaEntropyModel *model, int16_t *symbols,
                                             size_t count);
/* MICA_ERROR_BITSTREAM unless the symbols taken are all that the data holds. */
MICA_API MicaStatus mica_entropy_decoder_finish(const MicaEntropyDecoder *decoder);
MICA_API void mica_entropy_decoder_close(MicaEntropyDecoder **decoder);

/*
 * From floating point to the integers above. Both sides of a connection must quantise the same
 * floats; better, let the predictor produce integers. No input is an error: mean:   nearest 1/32,
 * limited to +-1023; NaN gives 0. scale:  nearest index on the logarithmic grid, limited to its
 * ends; zero, negative and NaN give the smallest. shape:  nearest index, limited; NaN gives the
 * normal distribution. weights (`components` of them to components - 1): proportional to the input,
 * whatever it sums to; negative and NaN count as 0, an infinite one takes all; if all are 0 they
 * are equal.
 */
MICA_API int16_t mica_entropy_quantise_mean(float mean);
MICA_API uint8_t mica_entropy_quantise_scale(float scale);
MICA_API uint8_t mica_entropy_quantise_shape(float shape);
MICA_API void mica_entropy_quantise_weights(const float *weights, int components, uint8_t *out);

#ifdef __cplusplus
}
#endif

#endif
