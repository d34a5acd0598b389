/*
 * SATD and interpolation for x86, compiled once per level: a vector holds COLUMNS samples as int16,
 * 8 a lane. Of interpolation, a first pass leaves samples in 1/64, -22 * 255 to 88 * 255; the
 * second multiplies them as pairs of rows into 32 bits. Where only one axis lies between pixels, 16
 * bits do.
 */
#include "transforms/motion_kernels.h"

#define COLUMNS (VEC_BYTES / 2)
#define ROWS 16
#define TAPS MICA_FILTER_TAPS
#define PAIRS (TAPS / 2)

/* ---- differences ---- */

MICA_INLINE void butterfly(Vec *a, Vec *b)
{
    const Vec sum = vec_add16(*a, *b);
    *b = vec_sub16(*a, *b);
    *a = sum;
}

/* (|a + b| + |a - b|) / 2, which is the larger of |a| and |b|, as sums of two: the last butterflies
 * are left out, and the sum is half of what it would be. */
MICA_INLINE Vec last_butterfly(Vec a, Vec b)
{
    return vec_madd16(vec_max16(vec_abs16(a), vec_abs16(b)), vec_set16(1));
}

/* The first two of the three steps of an 8-point transform. */
MICA_INLINE void two_steps(Vec v[8])
{
    for (int i = 0; i < 4; i++)
        butterfly(&v[i], &v[i + 4]);
    for (int i = 0; i < 8; i++)
        if (!(i & 2))
            butterfly(&v[i], &v[i + 2]);
}

/* Blocks of 8x8 beside each other, each in a lane: four parts of half the sum of each. */
MICA_INLINE Vec satd_lanes(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                           ptrdiff_t b_stride)
{
    Vec v[8], t[8], sum = vec_zero();
    for (int y = 0; y < 8; y++)
        v[y] = vec_sub16(vec_widen(a + y * a_stride), vec_widen(b + y * b_stride));
    two_steps(v);
    for (int i = 0; i < 8; i += 2)
        butterfly(&v[i], &v[i + 1]);
    for (int i = 0; i < 4; i++) { /* from here to the columns */
        t[2 * i] = vec_unpacklo16(v[2 * i], v[2 * i + 1]);
        t[2 * i + 1] = vec_unpackhi16(v[2 * i], v[2 * i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int k = 0; k < 2; k++) {
            v[i + 2 * k] = vec_unpacklo32(t[i + k], t[i + k + 2]);
            v[i + 2 * k + 1] = vec_unpackhi32(t[i + k], t[i + k + 2]);
        }
    for (int i = 0; i < 4; i++) {
        t[2 * i] = vec_unpacklo64(v[i], v[i + 4]);
        t[2 * i + 1] = vec_unpackhi64(v[i], v[i + 4]);
    }
    two_steps(t);
    for (int i = 0; i < 8; i += 2)
        sum = vec_add32(sum, last_butterfly(t[i], t[i + 1]));
    return sum;
}

/* ---- between pixels ---- */

typedef struct Taps {
    Vec pair[PAIRS]; /* of bytes, or of words */
} Taps;

MICA_INLINE Taps byte_taps(int phase)
{
    const int8_t *c = mica_motion_filter[phase];
    Taps t;
    for (int k = 0; k < PAIRS; k++)
        t.pair[k] = vec_set16((uint8_t)c[2 * k] | (uint8_t)c[2 * k + 1] << 8);
    return t;
}

MICA_INLINE Taps word_taps(int phase)
{
    const int8_t *c = mica_motion_filter[phase];
    Taps t;
    for (int k = 0; k < PAIRS; k++)
        t.pair[k] = vec_set32((uint16_t)c[2 * k] | (uint32_t)(uint16_t)c[2 * k + 1] << 16);
    return t;
}

/* One row along x; `first` is at the first tap of its first sample. */
MICA_INLINE Vec filter_row(const uint8_t *first, const Taps *taps)
{
    const Vec v = vec_load_lanes(first, 8);
    const Vec s0 = vec_maddubs(vec_neighbours(v, 0), taps->pair[0]);
    const Vec s1 = vec_maddubs(vec_neighbours(v, 2), taps->pair[1]);
    const Vec s2 = vec_maddubs(vec_neighbours(v, 4), taps->pair[2]);
    const Vec s3 = vec_maddubs(vec_neighbours(v, 6), taps->pair[3]);
    return vec_add16(vec_add16(s0, s1), vec_add16(s2, s3));
}

/* From 1/64 to whole samples; what is left is clamped when it is stored. */
MICA_INLINE Vec round_row(Vec v)
{
    return vec_shr16(vec_add16(v, vec_set16(32)), 6);
}

/* One row along y, of samples whose pairs of rows are given. */
MICA_INLINE Vec filter_byte_column(const Vec *pair, const Taps *taps)
{
    const Vec s0 = vec_maddubs(pair[0], taps->pair[0]), s1 = vec_maddubs(pair[2], taps->pair[1]);
    const Vec s2 = vec_maddubs(pair[4], taps->pair[2]), s3 = vec_maddubs(pair[6], taps->pair[3]);
    return round_row(vec_add16(vec_add16(s0, s1), vec_add16(s2, s3)));
}

/* The same for what filter_row() made. */
MICA_INLINE Vec filter_words(const Vec *pair, const Taps *taps)
{
    const Vec s0 = vec_madd16(pair[0], taps->pair[0]), s1 = vec_madd16(pair[2], taps->pair[1]);
    const Vec s2 = vec_madd16(pair[4], taps->pair[2]), s3 = vec_madd16(pair[6], taps->pair[3]);
    const Vec sum = vec_add32(vec_add32(s0, s1), vec_add32(s2, s3));
    return vec_sra32(vec_add32(sum, vec_set32(2048)), 12);
}

MICA_INLINE void filter_byte_columns(const uint8_t *src, ptrdiff_t stride, int phase, int rows,
                                     uint8_t *out, ptrdiff_t out_stride)
{
    const Taps taps = byte_taps(phase);
    Vec pair[ROWS + TAPS - 2];
    src -= MICA_FILTER_BEFORE * stride;
    Vec above = vec_load_halves(src);
    for (int y = 0; y < rows + TAPS - 2; y++) {
        const Vec below = vec_load_halves(src + (y + 1) * stride);
        pair[y] = vec_unpacklo8(above, below);
        above = below;
    }
    for (int y = 0; y < rows; y += 2)
        vec_store_rows(out + y * out_stride, out_stride, filter_byte_column(pair + y, &taps),
                       filter_byte_column(pair + y + 1, &taps));
}

/* Rows in 1/64 as pairs for the second pass: the first half of each lane, the second half. */
typedef struct WordPairs {
    Vec low[ROWS + TAPS - 2], high[ROWS + TAPS - 2];
} WordPairs;

MICA_INLINE void pair_words(const Vec *row, int rows, WordPairs *pairs)
{
    for (int y = 0; y < rows + TAPS - 2; y++) {
        pairs->low[y] = vec_unpacklo16(row[y], row[y + 1]);
        pairs->high[y] = vec_unpackhi16(row[y], row[y + 1]);
    }
}

MICA_INLINE Vec filter_word_column(const WordPairs *p, int y, const Taps *taps)
{
    return vec_pack32(filter_words(p->low + y, taps), filter_words(p->high + y, taps));
}

MICA_INLINE void filter_word_columns(const WordPairs *pairs, int phase, int rows, uint8_t *out,
                                     ptrdiff_t out_stride)
{
    const Taps taps = word_taps(phase);
    for (int y = 0; y < rows; y += 2)
        vec_store_rows(out + y * out_stride, out_stride, filter_word_column(pairs, y, &taps),
                       filter_word_column(pairs, y + 1, &taps));
}

MICA_INLINE void interpolate_columns(const uint8_t *src, ptrdiff_t stride, int phase_x, int phase_y,
                                     int rows, uint8_t *out, ptrdiff_t out_stride)
{
    if (phase_x == 0) {
        filter_byte_columns(src, stride, phase_y, rows, out, out_stride);
        return;
    }
    const Taps taps = byte_taps(phase_x);
    src -= MICA_FILTER_BEFORE;
    if (phase_y == 0) {
        for (int y = 0; y < rows; y += 2, src += 2 * stride)
            vec_store_rows(out + y * out_stride, out_stride, round_row(filter_row(src, &taps)),
                           round_row(filter_row(src + stride, &taps)));
        return;
    }
    Vec row[ROWS + TAPS - 1];
    WordPairs pairs;
    src -= MICA_FILTER_BEFORE * stride;
    for (int y = 0; y < rows + TAPS - 1; y++)
        row[y] = filter_row(src + y * stride, &taps);
    pair_words(row, rows, &pairs);
    filter_word_columns(&pairs, phase_y, rows, out, out_stride);
}

/* Each phase of x is filtered once and serves all phases of y. */
MICA_INLINE void fraction_columns(const uint8_t *src, ptrdiff_t stride, int rows, uint8_t *out,
                                  ptrdiff_t out_stride, ptrdiff_t plane)
{
    const uint8_t *first = src - MICA_FILTER_BEFORE * stride - MICA_FILTER_BEFORE;
    for (int y = 1; y < MICA_PHASES; y++)
        filter_byte_columns(src, stride, y, rows, out + y * MICA_PHASES * plane, out_stride);
    for (int x = 1; x < MICA_PHASES; x++) {
        const Taps taps = byte_taps(x);
        uint8_t *to = out + x * plane;
        Vec row[ROWS + TAPS - 1];
        WordPairs pairs;
        for (int y = 0; y < rows + TAPS - 1; y++)
            row[y] = filter_row(first + y * stride, &taps);
        for (int y = 0; y < rows; y += 2)
            vec_store_rows(to + y * out_stride, out_stride, round_row(row[y + MICA_FILTER_BEFORE]),
                           round_row(row[y + MICA_FILTER_BEFORE + 1]));
        pair_words(row, rows, &pairs);
        for (int y = 1; y < MICA_PHASES; y++)
            filter_word_columns(&pairs, y, rows, to + y * MICA_PHASES * plane, out_stride);
    }
}
