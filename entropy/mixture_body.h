/*
 * prepare() for any vector unit, written once: the including file defines Vec, LANES 32-bit
 * integers, and the operations v_* on it, and gets the table prepares[].
 */

/* What the bits of a float of 2^8, without position, are above the first segment. */
#define FLOAT_BIAS ((127 + 8) << 6)

typedef struct Terms {
    Vec mean, multiplier, shift, weight;
} Terms;

/* Sum of the weighted half-CDFs at x - 1/2, then the border; x in first .. last + 1. */
MICA_INLINE Vec borders(const MicaMixtureTables *tables, const Terms *terms, Vec row, Vec first,
                        Vec reserve, Vec x, int components)
{
    Vec sum = v_set(1 << 27);
    Vec middle = v_sub(v_shl(x, 5), v_set(16));
    for (int k = 0; k < components; k++) {
        Vec d = v_sub(middle, terms[k].mean);
        Vec t = v_shr_each(v_mul(v_abs(d), terms[k].multiplier), terms[k].shift);
        t = v_min_unsigned(t, v_set(MICA_T_MAX));
        /* Exponent and mantissa of u = t + 256 < 2^24, as conversion to float finds them, without
         * rounding. */
        Vec bits = v_float_bits(v_add(t, v_set(256)));
        Vec entry = v_gather(tables->rows[0].segments, v_add(v_shr(bits, 17), row));
        Vec position = v_and(v_shr(bits, 4), v_set(0x1fff));
        Vec a = v_shr(v_add(entry, v_mul16(v_and(entry, v_set(0x1fff)), position)), 13);
        sum = v_add(sum, v_mul(v_sign(a, d), terms[k].weight));
    }
    Vec f = v_shr(sum, 8);
    f = v_sub(f, v_shr(v_mul(v_shr(f, 4), reserve), 16));
    return v_add(f, v_sub(v_add(x, v_set(1)), first));
}

MICA_INLINE void prepare(const MicaMixtureTables *tables, const MicaEntropyModel *model,
                         const int16_t *symbols, size_t begin, size_t count,
                         MicaMixtureBlock *block, int components)
{
    size_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        Terms terms[MICA_ENTROPY_COMPONENTS_MAX];
        size_t j = begin + i;
        Vec shape = model->shapes ? v_and(v_load8(model->shapes + j), v_set(MICA_SHAPE_COUNT - 1))
                                  : v_set(MICA_ENTROPY_NORMAL);
        Vec least = v_set(32767), most = v_set(-32768), octave = v_set(0);
        Vec rest = v_set(256), best = v_set(-1), likeliest = v_set(0);
        for (int k = 0; k < components; k++) {
            Vec mean = v_load16(model->means[k] + j);
            Vec scale = v_min(v_load8(model->scales[k] + j), v_set(MICA_ENTROPY_SCALES - 1));
            Vec weight = rest;
            if (k < components - 1) {
                weight = v_min(weight, v_load8(model->weights[k] + j));
                rest = v_sub(rest, weight);
            }
            Vec centre = v_shr_signed(v_add(mean, v_set(16)), 5);
            terms[k].mean = mean;
            terms[k].multiplier = v_table16(mica_fine_multipliers, scale);
            terms[k].shift = v_shr(scale, 4);
            terms[k].weight = weight;
            least = v_min(least, centre);
            most = v_max(most, centre);
            octave = v_max(octave, terms[k].shift);
            if (!symbols) {
                Vec peak = v_shr_each(v_mul16(terms[k].multiplier, weight), terms[k].shift);
                likeliest = v_select_greater(peak, best, centre, likeliest);
                best = v_max(best, peak);
            }
        }
        if (model->shapes) {
            octave = v_add(octave, v_select_greater(v_set(8), shape, v_set(1), v_set(0)));
            octave = v_add(octave, v_select_greater(v_set(3), shape, v_set(1), v_set(0)));
            octave = v_min(octave, v_set(MICA_MIXTURE_OCTAVE_MAX));
        }
        Vec width = v_shl_each(v_set(1), octave);
        Vec first = v_sub(least, width), last = v_add(most, width);
        Vec x = likeliest;
        if (symbols) /* outside the window: the escapes */
            x = v_max(v_min(v_load16(symbols + j), v_add(last, v_set(1))), v_sub(first, v_set(1)));
        Vec row = v_sub(v_mul(shape, v_set(MICA_HALF_CDF_SEGMENTS)), v_set(FLOAT_BIAS));
        Vec reserve = v_add(v_sub(last, first), v_set(3));
        Vec next = v_add(x, v_set(1));
        Vec low = borders(tables, terms, row, first, reserve, x, components);
        Vec high = borders(tables, terms, row, first, reserve, next, components);
        if (symbols) {
            low = v_select_greater(first, x, v_set(0), low);
            high = v_select_greater(x, last, v_set(MICA_RANS_SLOTS), high);
        }
        v_store(block->symbol + i, x);
        v_store((int32_t *)block->low + i, low);
        v_store((int32_t *)block->high + i, high);
        v_store(block->first + i, first);
        v_store(block->last + i, last);
    }
    mica_mixture_prepare_c(tables, model, symbols, begin, i, count, block, components);
}

#define PREPARE(n)                                                                                 \
    static void prepare_##n(const MicaMixtureTables *tables, const MicaEntropyModel *model,        \
                            const int16_t *symbols, size_t begin, size_t count,                    \
                            MicaMixtureBlock *block)                                               \
    {                                                                                              \
        prepare(tables, model, symbols, begin, count, block, n);                                   \
    }

PREPARE(1)
PREPARE(2)
PREPARE(3)
PREPARE(4)

static MicaMixturePrepare *const prepares[] = {prepare_1, prepare_2, prepare_3, prepare_4};
