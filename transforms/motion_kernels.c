/* The reference of the motion kernels, and the choice of the level. */
#include "transforms/motion_kernels.h"

#include <stdlib.h>

#include "codec/base/cpu.h"
#include "transforms/kernels_impl.h"

#define TAPS MICA_FILTER_TAPS
#define BEFORE MICA_FILTER_BEFORE
#define LARGEST 16

/* Those of H.265, 8.5.3.3.3.1. */
const int8_t mica_motion_filter[MICA_PHASES][TAPS] = {{0, 0, 0, 64, 0, 0, 0, 0},
                                                      {-1, 4, -10, 58, 17, -5, 1, 0},
                                                      {-1, 4, -11, 40, 40, -11, 4, -1},
                                                      {0, 1, -5, 17, 58, -10, 4, -1}};

/* ---- differences ---- */

MICA_INLINE unsigned sad(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride,
                         int size)
{
    unsigned sum = 0;
    for (int y = 0; y < size; y++, a += a_stride, b += b_stride)
        for (int x = 0; x < size; x++)
            sum += (unsigned)abs(a[x] - b[x]);
    return sum;
}

static unsigned sad8_c(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride)
{
    return sad(a, a_stride, b, b_stride, 8);
}

static unsigned sad16_c(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride)
{
    return sad(a, a_stride, b, b_stride, 16);
}

static unsigned sad_row_c(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                          ptrdiff_t b_stride, uint16_t sum[MICA_SAD_POSITIONS])
{
    unsigned least = UINT16_MAX;
    for (int x = 0; x < MICA_SAD_POSITIONS; x++) {
        sum[x] = (uint16_t)sad8_c(a, a_stride, b + x, b_stride);
        least = sum[x] < least ? sum[x] : least;
    }
    return least;
}

/* Butterflies over the eight rows; m[i][x] */
MICA_INLINE void hadamard_columns(int16_t m[8][8])
{
    for (int half = 4; half; half /= 2)
        for (int i = 0; i < 8; i++)
            if (!(i & half))
                for (int x = 0; x < 8; x++) {
                    const int16_t a = m[i][x], b = m[i + half][x];
                    m[i][x] = (int16_t)(a + b);
                    m[i + half][x] = (int16_t)(a - b);
                }
}

static unsigned satd8_c(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride)
{
    int16_t m[8][8], t[8][8]; /* at most 255 * 64 */
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            m[y][x] = (int16_t)(a[y * a_stride + x] - b[y * b_stride + x]);
    hadamard_columns(m);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            t[x][y] = m[y][x];
    hadamard_columns(t);
    unsigned sum = 0;
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            sum += (unsigned)abs(t[y][x]);
    return (sum + 2) >> 2;
}

static unsigned satd16_c(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride,
                         uint16_t part[4])
{
    unsigned sum = 0;
    for (int i = 0; i < 4; i++) {
        const ptrdiff_t x = 8 * (i & 1), y = 8 * (i >> 1);
        part[i] = (uint16_t)satd8_c(a + y * a_stride + x, a_stride, b + y * b_stride + x, b_stride);
        sum += part[i];
    }
    return sum;
}

/* ---- between pixels ---- */

/* Rows of samples in 1/64, filtered along x. */
MICA_INLINE void filter_rows(const uint8_t *src, ptrdiff_t stride, int phase, int rows, int size,
                             int16_t *out)
{
    const int8_t *c = mica_motion_filter[phase];
    for (int y = 0; y < rows; y++, src += stride, out += size)
        for (int x = 0; x < size; x++) {
            int16_t sum = 0; /* -22 * 255 to 88 * 255 */
            for (int k = 0; k < TAPS; k++)
                sum = (int16_t)(sum + (int16_t)(c[k] * src[x + k - BEFORE]));
            out[x] = sum;
        }
}

static uint8_t clamp8(int v)
{
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

MICA_INLINE void filter_columns(const int16_t *in, int phase, int rows, int size, uint8_t *out,
                                ptrdiff_t stride)
{
    const int8_t *c = mica_motion_filter[phase];
    for (int y = 0; y < rows; y++, in += size, out += stride)
        for (int x = 0; x < size; x++) {
            int sum = 2048;
            for (int k = 0; k < TAPS; k++)
                sum += c[k] * in[x + k * size];
            out[x] = clamp8(sum >> 12);
        }
}

MICA_INLINE void interpolate(const uint8_t *src, ptrdiff_t src_stride, int phase_x, int phase_y,
                             uint8_t *out, ptrdiff_t out_stride, int size)
{
    int16_t row[(LARGEST + TAPS - 1) * LARGEST];
    filter_rows(src - BEFORE * src_stride, src_stride, phase_x, size + TAPS - 1, size, row);
    filter_columns(row, phase_y, size, size, out, out_stride);
}

static void interpolate8_c(const uint8_t *src, ptrdiff_t src_stride, int phase_x, int phase_y,
                           uint8_t *out, ptrdiff_t out_stride)
{
    interpolate(src, src_stride, phase_x, phase_y, out, out_stride, 8);
}

static void interpolate16_c(const uint8_t *src, ptrdiff_t src_stride, int phase_x, int phase_y,
                            uint8_t *out, ptrdiff_t out_stride)
{
    interpolate(src, src_stride, phase_x, phase_y, out, out_stride, 16);
}

static void fractions_c(const uint8_t *src, ptrdiff_t src_stride, int rows, uint8_t *out,
                        ptrdiff_t out_stride, ptrdiff_t plane)
{
    int16_t row[(LARGEST + TAPS - 1) * LARGEST];
    for (int x = 0; x < MICA_PHASES; x++) {
        filter_rows(src - BEFORE * src_stride, src_stride, x, rows + TAPS - 1, LARGEST, row);
        for (int y = x == 0; y < MICA_PHASES; y++)
            filter_columns(row, y, rows, LARGEST, out + (y * MICA_PHASES + x) * plane, out_stride);
    }
}

MICA_INLINE void mean(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride,
                      uint8_t *out, int size)
{
    for (int y = 0; y < size; y++, a += a_stride, b += b_stride, out += size)
        for (int x = 0; x < size; x++)
            out[x] = (uint8_t)((a[x] + b[x] + 1) >> 1);
}

static void mean8_c(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride,
                    uint8_t *out)
{
    mean(a, a_stride, b, b_stride, out, 8);
}

static void mean16_c(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride,
                     uint8_t *out)
{
    mean(a, a_stride, b, b_stride, out, 16);
}

/* ---- RGB ---- */

static void split_rgb_c(const uint8_t *rgb, size_t count, uint8_t *const row[4])
{
    mica_split_rgb(rgb, 0, count, row);
}

static void join_rgb_c(const uint8_t *const row[3], size_t count, uint8_t *rgb)
{
    mica_join_rgb(row, 0, count, rgb);
}

void mica_motion_kernels_init_c(MicaMotionKernels *k)
{
    k->sad[MICA_BLOCK_8] = sad8_c;
    k->sad[MICA_BLOCK_16] = sad16_c;
    k->satd8 = satd8_c;
    k->satd16 = satd16_c;
    k->sad_row = sad_row_c;
    k->interpolate[MICA_BLOCK_8] = interpolate8_c;
    k->interpolate[MICA_BLOCK_16] = interpolate16_c;
    k->fractions = fractions_c;
    k->mean[MICA_BLOCK_8] = mean8_c;
    k->mean[MICA_BLOCK_16] = mean16_c;
    k->split_rgb = split_rgb_c;
    k->join_rgb = join_rgb_c;
}

void mica_motion_kernels_init(MicaMotionKernels *kernels, uint32_t cpu_flags)
{
    (void)cpu_flags;
    mica_motion_kernels_init_c(kernels);
#if defined(MICA_HAVE_X86)
    if (cpu_flags & MICA_CPU_SSE41)
        mica_motion_kernels_init_sse41(kernels);
    if (cpu_flags & MICA_CPU_AVX2)
        mica_motion_kernels_init_avx2(kernels);
#endif
}
