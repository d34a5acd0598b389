/*
 * The restoration filter, compiled once per level like pointwise_body.h. A vector holds int16
 * samples of one plane, four for each block.
 */
#include "transforms/kernels_impl.h"

#define SAMPLES (VEC_BYTES / 2)
#define BLOCKS (SAMPLES / MICA_RESTORATION_BLOCK)

_Static_assert(BLOCKS - 1 <= MICA_RESTORATION_MORE_BLOCKS, "a vector stays in the margin");

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

/* Of 32-bit sums, the low ones belong to the first block of every 128 bits, the high ones to the
 * second. */
typedef struct Halves {
    Vec low, high;
} Halves;

MICA_INLINE Vec limited(Vec a, Vec b, int limit)
{
    const Vec most = vec_set16(limit), least = vec_set16(-limit);
    return vec_add16(vec_max16(vec_min16(a, most), least), vec_max16(vec_min16(b, most), least));
}

/* Two of a pair's weights at index `at` of each block's. */
MICA_INLINE Halves two_weights(const int16_t *const weight[BLOCKS], int at)
{
    return (Halves){
        vec_set32_halves(mica_load32(weight[0] + at), mica_load32(weight[BLOCKS - 2] + at)),
        vec_set32_halves(mica_load32(weight[1] + at), mica_load32(weight[BLOCKS - 1] + at))};
}

MICA_INLINE void add_two(Halves *sums, Vec one, Vec other, Halves weight)
{
    sums->low = vec_add32(sums->low, vec_madd16(vec_unpacklo16(one, other), weight.low));
    sums->high = vec_add32(sums->high, vec_madd16(vec_unpackhi16(one, other), weight.high));
}

/* A pair of neighbours of a plane. */
MICA_INLINE void add_pair(Halves *sums, const int16_t *one, const int16_t *other, Vec centre,
                          Halves first, Halves last)
{
    const Vec a = vec_sub16(vec_load(one), centre), b = vec_sub16(vec_load(other), centre);
    add_two(sums, vec_adds16(a, b), limited(a, b, MICA_RESTORATION_WIDE), first);
    add_two(sums, limited(a, b, MICA_RESTORATION_MIDDLE), limited(a, b, MICA_RESTORATION_NARROW),
            last);
}

MICA_INLINE Vec changed(Vec centre, Halves sums)
{
    const Vec change = vec_pack32(vec_sra32(sums.low, MICA_RESTORATION_FRACTION),
                                  vec_sra32(sums.high, MICA_RESTORATION_FRACTION));
    return vec_add16(centre, vec_max16(vec_min16(change, vec_set16(MICA_RESTORATION_MOST_CHANGE)),
                                       vec_set16(-MICA_RESTORATION_MOST_CHANGE)));
}

MICA_INLINE void store_sample(int16_t *out, Vec v)
{
    vec_store(out, vec_max16(vec_min16(v, vec_set16(MICA_RESTORATION_MAX)), vec_zero()));
}

static void MICA_LEVEL(restore)(const int16_t *const rows[3][7], const int16_t *weight,
                                const uint8_t *classes, size_t blocks, int16_t *const out[3])
{
    const Vec half = vec_set32(1 << (MICA_RESTORATION_FRACTION - 1));

    for (size_t block = 0; block < blocks; block += BLOCKS) {
        const size_t at = block * MICA_RESTORATION_BLOCK;
        const int16_t *w[BLOCKS];
        for (int i = 0; i < BLOCKS; i++)
            w[i] = weight + classes[block + (size_t)i] * MICA_RESTORATION_WEIGHTS;
        const Vec y = vec_load(rows[0][3] + at);
        const Vec co = vec_load(rows[1][3] + at), cg = vec_load(rows[2][3] + at);
        Halves luma = {half, half}, orange = {half, half}, green = {half, half};
        int k = 0;

#define PAIR(sums, plane, centre, dy, dx)                                                          \
    add_pair(&(sums), rows[plane][3 + (dy)] + at + (dx), rows[plane][3 - (dy)] + at - (dx),        \
             centre, first, last);
#define LUMA(dy, dx)                                                                               \
    {                                                                                              \
        const Halves first = two_weights(w, k), last = two_weights(w, k + 2);                      \
        PAIR(luma, 0, y, dy, dx)                                                                   \
        k += 4;                                                                                    \
    }
#define CHROMA(dy, dx)                                                                             \
    {                                                                                              \
        const Halves first = two_weights(w, k), last = two_weights(w, k + 2);                      \
        PAIR(orange, 1, co, dy, dx)                                                                \
        PAIR(green, 2, cg, dy, dx)                                                                 \
        k += 4;                                                                                    \
    }
        MICA_RESTORATION_NEAR(LUMA)
        MICA_RESTORATION_FAR(LUMA)
        MICA_RESTORATION_NEAR(CHROMA)
#undef PAIR
#undef LUMA
#undef CHROMA
        const Vec restored_co = changed(co, orange), restored_cg = changed(cg, green);
        const Vec middle = vec_sub16(changed(y, luma), vec_sra16(restored_cg, 1));
        const Vec blue = vec_sub16(middle, vec_sra16(restored_co, 1));
        store_sample(out[0] + at, vec_add16(blue, restored_co));
        store_sample(out[1] + at, vec_add16(middle, restored_cg));
        store_sample(out[2] + at, blue);
    }
}

static void init_restoration(MicaKernels *kernels)
{
    kernels->laplacians = MICA_LEVEL(laplacians);
    kernels->restore = MICA_LEVEL(restore);
}
