/*
 * Mixtures of 1..4 distributions per element, without tables per element.
 *
 * The lower border of symbol x among the 2^20 slots is c(x) = F - floor(F R / 2^20) + (x - first) +
 * 1, where F is the cumulative probability of the mixture at x - 1/2 in 2^-20 and first..last the
 * window, R = last - first + 3: strictly increasing by construction. Below c(first) and from c(last
 * + 1) on are the two escapes.
 *
 * Kernels work on blocks: prepare() fills in both borders of one symbol per element, the likeliest
 * (decoder) or the given one (encoder); search() finds the symbol of a slot where that was not it.
 * All kernels give the same results.
 */
#ifndef MICA_ENTROPY_MIXTURE_H
#define MICA_ENTROPY_MIXTURE_H

#include "entropy/half_cdf.h"
#include "entropy/rans.h"
#include "mica/entropy.h"

/* Long enough for the processor to fetch ahead within a block even where blocks are taken from the
 * last to the first. */
#define MICA_MIXTURE_BLOCK 1024

typedef struct MicaMixtureTables {
    MicaHalfCdf rows[MICA_SHAPE_COUNT];
} MicaMixtureTables;

typedef struct MicaMixtureBlock {
    int32_t symbol[MICA_MIXTURE_BLOCK];
    uint32_t
        low[MICA_MIXTURE_BLOCK]; /* borders of the symbol: the slots low..high - 1 are its own */
    uint32_t high[MICA_MIXTURE_BLOCK];
    int32_t first[MICA_MIXTURE_BLOCK]; /* the window */
    int32_t last[MICA_MIXTURE_BLOCK];
    uint16_t element[MICA_MIXTURE_BLOCK]; /* of the model, from the first of the block; not filled
                                             in by prepare() */
} MicaMixtureBlock;

/* Elements begin..begin + count - 1 into block elements 0..count - 1; without `symbols` the
 * likeliest ones. Symbols outside the window become first - 1 or last + 1, the escapes. */
typedef void MicaMixturePrepare(const MicaMixtureTables *tables, const MicaEntropyModel *model,
                                const int16_t *symbols, size_t begin, size_t count,
                                MicaMixtureBlock *block);

/* For each bit k of `missed`, replace the symbol of block element i + k, whose borders do not
 * enclose slots[k], by the one whose borders do; first - 1 and last + 1 are the escapes. `begin` is
 * the element of the model where the block begins. */
typedef void MicaMixtureSearch(const MicaMixtureTables *tables, const MicaEntropyModel *model,
                               size_t begin, MicaMixtureBlock *block, size_t i,
                               const uint32_t *slots, unsigned missed);

typedef struct MicaMixtureDsp {
    MicaMixturePrepare *prepare[MICA_ENTROPY_COMPONENTS_MAX]; /* by components - 1 */
    MicaMixtureSearch *search[MICA_ENTROPY_COMPONENTS_MAX];
} MicaMixtureDsp;

/* What prepare() of the plain C does, for the block elements from..count - 1 only: the ends of
 * vector loops. */
void mica_mixture_prepare_c(const MicaMixtureTables *tables, const MicaEntropyModel *model,
                            const int16_t *symbols, size_t begin, size_t from, size_t count,
                            MicaMixtureBlock *block, int components);

void mica_mixture_tables_init(MicaMixtureTables *tables);
void mica_mixture_dsp_init(MicaMixtureDsp *dsp, uint32_t cpu_flags);
void mica_mixture_dsp_init_c(MicaMixtureDsp *dsp);
void mica_mixture_dsp_init_avx2(MicaMixtureDsp *dsp);
void mica_mixture_dsp_init_avx512(MicaMixtureDsp *dsp);
void mica_mixture_dsp_init_neon(MicaMixtureDsp *dsp);

/* Whether an element whose likeliest symbol was prepared is left out of the segment. */
MICA_INLINE int mica_mixture_skipped(const MicaMixtureBlock *block, size_t i, uint32_t skip)
{
    return block->symbol[i] == 0 && block->high[i] - block->low[i] > skip;
}

/* The window of a scale goes 2^octave symbols to both sides, 4.5 to 9 standard deviations, and
 * farther for heavy tails, but not so far that distances times multipliers pass 32 bits. */
#define MICA_MIXTURE_OCTAVE_MAX 12

MICA_INLINE int mica_mixture_spread(int shape)
{
    return shape < 3 ? 2 : shape < 8 ? 1 : 0;
}

MICA_INLINE int mica_mixture_scale(const uint8_t *scales, size_t i)
{
    return scales[i] < MICA_ENTROPY_SCALES ? scales[i] : MICA_ENTROPY_SCALES - 1;
}

MICA_INLINE int mica_mixture_shape(const MicaEntropyModel *model, size_t i)
{
    return model->shapes ? model->shapes[i] & (MICA_SHAPE_COUNT - 1) : MICA_ENTROPY_NORMAL;
}

#endif
