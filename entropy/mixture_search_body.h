/*
 * search() for any vector unit, included after mixture_body.h, which it builds on. Gives the table
 * searches[].
 */

/* Quantile (i + 1/2) / 64 of the normal distribution in 2^-10, and 0.11 * 2^(i / 16) in 2^-10: for
 * guesses only. */
static const int16_t quantile[64] = {
    -2476, -2035, -1804, -1639, -1509, -1399, -1303, -1218, -1140, -1068, -1001, -939, -879,
    -822,  -768,  -716,  -666,  -617,  -569,  -523,  -478,  -434,  -390,  -347,  -305, -264,
    -222,  -181,  -141,  -100,  -60,   -20,   20,    60,    100,   141,   181,   222,  264,
    305,   347,   390,   434,   478,   523,   569,   617,   666,   716,   768,   822,  879,
    939,   1001,  1068,  1140,  1218,  1303,  1399,  1509,  1639,  1804,  2035,  2476,
};
static const int16_t deviation[16] = {
    113, 118, 123, 128, 134, 140, 146, 153, 159, 166, 174, 181, 189, 198, 207, 216,
};

/* Where a normal distribution with about the mean and deviation of the mixture has the slot. */
MICA_INLINE int32_t guess(const MicaEntropyModel *model, size_t index, uint32_t slot,
                          int components)
{
    int32_t mean = 0, spread = 0, rest = 256;
    for (int k = 0; k < components; k++) {
        int32_t weight = rest;
        if (k < components - 1 && model->weights[k][index] < rest)
            weight = model->weights[k][index];
        rest -= weight;
        int scale = mica_mixture_scale(model->scales[k], index);
        mean += weight * model->means[k][index];
        spread += weight * (deviation[scale & 15] << (scale >> 4) >> 4);
    }
    return (mean + ((spread >> 8) * quantile[slot >> 14] >> 3) + 4096) >> 13;
}

typedef struct Bracket {
    int32_t low, high; /* c(low) <= slot < c(high) */
    uint32_t c_low, c_high;
} Bracket;

/* LANES borders at once, at base, base + stride... as far as they are inside the bracket. */
MICA_INLINE void narrow(const MicaMixtureTables *tables, const Terms *terms, Vec row, int32_t first,
                        int32_t last, uint32_t slot, int32_t base, int32_t stride, Bracket *b,
                        int components)
{
    Vec x = v_add(v_set(base), v_mul(v_ramp(), v_set(stride)));
    x = v_max(v_min(x, v_set(b->high - 1)), v_set(b->low + 1));
    Vec c = borders(tables, terms, row, v_set(first), v_set(last - first + 3), x, components);
    int below = v_count_not_greater(c, (int32_t)slot);
    int32_t xs[LANES + 2];
    uint32_t cs[LANES + 2];
    xs[0] = b->low;
    cs[0] = b->c_low;
    v_store(xs + 1, x);
    v_store((int32_t *)cs + 1, c);
    xs[LANES + 1] = b->high;
    cs[LANES + 1] = b->c_high;
    b->low = xs[below];
    b->c_low = cs[below];
    b->high = xs[below + 1];
    b->c_high = cs[below + 1];
}

MICA_INLINE void load_terms(const MicaEntropyModel *model, size_t index, Terms *terms,
                            int components)
{
    int32_t rest = 256;
    for (int k = 0; k < components; k++) {
        int scale = mica_mixture_scale(model->scales[k], index);
        int32_t weight = rest;
        if (k < components - 1 && model->weights[k][index] < rest)
            weight = model->weights[k][index];
        rest -= weight;
        terms[k].mean = v_set(model->means[k][index]);
        terms[k].multiplier = v_set(mica_fine_multipliers[scale & 15]);
        terms[k].shift = v_set(scale >> 4);
        terms[k].weight = v_set(weight);
    }
}

/*
 * Most symbols are found in the first LANES borders, taken where a normal tail would have the slot.
 * These first rounds have no branch that depends on the data, so that those of several elements
 * overlap.
 */
MICA_INLINE void search(const MicaMixtureTables *tables, const MicaEntropyModel *model,
                        size_t begin, MicaMixtureBlock *block, size_t i, const uint32_t *slots,
                        unsigned missed, int components)
{
    int32_t highs[MICA_RANS_STATES_MAX];
    unsigned open = 0;
    for (unsigned rest = missed; rest; rest &= rest - 1) {
        unsigned k = v_first_bit(rest);
        size_t j = i + k, index = begin + block->element[j];
        Terms terms[MICA_ENTROPY_COMPONENTS_MAX];
        load_terms(model, index, terms, components);
        Vec row = v_set(mica_mixture_shape(model, index) * MICA_HALF_CDF_SEGMENTS - FLOAT_BIAS);
        int32_t first = block->first[j], last = block->last[j];
        uint32_t slot = slots[k];
        /* The whole window: which side of the likeliest symbol it is would be a branch nobody can
         * predict. */
        Bracket b = {first - 1, last + 2, 0, MICA_RANS_SLOTS};
        int32_t base = guess(model, index, slot, components) - (LANES / 2 - 1);
        narrow(tables, terms, row, first, last, slot, base, 1, &b, components);
        block->symbol[j] = b.low;
        block->low[j] = b.c_low;
        block->high[j] = b.c_high;
        highs[k] = b.high;
        open |= (unsigned)(b.high - b.low > 1) << k;
    }
    for (; open; open &= open - 1) {
        unsigned k = v_first_bit(open);
        size_t j = i + k, index = begin + block->element[j];
        Terms terms[MICA_ENTROPY_COMPONENTS_MAX];
        load_terms(model, index, terms, components);
        Vec row = v_set(mica_mixture_shape(model, index) * MICA_HALF_CDF_SEGMENTS - FLOAT_BIAS);
        Bracket b = {block->symbol[j], highs[k], block->low[j], block->high[j]};
        do {
            int32_t stride = (b.high - b.low + LANES) / (LANES + 1);
            narrow(tables, terms, row, block->first[j], block->last[j], slots[k], b.low + stride,
                   stride, &b, components);
        } while (b.high - b.low > 1);
        block->symbol[j] = b.low;
        block->low[j] = b.c_low;
        block->high[j] = b.c_high;
    }
}

#define SEARCH(n)                                                                                  \
    static void search_##n(const MicaMixtureTables *tables, const MicaEntropyModel *model,         \
                           size_t begin, MicaMixtureBlock *block, size_t i, const uint32_t *slots, \
                           unsigned missed)                                                        \
    {                                                                                              \
        search(tables, model, begin, block, i, slots, missed, n);                                  \
    }

SEARCH(1)
SEARCH(2)
SEARCH(3)
SEARCH(4)

static MicaMixtureSearch *const searches[] = {search_1, search_2, search_3, search_4};
