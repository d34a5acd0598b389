/* The motion kernels for AVX2; what is not here is as good in 128 bits. */
#include "transforms/x86/vec_avx2.h"

#define vec_neighbours(v, first)                                                                   \
    _mm256_shuffle_epi8(v, _mm256_add_epi8(_mm256_set1_epi8(first),                                \
                                           _mm256_broadcastsi128_si256(_mm_setr_epi8(              \
                                               0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8))))
/* Each lane gets eight bytes. */
#define vec_load_halves(p)                                                                         \
    _mm256_permute4x64_epi64(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(p))), 0x10)
#define vec_shr16(v, count) _mm256_srai_epi16(v, count)
#define vec_widen(p) _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(p)))
#define vec_unpacklo32(a, b) _mm256_unpacklo_epi32(a, b)
#define vec_unpackhi32(a, b) _mm256_unpackhi_epi32(a, b)
#define vec_unpacklo64(a, b) _mm256_unpacklo_epi64(a, b)
#define vec_unpackhi64(a, b) _mm256_unpackhi_epi64(a, b)

MICA_INLINE void vec_store_rows(uint8_t *p, ptrdiff_t stride, Vec a, Vec b)
{
    const Vec v = _mm256_permute4x64_epi64(_mm256_packus_epi16(a, b), 0xd8);
    _mm_storeu_si128((__m128i *)p, _mm256_castsi256_si128(v));
    _mm_storeu_si128((__m128i *)(p + stride), _mm256_extracti128_si256(v, 1));
}

#include "transforms/x86/motion_body.h"

/* ---- differences ---- */

MICA_INLINE __m128i add_lanes(Vec v)
{
    return _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
}

static unsigned sad16_avx2(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                           ptrdiff_t b_stride)
{
    Vec sum = vec_zero();
    for (int y = 0; y < 16; y += 2, a += 2 * a_stride, b += 2 * b_stride)
        sum = vec_add32(sum, _mm256_sad_epu8(vec_load_lanes(a, (int)a_stride),
                                             vec_load_lanes(b, (int)b_stride)));
    const __m128i two = add_lanes(sum);
    return (unsigned)(_mm_cvtsi128_si32(two) + _mm_extract_epi32(two, 2));
}

MICA_INLINE Vec broadcast16(const void *p)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p));
}

/* Eight positions at a time, the left half of the block in the low lane, the right one in the
 * other. */
static unsigned sad_row_avx2(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                             ptrdiff_t b_stride, uint16_t sum[MICA_SAD_POSITIONS])
{
    Vec total[3] = {vec_zero(), vec_zero(), vec_zero()};
    __m128i last = _mm_setzero_si128(), least = _mm_set1_epi16(-1);
    for (int y = 0; y < 8; y++, a += a_stride, b += b_stride) {
        const __m128i row = _mm_loadl_epi64((const __m128i *)a);
        const Vec block = _mm256_broadcastq_epi64(row);
        for (int i = 0; i < 3; i++)
            total[i] =
                vec_add16(total[i], _mm256_mpsadbw_epu8(broadcast16(b + 8 * i), block, 0x28));
        last = _mm_add_epi32(last, _mm_sad_epu8(row, _mm_loadl_epi64((const __m128i *)(b + 24))));
    }
    for (int i = 0; i < 3; i++) {
        const __m128i t =
            _mm_add_epi16(_mm256_castsi256_si128(total[i]), _mm256_extracti128_si256(total[i], 1));
        _mm_storeu_si128((__m128i *)(sum + 8 * i), t);
        least = _mm_min_epu16(least, t);
    }
    const unsigned others = (unsigned)_mm_extract_epi16(_mm_minpos_epu16(least), 0);
    sum[24] = (uint16_t)_mm_cvtsi128_si32(last);
    return sum[24] < others ? sum[24] : others;
}

/* Row y in the low lane, row y + 4 in the other. */
MICA_INLINE Vec load_rows(const uint8_t *p, ptrdiff_t stride)
{
    const __m128i low = _mm_loadl_epi64((const __m128i *)p);
    return _mm256_cvtepu8_epi16(
        _mm_unpacklo_epi64(low, _mm_loadl_epi64((const __m128i *)(p + 4 * stride))));
}

/* Butterflies between registers, which hold other rows or columns after each unpacking; their order
 * does not matter to the sum. */
static unsigned satd8_avx2(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                           ptrdiff_t b_stride)
{
    Vec v[4], t[4];
    for (int y = 0; y < 4; y++)
        v[y] = _mm256_sub_epi16(load_rows(a + y * a_stride, a_stride),
                                load_rows(b + y * b_stride, b_stride));
    butterfly(&v[0], &v[2]);
    butterfly(&v[1], &v[3]);
    butterfly(&v[0], &v[1]);
    butterfly(&v[2], &v[3]);
    for (int i = 0; i < 2; i++) {
        t[2 * i] = vec_unpacklo16(v[2 * i], v[2 * i + 1]);
        t[2 * i + 1] = vec_unpackhi16(v[2 * i], v[2 * i + 1]);
    }
    for (int i = 0; i < 2; i++) { /* columns 4 i and on: of rows 0 to 3, of rows 4 to 7 */
        v[2 * i] = _mm256_unpacklo_epi32(t[i], t[i + 2]);
        v[2 * i + 1] = _mm256_unpackhi_epi32(t[i], t[i + 2]);
    }
    butterfly(&v[0], &v[2]);
    butterfly(&v[1], &v[3]);
    butterfly(&v[0], &v[1]);
    butterfly(&v[2], &v[3]);
    for (int i = 0; i < 2; i++) { /* even and odd columns */
        t[2 * i] = _mm256_unpacklo_epi64(v[2 * i], v[2 * i + 1]);
        t[2 * i + 1] = _mm256_unpackhi_epi64(v[2 * i], v[2 * i + 1]);
        butterfly(&t[2 * i], &t[2 * i + 1]);
    }
    Vec sum = vec_zero();
    for (int i = 0; i < 4; i += 2) /* and rows of the upper and the lower half */
        sum = vec_add32(sum, last_butterfly(_mm256_permute2x128_si256(t[i], t[i + 1], 0x20),
                                            _mm256_permute2x128_si256(t[i], t[i + 1], 0x31)));
    __m128i s = add_lanes(sum);
    s = _mm_add_epi32(s, _mm_unpackhi_epi64(s, s));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 1));
    return ((unsigned)_mm_cvtsi128_si32(s) + 1) >> 1;
}

static unsigned satd16_avx2(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                            ptrdiff_t b_stride, uint16_t part[4])
{
    const Vec above = satd_lanes(a, a_stride, b, b_stride);
    const Vec below = satd_lanes(a + 8 * a_stride, a_stride, b + 8 * b_stride, b_stride);
    Vec sum = _mm256_hadd_epi32(above, below);
    sum = _mm256_hadd_epi32(sum, sum); /* above, below; the left ones in the low lane */
    sum = _mm256_srli_epi32(vec_add32(sum, vec_set32(1)), 1);
    const __m128i four =
        _mm_unpacklo_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    _mm_storel_epi64((__m128i *)part, _mm_packus_epi32(four, four));
    const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
    return (unsigned)(_mm_cvtsi128_si32(two) + _mm_extract_epi32(two, 1));
}

/* ---- between pixels ---- */

static void interpolate16_avx2(const uint8_t *src, ptrdiff_t src_stride, int phase_x, int phase_y,
                               uint8_t *out, ptrdiff_t out_stride)
{
    interpolate_columns(src, src_stride, phase_x, phase_y, 16, out, out_stride);
}

static void fractions_avx2(const uint8_t *src, ptrdiff_t src_stride, int rows, uint8_t *out,
                           ptrdiff_t out_stride, ptrdiff_t plane)
{
    if (rows == ROWS) /* for a loop of known length */
        fraction_columns(src, src_stride, ROWS, out, out_stride, plane);
    else
        fraction_columns(src, src_stride, rows, out, out_stride, plane);
}

void mica_motion_kernels_init_avx2(MicaMotionKernels *k)
{
    k->sad[MICA_BLOCK_16] = sad16_avx2;
    k->satd8 = satd8_avx2;
    k->satd16 = satd16_avx2;
    k->sad_row = sad_row_avx2;
    k->interpolate[MICA_BLOCK_16] = interpolate16_avx2;
    k->fractions = fractions_avx2;
}
