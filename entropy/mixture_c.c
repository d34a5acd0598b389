/* The mixture kernels in plain C: what all others must equal. */
#include "entropy/mixture.h"

/* One element with its parameters looked up. */
typedef struct Element {
    const MicaHalfCdf *row;
    int32_t mean[MICA_ENTROPY_COMPONENTS_MAX];
    uint32_t multiplier[MICA_ENTROPY_COMPONENTS_MAX];
    int octave[MICA_ENTROPY_COMPONENTS_MAX];
    int32_t weight[MICA_ENTROPY_COMPONENTS_MAX];
    int32_t first, last;
} Element;

MICA_INLINE Element load(const MicaMixtureTables *tables, const MicaEntropyModel *model, size_t i,
                         int components)
{
    Element e;
    int shape = mica_mixture_shape(model, i);
    e.row = tables->rows + shape;
    int32_t rest = 256;
    int32_t least = 32767, most = -32768;
    int octave = 0;
    for (int k = 0; k < components; k++) {
        int scale = mica_mixture_scale(model->scales[k], i);
        e.mean[k] = model->means[k][i];
        e.multiplier[k] = mica_fine_multipliers[scale & 15];
        e.octave[k] = scale >> 4;
        int32_t weight = rest;
        if (k < components - 1 && model->weights[k][i] < rest)
            weight = model->weights[k][i];
        e.weight[k] = weight;
        rest -= weight;
        int32_t centre = (e.mean[k] + 16) >> 5;
        least = centre < least ? centre : least;
        most = centre > most ? centre : most;
        octave = e.octave[k] > octave ? e.octave[k] : octave;
    }
    octave += mica_mixture_spread(shape);
    int32_t width = 1 << (octave < MICA_MIXTURE_OCTAVE_MAX ? octave : MICA_MIXTURE_OCTAVE_MAX);
    e.first = least - width;
    e.last = most + width;
    return e;
}

/* The rounded mean of the component with the highest peak, the first of equals. */
MICA_INLINE int32_t likeliest(const Element *e, int components)
{
    int32_t best = -1, mean = 0;
    for (int k = 0; k < components; k++) {
        int32_t peak = (int32_t)e->multiplier[k] * e->weight[k] >> e->octave[k];
        if (peak > best) {
            best = peak;
            mean = e->mean[k];
        }
    }
    return (mean + 16) >> 5;
}

/* c(x), x in first - 1 .. last + 2 */
MICA_INLINE uint32_t border(const Element *e, int32_t x, int components)
{
    if (x < e->first)
        return 0;
    if (x > e->last + 1)
        return MICA_RANS_SLOTS;
    int32_t sum = 1 << 27;
    for (int k = 0; k < components; k++) {
        int32_t d = 32 * x - 16 - e->mean[k];
        uint32_t distance = (uint32_t)(d < 0 ? -d : d);
        /* Within windows distances stay below 2^18 and products below 2^32. */
        uint32_t t = distance * e->multiplier[k] >> e->octave[k];
        int32_t a = (int32_t)mica_half_cdf(e->row, t < MICA_T_MAX ? t : MICA_T_MAX);
        sum += e->weight[k] * (d < 0 ? -a : a);
    }
    uint32_t f = (uint32_t)sum >> 8;
    uint32_t reserve = (uint32_t)(e->last - e->first + 3);
    return f - ((f >> 4) * reserve >> 16) + (uint32_t)(x - e->first) + 1;
}

MICA_INLINE void prepare(const MicaMixtureTables *tables, const MicaEntropyModel *model,
                         const int16_t *symbols, size_t begin, size_t from, size_t count,
                         MicaMixtureBlock *block, int components)
{
    for (size_t i = from; i < count; i++) {
        Element e = load(tables, model, begin + i, components);
        int32_t x;
        if (symbols) {
            x = symbols[begin + i];
            x = x < e.first - 1 ? e.first - 1 : x > e.last + 1 ? e.last + 1 : x;
        } else {
            x = likeliest(&e, components);
        }
        block->symbol[i] = x;
        block->first[i] = e.first;
        block->last[i] = e.last;
        block->low[i] = border(&e, x, components);
        block->high[i] = border(&e, x + 1, components);
    }
}

/* Bisection: c(low) <= slot < c(high) all the time. */
MICA_INLINE void search_one(const MicaMixtureTables *tables, const MicaEntropyModel *model,
                            size_t index, MicaMixtureBlock *block, size_t i, uint32_t slot,
                            int components)
{
    Element e = load(tables, model, index, components);
    int above = slot >= block->high[i];
    int32_t low = above ? block->symbol[i] + 1 : e.first - 1;
    int32_t high = above ? e.last + 2 : block->symbol[i];
    uint32_t c_low = above ? block->high[i] : 0, c_high = above ? MICA_RANS_SLOTS : block->low[i];
    int32_t step = 1; /* doubles while the symbol may be far from the likeliest one */
    while (high - low > 1) {
        int32_t middle = low + (high - low) / 2;
        if (above && low + step < middle)
            middle = low + step;
        else if (!above && high - step > middle)
            middle = high - step;
        uint32_t c = border(&e, middle, components);
        if (c <= slot) {
            low = middle;
            c_low = c;
            step = above ? 2 * step : 32767;
        } else {
            high = middle;
            c_high = c;
            step = above ? 32767 : 2 * step;
        }
    }
    block->symbol[i] = low;
    block->low[i] = c_low;
    block->high[i] = c_high;
}

MICA_INLINE void search(const MicaMixtureTables *tables, const MicaEntropyModel *model,
                        size_t begin, MicaMixtureBlock *block, size_t i, const uint32_t *slots,
                        unsigned missed, int components)
{
    for (unsigned k = 0; missed >> k; k++)
        if (missed >> k & 1)
            search_one(tables, model, begin + block->element[i + k], block, i + k, slots[k],
                       components);
}

#define KERNELS(n)                                                                                 \
    static void prepare_##n(const MicaMixtureTables *tables, const MicaEntropyModel *model,        \
                            const int16_t *symbols, size_t begin, size_t count,                    \
                            MicaMixtureBlock *block)                                               \
    {                                                                                              \
        prepare(tables, model, symbols, begin, 0, count, block, n);                                \
    }                                                                                              \
    static void search_##n(const MicaMixtureTables *tables, const MicaEntropyModel *model,         \
                           size_t begin, MicaMixtureBlock *block, size_t i, const uint32_t *slots, \
                           unsigned missed)                                                        \
    {                                                                                              \
        search(tables, model, begin, block, i, slots, missed, n);                                  \
    }

KERNELS(1)
KERNELS(2)
KERNELS(3)
KERNELS(4)

void mica_mixture_prepare_c(const MicaMixtureTables *tables, const MicaEntropyModel *model,
                            const int16_t *symbols, size_t begin, size_t from, size_t count,
                            MicaMixtureBlock *block, int components)
{
    prepare(tables, model, symbols, begin, from, count, block, components);
}

void mica_mixture_dsp_init_c(MicaMixtureDsp *dsp)
{
    *dsp = (MicaMixtureDsp){
        .prepare = {prepare_1, prepare_2, prepare_3, prepare_4},
        .search = {search_1, search_2, search_3, search_4},
    };
}
