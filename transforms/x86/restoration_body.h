/*
 * The restoration filter, compiled once per level like pointwise_body.h. A vector holds int16
 * samples as they lie in a row of RGB, so that a pixel's neighbours are found by the address alone.
 */
#include "transforms/kernels_impl.h"

#define SAMPLES (VEC_BYTES / 2)
#define BLOCK_SAMPLES (3 * MICA_RESTORATION_BLOCK)

/* ---- Laplacians ---- */

/* Of one row, two pixels summed up to an int32. */
MICA_INLINE Vec laplacian(Vec twice, const int16_t *a, const int16_t *b)
{
    return vec_abs16(vec_sub16(vec_sub16(twice, vec_load(a)), vec_load(b)));
}

static void MICA_LEVEL(laplacians)(const int16_t *const rows[4], size_t squares,
                                   int32_t *const sums[MICA_DIRECTIONS])
{
    const Vec ones = vec_set16(1);

    for (size_t i = 0; i < squares; i += SAMPLES / 2) {
        Vec sum[MICA_DIRECTIONS] = {vec_zero(), vec_zero(), vec_zero(), vec_zero()};

        for (int r = 1; r <= 2; r++) {
            const int16_t *above = rows[r - 1] + 2 * i, *p = rows[r] + 2 * i;
            const int16_t *below = rows[r + 1] + 2 * i;
            const Vec v = vec_load(p), twice = vec_add16(v, v);

            sum[0] = vec_add16(sum[0], laplacian(twice, above, below));
            sum[1] = vec_add16(sum[1], laplacian(twice, p - 1, p + 1));
            sum[2] = vec_add16(sum[2], laplacian(twice, above - 1, below + 1));
            sum[3] = vec_add16(sum[3], laplacian(twice, above + 1, below - 1));
        }
        for (int d = 0; d < MICA_DIRECTIONS; d++)
            vec_store(sums[d] + i, vec_madd16(sum[d], ones));
    }
}

/* ---- the filter ---- */

typedef struct FilterSums {
    Vec low, high;
} FilterSums;

MICA_INLINE Vec limited(Vec v)
{
    return vec_max16(vec_min16(v, vec_set16(MICA_RESTORATION_LIMIT)),
                     vec_set16(-MICA_RESTORATION_LIMIT));
}

/* Two opposite neighbours; a pair of weights. */
MICA_INLINE void add_place(FilterSums *sums, const int16_t *one, const int16_t *other, Vec centre,
                           const int16_t *weight)
{
    const Vec a = vec_sub16(vec_load(one), centre), b = vec_sub16(vec_load(other), centre);
    const Vec whole = vec_add16(a, b), part = vec_add16(limited(a), limited(b));
    const Vec w = vec_set32(mica_load32(weight));

    sums->low = vec_add32(sums->low, vec_madd16(vec_unpacklo16(whole, part), w));
    sums->high = vec_add32(sums->high, vec_madd16(vec_unpackhi16(whole, part), w));
}

static void MICA_LEVEL(restore)(const int16_t *const rows[7], const int16_t *weight,
                                const uint8_t *classes, size_t blocks, int16_t *out)
{
    const Vec half = vec_set32(1 << (MICA_RESTORATION_FRACTION - 1));

    for (size_t block = 0; block < blocks; block++) {
        for (size_t i = 0; i < BLOCK_SAMPLES; i += SAMPLES) {
            const size_t at = block * BLOCK_SAMPLES + i;
            const int16_t *w = weight + classes[block] * MICA_RESTORATION_WEIGHTS;
            const Vec centre = vec_load(rows[3] + at);
            FilterSums sums = {half, half};

#define ADD_PLACE(dy, dx)                                                                          \
    add_place(&sums, rows[3 + (dy)] + at + 3 * (dx), rows[3 - (dy)] + at - 3 * (dx), centre, w);   \
    w += 2;
            MICA_RESTORATION_PLACES(ADD_PLACE)
#undef ADD_PLACE
            const Vec change = vec_pack32(vec_sra32(sums.low, MICA_RESTORATION_FRACTION),
                                          vec_sra32(sums.high, MICA_RESTORATION_FRACTION));
            const Vec v = vec_adds16(centre, change);
            vec_store(out + at,
                      vec_max16(vec_min16(v, vec_set16(MICA_RESTORATION_MAX)), vec_zero()));
        }
    }
}

static void init_restoration(MicaKernels *kernels)
{
    kernels->laplacians = MICA_LEVEL(laplacians);
    kernels->restore = MICA_LEVEL(restore);
}
