/*
 * Pointwise convolution, compiled once per level. The including file has chosen a vector width
 * (vec_*.h), MICA_LEVEL(name) for the names, and the pixels of a group for each kernel that the
 * level uses: WORDS_GROUP for int16 inputs, BYTES_GROUP for 8-bit ones. What the vectors offer:
 * HAVE_DOT8 (vec_dot8 adds dot products of byte quads; DOT8_UNSIGNED: only of unsigned inputs),
 * otherwise vec_maddubs; HAVE_LANES (vec_add_lanes multiplies by single elements), otherwise
 * vec_dot16 of pairs.
 *
 * A tile of output channels is two vectors of int32 sums per pixel. A few input channels at a time
 * are broadcast to all elements and meet the weights of all outputs of the tile; the sums of a
 * group and the weights at hand fit the registers.
 */
#include "transforms/kernels_impl.h"
#include "transforms/pack.h"
#include "transforms/pointwise_driver.h"

#define TILE (VEC_BYTES / 2)

/* Bias and requantisation of a tile. */
typedef struct TileRequant {
    Vec bias[2], shift[2], multiplier;
} TileRequant;

MICA_INLINE TileRequant load_requant(const MicaTileJob *job)
{
    return (TileRequant){
        {vec_load_lanes(job->bias, 32), vec_load_lanes(job->bias + 4, 32)},
        {vec_load_lanes_widened(job->shift, 8), vec_load_lanes_widened(job->shift + 4, 8)},
        vec_load(job->multiplier)};
}

/* The sums of a group to its outputs, as far as there are pixels. */
MICA_INLINE void store_sums(const MicaTileJob *job, const TileRequant *rq, int first, int group,
                            Vec sum[][2])
{
    const int count = job->pixels - first;
    const ptrdiff_t out_stride = job->out_stride;
    uint8_t *out = job->out + first * out_stride;
    Vec v[MICA_GROUP_MAX];

#pragma GCC unroll 12
    for (int p = 0; p < group; p++) {
        const Vec t0 = vec_shr32(sum[p][0], rq->shift[0]);
        const Vec t1 = vec_shr32(sum[p][1], rq->shift[1]);
        v[p] = vec_mulhrs16(vec_pack32(t0, t1), rq->multiplier);
    }
    if (job->kind == MICA_OUTPUT_S16_ADD) {
        const ptrdiff_t stride = job->residual_stride;
        const int16_t *residual = job->residual + first * stride;
#pragma GCC unroll 12
        for (int p = 0; p < group; p++, out += out_stride, residual += stride)
            if (p < count)
                vec_store(out, vec_adds16(v[p], vec_load(residual)));
    } else if (job->kind == MICA_OUTPUT_S16) {
#pragma GCC unroll 12
        for (int p = 0; p < group; p++, out += out_stride)
            if (p < count)
                vec_store(out, v[p]);
    } else {
        const int low = job->kind == MICA_OUTPUT_U7 ? 0 : -127;
#pragma GCC unroll 12
        for (int p = 0; p < group; p++, out += out_stride)
            if (p < count)
                vec_store_narrow(out, v[p], low);
    }
}

/* The rows of a group, and the sums at their start. The compiler must not learn how the rows
 * relate, or it spends instructions in the inner loops to save registers. */
MICA_INLINE void start_group(const MicaTileJob *job, const TileRequant *rq, int first, int group,
                             const uint8_t **rows, Vec sum[][2])
{
#pragma GCC unroll 12
    for (int p = 0; p < group; p++) {
        rows[p] = mica_job_row(job, first + p);
        __asm__("" : "+r"(rows[p]));
        sum[p][0] = rq->bias[0];
        sum[p][1] = rq->bias[1];
    }
}

#if HAVE_LANES

/* int16 inputs, weights in columns. */
static void MICA_LEVEL(mica_pointwise_s16x8)(const MicaTileJob *job)
{
    const TileRequant rq = load_requant(job);
    const ptrdiff_t bytes = (ptrdiff_t)job->inputs * 2;

    for (int first = 0; first < job->pixels; first += WORDS_GROUP) {
        const uint8_t *weight = job->weight;
        const uint8_t *rows[WORDS_GROUP];
        Vec sum[WORDS_GROUP][2];

        start_group(job, &rq, first, WORDS_GROUP, rows, sum);
        for (ptrdiff_t i = 0; i < bytes; i += 8, weight += 4 * VEC_BYTES) {
            const Vec w[4] = {vec_load(weight), vec_load(weight + VEC_BYTES),
                              vec_load(weight + 2 * VEC_BYTES), vec_load(weight + 3 * VEC_BYTES)};

#pragma GCC unroll 12
            for (int p = 0; p < WORDS_GROUP; p++)
                vec_add_lanes(sum[p], rows[p] + i, w);
        }
        store_sums(job, &rq, first, WORDS_GROUP, sum);
    }
}

#else

/* int16 inputs, weights in pairs. */
static void MICA_LEVEL(mica_pointwise_s16x8)(const MicaTileJob *job)
{
    const TileRequant rq = load_requant(job);
    const ptrdiff_t bytes = (ptrdiff_t)job->inputs * 2;

    for (int first = 0; first < job->pixels; first += WORDS_GROUP) {
        const uint8_t *weight = job->weight;
        const uint8_t *rows[WORDS_GROUP];
        Vec sum[WORDS_GROUP][2];

        start_group(job, &rq, first, WORDS_GROUP, rows, sum);
        for (ptrdiff_t i = 0; i < bytes; i += 4, weight += 2 * VEC_BYTES) {
            const Vec w0 = vec_load(weight), w1 = vec_load(weight + VEC_BYTES);

#pragma GCC unroll 12
            for (int p = 0; p < WORDS_GROUP; p++) {
                const Vec x = vec_set32(mica_load32(rows[p] + i));
                sum[p][0] = vec_dot16(sum[p][0], x, w0);
                sum[p][1] = vec_dot16(sum[p][1], x, w1);
            }
        }
        store_sums(job, &rq, first, WORDS_GROUP, sum);
    }
}

#endif

#if !HAVE_DOT8 || DOT8_UNSIGNED
/* Signed inputs become unsigned by an offset of 128, which the packed correction takes back. */
static void MICA_LEVEL(offset_input)(const int8_t *in, void *out, int count)
{
    uint8_t *const bytes = out;

    for (int i = 0; i < count; i++)
        bytes[i] = (uint8_t)(in[i] + 128);
}
#endif

#if HAVE_DOT8

/* 8-bit inputs, weights in quads. */
static void MICA_LEVEL(mica_pointwise_x8x8)(const MicaTileJob *job)
{
    TileRequant rq = load_requant(job);

    rq.bias[0] = vec_add32(rq.bias[0], vec_load(job->weight));
    rq.bias[1] = vec_add32(rq.bias[1], vec_load(job->weight + VEC_BYTES));
    for (int first = 0; first < job->pixels; first += BYTES_GROUP) {
        const uint8_t *weight = job->weight + 2 * VEC_BYTES;
        const uint8_t *rows[BYTES_GROUP];
        Vec sum[BYTES_GROUP][2];

        start_group(job, &rq, first, BYTES_GROUP, rows, sum);
        for (ptrdiff_t i = 0; i < job->inputs; i += 4, weight += 2 * VEC_BYTES) {
            const Vec w0 = vec_load(weight), w1 = vec_load(weight + VEC_BYTES);

#pragma GCC unroll 12
            for (int p = 0; p < BYTES_GROUP; p++) {
                const Vec x = vec_set32(mica_load32(rows[p] + i));
                sum[p][0] = vec_dot8(sum[p][0], x, w0);
                sum[p][1] = vec_dot8(sum[p][1], x, w1);
            }
        }
        store_sums(job, &rq, first, BYTES_GROUP, sum);
    }
}

#else

/* Chains of `length` quads, from `offset` to `end`. */
MICA_INLINE void add_chains(Vec sum[BYTES_GROUP][2], const uint8_t *const *rows, int length,
                            const uint16_t *offset, const uint16_t *end, const uint8_t *weight)
{
    const Vec ones = vec_set16(1);

    for (; offset < end; offset += length, weight += length * 2 * VEC_BYTES) {
#pragma GCC unroll 12
        for (int p = 0; p < BYTES_GROUP; p++) {
            Vec x = vec_set32(mica_load32(rows[p] + offset[0]));
            Vec t0 = vec_maddubs(x, vec_load(weight));
            Vec t1 = vec_maddubs(x, vec_load(weight + VEC_BYTES));

            for (int i = 1; i < length; i++) {
                const uint8_t *const w = weight + i * 2 * VEC_BYTES;
                x = vec_set32(mica_load32(rows[p] + offset[i]));
                t0 = vec_add16(t0, vec_maddubs(x, vec_load(w)));
                t1 = vec_add16(t1, vec_maddubs(x, vec_load(w + VEC_BYTES)));
            }
            sum[p][0] = vec_add32(sum[p][0], vec_madd16(t0, ones));
            sum[p][1] = vec_add32(sum[p][1], vec_madd16(t1, ones));
        }
    }
}

/* Unsigned inputs, weights so small that the quads of 32 channels add up in 16 bits. */
MICA_INLINE void pointwise_small(const MicaTileJob *job, const TileRequant *rq,
                                 const uint8_t *weights)
{
    const Vec ones = vec_set16(1);

    for (int first = 0; first < job->pixels; first += WORDS_GROUP) {
        const uint8_t *weight = weights;
        const uint8_t *rows[WORDS_GROUP];
        Vec sum[WORDS_GROUP][2];

        start_group(job, rq, first, WORDS_GROUP, rows, sum);
        for (ptrdiff_t block = 0; block < job->inputs; block += 32) {
            Vec t[WORDS_GROUP][2];

            /* The 32-bit sums stay in memory, the registers belong to the 16-bit ones. */
            __asm__("" : "+m"(sum));
#pragma GCC unroll 12
            for (int p = 0; p < WORDS_GROUP; p++)
                t[p][0] = t[p][1] = vec_zero();
            for (ptrdiff_t i = block; i < block + 32; i += 4, weight += 2 * VEC_BYTES) {
                const Vec w0 = vec_load(weight), w1 = vec_load(weight + VEC_BYTES);

#pragma GCC unroll 12
                for (int p = 0; p < WORDS_GROUP; p++) {
                    const Vec x = vec_set32(mica_load32(rows[p] + i));
                    vec_accumulate16(&t[p][0], vec_maddubs(x, w0));
                    vec_accumulate16(&t[p][1], vec_maddubs(x, w1));
                }
            }
#pragma GCC unroll 12
            for (int p = 0; p < WORDS_GROUP; p++) {
                sum[p][0] = vec_add32(sum[p][0], vec_madd16(t[p][0], ones));
                sum[p][1] = vec_add32(sum[p][1], vec_madd16(t[p][1], ones));
            }
        }
        store_sums(job, rq, first, WORDS_GROUP, sum);
    }
}

static void MICA_LEVEL(mica_pointwise_u7x4)(const MicaTileJob *job)
{
    const TileRequant rq = load_requant(job);

    pointwise_small(job, &rq, job->weight + mica_chain_head_size(job->inputs));
}

/* Signed inputs, made unsigned by an offset. */
static void MICA_LEVEL(mica_pointwise_s8x4)(const MicaTileJob *job)
{
    TileRequant rq = load_requant(job);

    rq.bias[0] = vec_add32(rq.bias[0], vec_load(job->weight));
    rq.bias[1] = vec_add32(rq.bias[1], vec_load(job->weight + VEC_BYTES));
    pointwise_small(job, &rq, job->weight + 2 * VEC_BYTES);
}

/* 7-bit inputs, weights in chains. */
static void MICA_LEVEL(mica_pointwise_u7x8)(const MicaTileJob *job)
{
    const TileRequant rq = load_requant(job);
    const MicaChainHeader *const header = (const MicaChainHeader *)job->weight;
    const uint16_t *const offset = (const uint16_t *)(header + 1);
    const uint16_t *const singles = offset + 2 * header->pairs;
    const uint16_t *const end = offset + job->inputs / 4;
    const uint8_t *const weight = job->weight + mica_chain_head_size(job->inputs);
    const uint8_t *const single_weight = weight + header->pairs * 4 * VEC_BYTES;

    if (header->small) {
        MICA_LEVEL(mica_pointwise_u7x4)(job);
        return;
    }
    for (int first = 0; first < job->pixels; first += BYTES_GROUP) {
        const uint8_t *rows[BYTES_GROUP];
        Vec sum[BYTES_GROUP][2];

        start_group(job, &rq, first, BYTES_GROUP, rows, sum);
        add_chains(sum, rows, 2, offset, singles, weight);
        add_chains(sum, rows, 1, singles, end, single_weight);
        store_sums(job, &rq, first, BYTES_GROUP, sum);
    }
}

static void MICA_LEVEL(widen_input)(const int8_t *in, void *out, int count)
{
    int16_t *const words = out;

    for (int i = 0; i < count; i++)
        words[i] = in[i];
}

#endif

static const MicaTileKernel tile_kernels[] = {
    [MICA_INPUT_S16] = {.tile = TILE,
                        .group = WORDS_GROUP,
                        .in_size = 2,
                        .packed_size = mica_packed_size_words,
#if HAVE_LANES
                        .pack = mica_pack_columns,
#else
                        .pack = mica_pack_pairs,
#endif
                        .run = MICA_LEVEL(mica_pointwise_s16x8)},
#if HAVE_DOT8
    [MICA_INPUT_S8] = {.tile = TILE,
                       .group = BYTES_GROUP,
                       .in_size = 1,
                       .packed_size = mica_packed_size_quads,
#if DOT8_UNSIGNED
                       .pack = mica_pack_quads_offset,
                       .convert = MICA_LEVEL(offset_input),
#else
                       .pack = mica_pack_quads,
#endif
                       .run = MICA_LEVEL(mica_pointwise_x8x8)},
    [MICA_INPUT_U7] = {.tile = TILE,
                       .group = BYTES_GROUP,
                       .in_size = 1,
                       .packed_size = mica_packed_size_quads,
                       .pack = mica_pack_quads,
                       .run = MICA_LEVEL(mica_pointwise_x8x8)},
#else
    [MICA_INPUT_S8] = {.tile = TILE,
                       .group = WORDS_GROUP,
                       .in_size = 2,
                       .packed_size = mica_packed_size_words,
                       .pack = mica_pack_pairs,
                       .convert = MICA_LEVEL(widen_input),
                       .run = MICA_LEVEL(mica_pointwise_s16x8)},
    [MICA_INPUT_U7] = {.tile = TILE,
                       .group = BYTES_GROUP,
                       .in_size = 1,
                       .packed_size = mica_packed_size_chains,
                       .pack = mica_pack_chains,
                       .run = MICA_LEVEL(mica_pointwise_u7x8)},
#endif
};

#if !HAVE_DOT8
static const MicaTileKernel small_signed_kernel = {.tile = TILE,
                                                   .group = WORDS_GROUP,
                                                   .in_size = 1,
                                                   .packed_size = mica_packed_size_quads,
                                                   .convert = MICA_LEVEL(offset_input),
                                                   .run = MICA_LEVEL(mica_pointwise_s8x4)};
#endif

static size_t MICA_LEVEL(pointwise_packed_size)(const MicaPointwise *layer)
{
#if !HAVE_DOT8
    if (layer->input_kind == MICA_INPUT_S8)
        return mica_packed_size_signed(layer, TILE);
#endif
    return tile_kernels[layer->input_kind].packed_size(layer, TILE);
}

static void MICA_LEVEL(pointwise_pack)(const MicaPointwise *layer, const void *weight, void *packed)
{
#if !HAVE_DOT8
    if (layer->input_kind == MICA_INPUT_S8) {
        mica_pack_signed(layer, weight, packed, TILE);
        return;
    }
#endif
    tile_kernels[layer->input_kind].pack(layer, weight, packed, TILE);
}

static void MICA_LEVEL(mica_pointwise)(const MicaPointwise *layer, const void *in,
                                       ptrdiff_t in_stride, void *out, ptrdiff_t out_stride,
                                       const int16_t *residual, size_t pixels)
{
    const MicaTileKernel *kernel = &tile_kernels[layer->input_kind];

#if !HAVE_DOT8
    MicaPointwise rest = *layer;
    if (layer->input_kind == MICA_INPUT_S8) {
        const uint8_t *const head = layer->packed;
        kernel = *head ? &small_signed_kernel : kernel;
        rest.packed = head + MICA_SIGNED_HEAD;
        layer = &rest;
    }
#endif
    mica_pointwise_drive(kernel, layer, in, in_stride, out, out_stride, residual, pixels);
}

static void init_pointwise(MicaKernels *kernels)
{
    kernels->pointwise_packed_size = MICA_LEVEL(pointwise_packed_size);
    kernels->pointwise_pack = MICA_LEVEL(pointwise_pack);
    kernels->pointwise = MICA_LEVEL(mica_pointwise);
}
