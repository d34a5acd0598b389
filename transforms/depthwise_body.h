/*
 * Depthwise 3x3 convolution, compiled once per level like pointwise_body.h.
 *
 * A block is VEC_BYTES channels. Each column of the input (the same pixel of the three rows) is
 * interleaved to quads (above, here, below, unused) of one channel, in four vectors, called
 * quarters; each serves the three output pixels around it. Quarter q holds the channels
 * 4 * q + 0..3 of every 16.
 */
#include <stdbool.h>

#include "transforms/kernels_impl.h"

#define COLUMNS 32 /* output pixels of one pass, so that their columns stay in the cache */

typedef struct Quads {
    Vec quarter[4];
} Quads;

/* Packed: per block the weights as quads, in the order that they are used in, and whether three
 * columns sum up in 16 bits. */
typedef struct PackedBlock {
    int8_t weight[4][3][VEC_BYTES];
} PackedBlock;

static size_t MICA_LEVEL(depthwise_packed_size)(const MicaDepthwise *layer)
{
    return (size_t)(layer->channels / VEC_BYTES) * sizeof(PackedBlock) + 64;
}

static void MICA_LEVEL(depthwise_pack)(const MicaDepthwise *layer, const int8_t *weight,
                                       void *packed)
{
    const int channels = layer->channels;
    int8_t *const narrow = packed;
    int8_t *const blocks = (int8_t *)packed + 64;

    memset(packed, 0, MICA_LEVEL(depthwise_packed_size)(layer));
    *narrow = 1;
    for (int c = 0; c < channels; c++) {
        int8_t *const block = blocks + (size_t)(c / VEC_BYTES) * sizeof(PackedBlock);
        const int quarter = c % 16 / 4, lane = c % VEC_BYTES / 16, element = c % 4;
        int positive[2] = {0, 0}, negative[2] = {0, 0};

        for (int tap = 0; tap < 9; tap++) {
            const int row = tap / 3, w = weight[tap * channels + c];

            block[(quarter * 3 + tap % 3) * VEC_BYTES + lane * 16 + element * 4 + row] = (int8_t)w;
            *(w < 0 ? &negative[row / 2] : &positive[row / 2]) += w < 0 ? -w : w;
        }
        for (int i = 0; i < 2; i++)
            if (positive[i] > INT16_MAX / 127 || negative[i] > INT16_MAX / 127)
                *narrow = 0;
    }
}

MICA_INLINE Quads interleave(const int8_t *above, const int8_t *here, const int8_t *below)
{
    const Vec a = vec_load(above), b = vec_load(here), c = vec_load(below), zero = vec_zero();
    const Vec ab0 = vec_unpacklo8(a, b), ab1 = vec_unpackhi8(a, b);
    const Vec c0 = vec_unpacklo8(c, zero), c1 = vec_unpackhi8(c, zero);
    return (Quads){{vec_unpacklo16(ab0, c0), vec_unpackhi16(ab0, c0), vec_unpacklo16(ab1, c1),
                    vec_unpackhi16(ab1, c1)}};
}

typedef struct BlockRequant {
    Vec bias[4], shift[4], multiplier[2];
} BlockRequant;

/* One quarter of a pixel up to the shift; narrow: the columns sum up in 16 bits. */
MICA_INLINE Vec filter_quarter(const Quads *columns, const PackedBlock *w, int q,
                               const BlockRequant *rq, bool narrow)
{
    const Vec x0 = columns[0].quarter[q], w0 = vec_load(w->weight[q][0]);
    const Vec x1 = columns[1].quarter[q], w1 = vec_load(w->weight[q][1]);
    const Vec x2 = columns[2].quarter[q], w2 = vec_load(w->weight[q][2]);
    Vec sum = rq->bias[q];

#if HAVE_DOT8
    (void)narrow;
    sum = vec_dot8(vec_dot8(vec_dot8(sum, x0, w0), x1, w1), x2, w2);
#else
    const Vec ones = vec_set16(1);
    const Vec t0 = vec_maddubs(x0, w0), t1 = vec_maddubs(x1, w1), t2 = vec_maddubs(x2, w2);

    if (narrow) {
        sum = vec_add32(sum, vec_madd16(vec_add16(vec_add16(t0, t1), t2), ones));
    } else {
        sum = vec_add32(sum, vec_madd16(t0, ones));
        sum = vec_add32(sum, vec_madd16(t1, ones));
        sum = vec_add32(sum, vec_madd16(t2, ones));
    }
#endif
    return vec_shr32(sum, rq->shift[q]);
}

/* Two quarters of a pixel up to the multiplier. */
MICA_INLINE Vec filter_half(const Quads *columns, const PackedBlock *w, int half,
                            const BlockRequant *rq, bool narrow)
{
    const Vec t0 = filter_quarter(columns, w, 2 * half, rq, narrow);
    const Vec t1 = filter_quarter(columns, w, 2 * half + 1, rq, narrow);
    return vec_mulhrs16(vec_pack32(t0, t1), rq->multiplier[half]);
}

/* In two passes, each with its weights in registers. */
MICA_INLINE void filter_columns(const Quads *columns, const PackedBlock *w, const BlockRequant *rq,
                                int8_t *out, size_t channels, size_t width, bool narrow)
{
    const Vec low = vec_set8(-127);
    Vec first[COLUMNS];

    for (size_t x = 0; x < width; x++)
        first[x] = filter_half(columns + x, w, 0, rq, narrow);
    for (size_t x = 0; x < width; x++, out += channels) {
        const Vec second = filter_half(columns + x, w, 1, rq, narrow);
        vec_store(out, vec_max8(vec_pack16(first[x], second), low));
    }
}

static void MICA_LEVEL(mica_depthwise)(const MicaDepthwise *layer, const int8_t *const rows[3],
                                       int8_t *out, size_t width)
{
    const size_t channels = (size_t)layer->channels;
    const bool narrow = *(const int8_t *)layer->packed != 0;
    Quads columns[COLUMNS + 2];

    for (size_t first = 0; first < width; first += COLUMNS) {
        const size_t count = width - first < COLUMNS ? width - first : COLUMNS;
        const PackedBlock *w = (const PackedBlock *)((const int8_t *)layer->packed + 64);

        for (size_t c = 0; c < channels; c += VEC_BYTES, w++) {
            BlockRequant rq;

            for (int q = 0; q < 4; q++) {
                rq.bias[q] = vec_load_lanes(layer->requant.bias + c + 4 * q, 64);
                rq.shift[q] = vec_load_lanes_widened(layer->requant.shift + c + 4 * q, 16);
            }
            for (int i = 0; i < 2; i++)
                rq.multiplier[i] = vec_load_lanes(layer->requant.multiplier + c + 8 * i, 32);
            for (size_t x = 0; x < count + 2; x++) {
                const size_t place = (first + x) * channels + c;
                columns[x] = interleave(rows[0] + place, rows[1] + place, rows[2] + place);
            }
            if (narrow)
                filter_columns(columns, w, &rq, out + first * channels + c, channels, count, true);
            else
                filter_columns(columns, w, &rq, out + first * channels + c, channels, count, false);
        }
    }
}

static void init_depthwise(MicaKernels *kernels)
{
    kernels->depthwise_packed_size = MICA_LEVEL(depthwise_packed_size);
    kernels->depthwise_pack = MICA_LEVEL(depthwise_pack);
    kernels->depthwise = MICA_LEVEL(mica_depthwise);
}
