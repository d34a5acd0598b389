/* The motion kernels for SSE4.1. */
#include "transforms/x86/vec_sse41.h"

/* Bytes `first` + 0, 1, 1, 2, 2, 3, ...: each sample with its right neighbour. */
#define vec_neighbours(v, first)                                                                   \
    _mm_shuffle_epi8(v, _mm_add_epi8(_mm_set1_epi8(first), _mm_setr_epi8(0, 1, 1, 2, 2, 3, 3, 4,   \
                                                                         4, 5, 5, 6, 6, 7, 7, 8)))
#define vec_load_halves(p) _mm_loadl_epi64((const __m128i *)(p))
#define vec_shr16(v, count) _mm_srai_epi16(v, count)
#define vec_widen(p) _mm_cvtepu8_epi16(vec_load_halves(p))
#define vec_unpacklo32(a, b) _mm_unpacklo_epi32(a, b)
#define vec_unpackhi32(a, b) _mm_unpackhi_epi32(a, b)
#define vec_unpacklo64(a, b) _mm_unpacklo_epi64(a, b)
#define vec_unpackhi64(a, b) _mm_unpackhi_epi64(a, b)

/* Two rows of int16, saturated to bytes. */
MICA_INLINE void vec_store_rows(uint8_t *p, ptrdiff_t stride, Vec a, Vec b)
{
    const __m128i v = _mm_packus_epi16(a, b);
    _mm_storel_epi64((__m128i *)p, v);
    _mm_storel_epi64((__m128i *)(p + stride), _mm_unpackhi_epi64(v, v));
}

#include "transforms/x86/motion_body.h"

/* ---- differences ---- */

MICA_INLINE __m128i two_rows(const uint8_t *p, ptrdiff_t stride)
{
    return _mm_unpacklo_epi64(vec_load_halves(p), vec_load_halves(p + stride));
}

static unsigned sad8_sse41(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                           ptrdiff_t b_stride)
{
    __m128i sum = _mm_setzero_si128();
    for (int y = 0; y < 8; y += 2, a += 2 * a_stride, b += 2 * b_stride)
        sum = _mm_add_epi32(sum, _mm_sad_epu8(two_rows(a, a_stride), two_rows(b, b_stride)));
    return (unsigned)(_mm_cvtsi128_si32(sum) + _mm_extract_epi32(sum, 2));
}

static unsigned sad16_sse41(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                            ptrdiff_t b_stride)
{
    __m128i sum = _mm_setzero_si128();
    for (int y = 0; y < 16; y++, a += a_stride, b += b_stride)
        sum = _mm_add_epi32(sum, _mm_sad_epu8(vec_load(a), vec_load(b)));
    return (unsigned)(_mm_cvtsi128_si32(sum) + _mm_extract_epi32(sum, 2));
}

/* Eight positions at a time, the left and right halves of the block one after the other. */
static unsigned sad_row_sse41(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                              ptrdiff_t b_stride, uint16_t sum[MICA_SAD_POSITIONS])
{
    __m128i least = _mm_set1_epi16(-1);
    for (int x = 0; x < MICA_SAD_POSITIONS - 1; x += 8) {
        __m128i total = _mm_setzero_si128();
        for (int y = 0; y < 8; y++) {
            const __m128i block = vec_load_halves(a + y * a_stride);
            const __m128i at = vec_load(b + y * b_stride + x);
            total = _mm_add_epi16(total, _mm_add_epi16(_mm_mpsadbw_epu8(at, block, 0),
                                                       _mm_mpsadbw_epu8(at, block, 5)));
        }
        vec_store(sum + x, total);
        least = _mm_min_epu16(least, total);
    }
    const unsigned last = sad8_sse41(a, a_stride, b + MICA_SAD_POSITIONS - 1, b_stride);
    const unsigned others = (unsigned)_mm_extract_epi16(_mm_minpos_epu16(least), 0);
    sum[MICA_SAD_POSITIONS - 1] = (uint16_t)last;
    return last < others ? last : others;
}

static unsigned satd8_sse41(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                            ptrdiff_t b_stride)
{
    __m128i sum = satd_lanes(a, a_stride, b, b_stride);
    sum = _mm_add_epi32(sum, _mm_unpackhi_epi64(sum, sum));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 1));
    return ((unsigned)_mm_cvtsi128_si32(sum) + 1) >> 1;
}

static unsigned satd16_sse41(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                             ptrdiff_t b_stride, uint16_t part[4])
{
    unsigned sum = 0;
    for (int i = 0; i < 4; i++) {
        const ptrdiff_t x = 8 * (i & 1), y = 8 * (i >> 1);
        part[i] =
            (uint16_t)satd8_sse41(a + y * a_stride + x, a_stride, b + y * b_stride + x, b_stride);
        sum += part[i];
    }
    return sum;
}

/* ---- between pixels ---- */

static void interpolate8_sse41(const uint8_t *src, ptrdiff_t src_stride, int phase_x, int phase_y,
                               uint8_t *out, ptrdiff_t out_stride)
{
    interpolate_columns(src, src_stride, phase_x, phase_y, 8, out, out_stride);
}

static void interpolate16_sse41(const uint8_t *src, ptrdiff_t src_stride, int phase_x, int phase_y,
                                uint8_t *out, ptrdiff_t out_stride)
{
    for (int x = 0; x < 16; x += COLUMNS)
        interpolate_columns(src + x, src_stride, phase_x, phase_y, 16, out + x, out_stride);
}

static void fractions_sse41(const uint8_t *src, ptrdiff_t src_stride, int rows, uint8_t *out,
                            ptrdiff_t out_stride, ptrdiff_t plane)
{
    for (int x = 0; x < 16; x += COLUMNS)
        fraction_columns(src + x, src_stride, rows, out + x, out_stride, plane);
}

static void mean8_sse41(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride,
                        uint8_t *out)
{
    for (int y = 0; y < 8; y += 2, a += 2 * a_stride, b += 2 * b_stride)
        vec_store(out + 8 * y, _mm_avg_epu8(two_rows(a, a_stride), two_rows(b, b_stride)));
}

static void mean16_sse41(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride,
                         uint8_t *out)
{
    for (int y = 0; y < 16; y++, a += a_stride, b += b_stride)
        vec_store(out + 16 * y, _mm_avg_epu8(vec_load(a), vec_load(b)));
}

/* ---- RGB ---- */

/* Byte i of a result is byte 3 * i + c of 48, which lie in three vectors: a mask for each of these,
 * -1 where it has none. The other way round, byte i is component i % 3 of pixel i / 3. */
#define PICK(c, from, i)                                                                           \
    (char)(3 * (i) + (c) >= 16 * (from) && 3 * (i) + (c) < 16 * (from) + 16                        \
               ? 3 * (i) + (c)-16 * (from)                                                         \
               : -1)
#define PLACE(c, to, i) (char)((16 * (to) + (i)) % 3 == (c) ? (16 * (to) + (i)) / 3 : -1)
#define MASK(kind, a, b)                                                                           \
    {                                                                                              \
        kind(a, b, 0), kind(a, b, 1), kind(a, b, 2), kind(a, b, 3), kind(a, b, 4), kind(a, b, 5),  \
            kind(a, b, 6), kind(a, b, 7), kind(a, b, 8), kind(a, b, 9), kind(a, b, 10),            \
            kind(a, b, 11), kind(a, b, 12), kind(a, b, 13), kind(a, b, 14), kind(a, b, 15)         \
    }
#define MASKS(kind)                                                                                \
    {                                                                                              \
        {MASK(kind, 0, 0), MASK(kind, 0, 1), MASK(kind, 0, 2)},                                    \
            {MASK(kind, 1, 0), MASK(kind, 1, 1), MASK(kind, 1, 2)},                                \
        {                                                                                          \
            MASK(kind, 2, 0), MASK(kind, 2, 1), MASK(kind, 2, 2)                                   \
        }                                                                                          \
    }

static const int8_t pick[3][3][16] = MASKS(PICK);   /* [component][vector] */
static const int8_t place[3][3][16] = MASKS(PLACE); /* [component][vector] */

MICA_INLINE __m128i pick3(const __m128i v[3], const int8_t mask[3][16])
{
    return _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(v[0], vec_load(mask[0])),
                                     _mm_shuffle_epi8(v[1], vec_load(mask[1]))),
                        _mm_shuffle_epi8(v[2], vec_load(mask[2])));
}

/* (r + 2 g + b + 2) >> 2 */
MICA_INLINE __m128i luma_half(__m128i r, __m128i g, __m128i b)
{
    const __m128i sum = _mm_add_epi16(_mm_add_epi16(r, b), _mm_add_epi16(g, g));
    return _mm_srli_epi16(_mm_add_epi16(sum, _mm_set1_epi16(2)), 2);
}

static void split_rgb_sse41(const uint8_t *rgb, size_t count, uint8_t *const row[4])
{
    const __m128i zero = _mm_setzero_si128();
    size_t x = 0;
    for (; x + 16 <= count; x += 16) {
        const __m128i v[3] = {vec_load(rgb + 3 * x), vec_load(rgb + 3 * x + 16),
                              vec_load(rgb + 3 * x + 32)};
        const __m128i r = pick3(v, pick[0]), g = pick3(v, pick[1]), b = pick3(v, pick[2]);
        vec_store(row[0] + x, r);
        vec_store(row[1] + x, g);
        vec_store(row[2] + x, b);
        vec_store(
            row[3] + x,
            _mm_packus_epi16(
                luma_half(vec_unpacklo8(r, zero), vec_unpacklo8(g, zero), vec_unpacklo8(b, zero)),
                luma_half(vec_unpackhi8(r, zero), vec_unpackhi8(g, zero), vec_unpackhi8(b, zero))));
    }
    mica_split_rgb(rgb, x, count, row);
}

static void join_rgb_sse41(const uint8_t *const row[3], size_t count, uint8_t *rgb)
{
    size_t x = 0;
    for (; x + 16 <= count; x += 16) {
        const __m128i r = vec_load(row[0] + x), g = vec_load(row[1] + x), b = vec_load(row[2] + x);
        for (int i = 0; i < 3; i++)
            vec_store(rgb + 3 * x + 16 * i,
                      _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(r, vec_load(place[0][i])),
                                                _mm_shuffle_epi8(g, vec_load(place[1][i]))),
                                   _mm_shuffle_epi8(b, vec_load(place[2][i]))));
    }
    mica_join_rgb(row, x, count, rgb);
}

void mica_motion_kernels_init_sse41(MicaMotionKernels *k)
{
    k->sad[MICA_BLOCK_8] = sad8_sse41;
    k->sad[MICA_BLOCK_16] = sad16_sse41;
    k->satd8 = satd8_sse41;
    k->satd16 = satd16_sse41;
    k->sad_row = sad_row_sse41;
    k->interpolate[MICA_BLOCK_8] = interpolate8_sse41;
    k->interpolate[MICA_BLOCK_16] = interpolate16_sse41;
    k->fractions = fractions_sse41;
    k->mean[MICA_BLOCK_8] = mean8_sse41;
    k->mean[MICA_BLOCK_16] = mean16_sse41;
    k->split_rgb = split_rgb_sse41;
    k->join_rgb = join_rgb_sse41;
}
