/*
 * Pointwise convolution for AVX2: one tile of 16 output channels in two vectors of int32 sums, a
 * few pixels at a time, each pair or quad of input channels broadcast to all lanes.
 */
#include <immintrin.h>

#include "transforms/kernels_impl.h"
#include "transforms/pack.h"
#include "transforms/pointwise_driver.h"
#include "transforms/x86/kernels_x86.h"

#define TILE 16
#define GROUP_PAIRS 6
#define GROUP_CHAINS 4

typedef struct Requant {
    __m256i shift0, shift1, multiplier;
} Requant;

MICA_INLINE __m256i load256(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

/* Two runs of four int32, at `p` and eight further: the channels of one sum vector. */
MICA_INLINE __m256i load_split(const int32_t *p)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)p)),
                                   _mm_loadu_si128((const __m128i *)(p + 8)), 1);
}

MICA_INLINE __m256i load_shift(const uint8_t *p)
{
    return _mm256_set_m128i(_mm_cvtepu8_epi32(_mm_cvtsi32_si128((int)mica_load32(p + 8))),
                            _mm_cvtepu8_epi32(_mm_cvtsi32_si128((int)mica_load32(p))));
}

/* The sums of one pixel to its 16 outputs. */
MICA_INLINE void store_pixel(const MicaTileJob *job, int p, const Requant *rq, __m256i sum0,
                             __m256i sum1)
{
    uint8_t *out = job->out + p * job->out_stride;
    const __m256i t = _mm256_packs_epi32(_mm256_srav_epi32(sum0, rq->shift0),
                                         _mm256_srav_epi32(sum1, rq->shift1));
    __m256i v = _mm256_mulhrs_epi16(t, rq->multiplier);

    if (job->kind == MICA_OUTPUT_S16_ADD)
        v = _mm256_adds_epi16(v, load256(job->residual + p * job->residual_stride));
    if (job->kind == MICA_OUTPUT_S16 || job->kind == MICA_OUTPUT_S16_ADD) {
        _mm256_storeu_si256((__m256i *)out, v);
    } else {
        const __m128i low = _mm_set1_epi8(job->kind == MICA_OUTPUT_U7 ? 0 : -127);
        const __m128i narrow =
            _mm_packs_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
        _mm_storeu_si128((__m128i *)out, _mm_max_epi8(narrow, low));
    }
}

MICA_INLINE void store_pixels(const MicaTileJob *job, int group, __m256i sum[][2])
{
    const Requant rq = {load_shift(job->shift), load_shift(job->shift + 4),
                        load256(job->multiplier)};

    for (int p = 0; p < group; p++)
        if (p < job->count)
            store_pixel(job, p, &rq, sum[p][0], sum[p][1]);
}

MICA_INLINE __m256i broadcast32(const void *p)
{
    return _mm256_set1_epi32((int)mica_load32(p));
}

static void mica_pointwise_s16x8_6x16_avx2(const MicaTileJob *job)
{
    const __m256i bias0 = load_split(job->bias), bias1 = load_split(job->bias + 4);
    const uint8_t *weight = job->weight;
    const ptrdiff_t bytes = job->inputs * 2;
    const uint8_t *const r0 = job->rows[0], *const r1 = job->rows[1], *const r2 = job->rows[2],
                         *const r3 = job->rows[3], *const r4 = job->rows[4],
                         *const r5 = job->rows[5];
    const uint8_t *const rows[GROUP_PAIRS] = {r0, r1, r2, r3, r4, r5};
    __m256i sum[GROUP_PAIRS][2];

    for (int p = 0; p < GROUP_PAIRS; p++) {
        sum[p][0] = bias0;
        sum[p][1] = bias1;
    }
    for (ptrdiff_t i = 0; i < bytes; i += 4, weight += 4 * TILE) {
        const __m256i w0 = load256(weight), w1 = load256(weight + 32);

        for (int p = 0; p < GROUP_PAIRS; p++) {
            const __m256i x = broadcast32(rows[p] + i);
            sum[p][0] = _mm256_add_epi32(sum[p][0], _mm256_madd_epi16(x, w0));
            sum[p][1] = _mm256_add_epi32(sum[p][1], _mm256_madd_epi16(x, w1));
        }
    }
    store_pixels(job, GROUP_PAIRS, sum);
}

/* `count` chains of `length` quads. */
MICA_INLINE void add_chains(__m256i sum[GROUP_CHAINS][2], const uint8_t *const *rows, int count,
                            int length, const uint16_t **offset, const uint8_t **weight)
{
    const __m256i ones = _mm256_set1_epi16(1);

    for (int c = 0; c < count; c++, *offset += length, *weight += length * 4 * TILE) {
        const uint8_t *const w = *weight;

        for (int p = 0; p < GROUP_CHAINS; p++) {
            __m256i x = broadcast32(rows[p] + (*offset)[0]);
            __m256i t0 = _mm256_maddubs_epi16(x, load256(w));
            __m256i t1 = _mm256_maddubs_epi16(x, load256(w + 32));

            for (int i = 1; i < length; i++) {
                x = broadcast32(rows[p] + (*offset)[i]);
                t0 = _mm256_add_epi16(t0, _mm256_maddubs_epi16(x, load256(w + 64 * i)));
                t1 = _mm256_add_epi16(t1, _mm256_maddubs_epi16(x, load256(w + 64 * i + 32)));
            }
            sum[p][0] = _mm256_add_epi32(sum[p][0], _mm256_madd_epi16(t0, ones));
            sum[p][1] = _mm256_add_epi32(sum[p][1], _mm256_madd_epi16(t1, ones));
        }
    }
}

static void mica_pointwise_u7x8_4x16_avx2(const MicaTileJob *job)
{
    const __m256i bias0 = load_split(job->bias), bias1 = load_split(job->bias + 4);
    const uint8_t *weight = (const uint8_t *)job->weight + mica_chain_head_size(job->inputs);
    const MicaChainHeader *header = job->weight;
    const uint16_t *offset = (const uint16_t *)(header + 1);
    const uint8_t *const rows[GROUP_CHAINS] = {job->rows[0], job->rows[1], job->rows[2],
                                               job->rows[3]};
    __m256i sum[GROUP_CHAINS][2];

    for (int p = 0; p < GROUP_CHAINS; p++) {
        sum[p][0] = bias0;
        sum[p][1] = bias1;
    }
    add_chains(sum, rows, header->count[1], 2, &offset, &weight);
    add_chains(sum, rows, header->count[0], 1, &offset, &weight);
    store_pixels(job, GROUP_CHAINS, sum);
}

static void widen(const int8_t *in, void *out, int count)
{
    for (int i = 0; i < count; i += 16)
        _mm256_store_si256((__m256i *)((int16_t *)out + i),
                           _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(in + i))));
}

static size_t packed_size(const MicaPointwise *layer)
{
    return layer->input_kind == MICA_INPUT_U7 ? mica_packed_size_chains(layer, TILE)
                                              : mica_packed_size_pairs(layer);
}

static void pack(const MicaPointwise *layer, const int8_t *weight, void *packed)
{
    if (layer->input_kind == MICA_INPUT_U7)
        mica_pack_chains(layer, weight, packed, TILE, 2);
    else
        mica_pack_pairs(layer, weight, packed, TILE);
}

static void mica_pointwise_avx2(const MicaPointwise *layer, const void *in, ptrdiff_t in_stride,
                                void *out, ptrdiff_t out_stride, const int16_t *residual,
                                size_t pixels)
{
    _Alignas(32) int16_t scratch[MICA_BLOCK_BYTES / 2];

    if (layer->input_kind == MICA_INPUT_U7) {
        const MicaDriver driver = {.tile = TILE,
                                   .group = GROUP_CHAINS,
                                   .tile_bytes = mica_chain_tile_size(layer->inputs, TILE),
                                   .in_size = 1,
                                   .microkernel = mica_pointwise_u7x8_4x16_avx2};
        mica_pointwise_drive(&driver, layer, in, in_stride, out, out_stride, residual, pixels,
                             NULL);
    } else {
        const MicaDriver driver = {.tile = TILE,
                                   .group = GROUP_PAIRS,
                                   .tile_bytes = (size_t)layer->inputs * TILE * 2,
                                   .in_size = 2,
                                   .convert = layer->input_kind == MICA_INPUT_S8 ? widen : NULL,
                                   .microkernel = mica_pointwise_s16x8_6x16_avx2};
        mica_pointwise_drive(&driver, layer, in, in_stride, out, out_stride, residual, pixels,
                             scratch);
    }
}

void mica_pointwise_init_avx2(MicaKernels *kernels)
{
    kernels->pointwise_packed_size = packed_size;
    kernels->pointwise_pack = pack;
    kernels->pointwise = mica_pointwise_avx2;
}
