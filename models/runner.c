#include "models/runner.h"

#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"

/* Rows of a block that one job computes. A job recomputes two rows of the first layer that its
 * neighbours compute too, so more rows waste less; fewer rows keep more threads busy. */
#define BLOCK_ROWS 16

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

static size_t align_up(size_t n)
{
    return (n + MICA_ALIGNMENT - 1) & ~(size_t)(MICA_ALIGNMENT - 1);
}

static size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

MicaGeometry mica_geometry(int width, int height)
{
    MicaGeometry g = {.width = width, .height = height};
    g.w64 = ceil_div(width, 64);
    g.h64 = ceil_div(height, 64);
    g.w16 = g.w64 * 4;
    g.h16 = g.h64 * 4;
    g.w8 = g.w64 * 8;
    g.h8 = g.h64 * 8;
    g.coded_w16 = ceil_div(width, 16);
    g.coded_h16 = ceil_div(height, 16);
    return g;
}

/* The three row buffers of layer a with a border of one pixel, one row of dw, one of e. */
static size_t block_scratch(const MicaBlock *block, int width)
{
    const size_t c = (size_t)block->a.outputs, w = (size_t)width;
    return 3 * align_up((w + 2) * c + MICA_PADDING) + align_up(w * c + MICA_PADDING) +
           align_up(w * (size_t)block->e.outputs + MICA_PADDING) +
           align_up((w + 2) * c + MICA_PADDING);
}

static size_t scratch_need(const MicaNetwork *n, const MicaGeometry *g)
{
    const size_t f = (size_t)n->config.features, w8 = (size_t)g->w8, w16 = (size_t)g->w16;
    size_t need = 2 * w8 * (192 + f) * sizeof(int16_t);
    need = max_size(need, w16 * 4 * f * sizeof(int16_t));
    need = max_size(need, w16 * 4 * (size_t)n->config.prior * sizeof(int16_t));
    need = max_size(need, w16 * 4 * (size_t)n->config.hyper * sizeof(int16_t));
    need = max_size(need, w16 * (size_t)n->config.latents * sizeof(int16_t));
    need = max_size(need, block_scratch(&n->analysis[0], g->w8));
    need = max_size(need, block_scratch(&n->synthesis[0], g->w8));
    need = max_size(need, block_scratch(&n->hyper_block0, g->w16));
    need = max_size(need, block_scratch(&n->prior_block0, g->w16));
    need = max_size(need, block_scratch(&n->prior_block1, g->w16));
    need = max_size(need, block_scratch(&n->context[0].block, g->w16));
    return align_up(need) + MICA_ALIGNMENT + MICA_PADDING;
}

MicaStatus mica_runner_create(MicaRunner *runner, const MicaNetwork *network, MicaPool *pool,
                              const MicaGeometry *geometry, MicaError *error)
{
    *runner = (MicaRunner){.network = network, .pool = pool, .geometry = *geometry};
    runner->scratch_size = align_up(scratch_need(network, geometry));
    runner->scratch = mica_alloc((size_t)mica_pool_threads(pool), runner->scratch_size);
    if (!runner->scratch)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the networks");
    return MICA_OK;
}

void mica_runner_free(MicaRunner *runner)
{
    mica_free(runner->scratch);
    memset(runner, 0, sizeof *runner);
}

void *mica_runner_scratch(const MicaRunner *runner, int thread)
{
    return runner->scratch + (size_t)thread * runner->scratch_size;
}

/* What the row jobs of the simple operators need; unused members stay zero. */
typedef struct RowJob {
    const MicaRunner *runner;
    const MicaPointwise *layer;
    const MicaBlock *block;
    const MicaGains *gains;
    const int16_t *in;
    int16_t *out;
    ptrdiff_t in_stride, out_stride;
    int width, rows, channels;
} RowJob;

static void pointwise_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const ptrdiff_t first = (ptrdiff_t)row * j->width;
    (void)thread;
    j->runner->network->kernels.pointwise(j->layer, j->in + first * j->in_stride, j->in_stride,
                                          j->out + first * j->out_stride, j->out_stride, NULL,
                                          (size_t)j->width);
}

void mica_run_pointwise(const MicaRunner *runner, const MicaPointwise *layer, const int16_t *in,
                        ptrdiff_t in_stride, int16_t *out, ptrdiff_t out_stride, int width,
                        int rows)
{
    RowJob job = {.runner = runner,
                  .layer = layer,
                  .in = in,
                  .in_stride = in_stride,
                  .out = out,
                  .out_stride = out_stride,
                  .width = width};
    mica_pool_run(runner->pool, rows, pointwise_row, &job);
}

/* Rows strip * BLOCK_ROWS onwards. Layer a runs one row ahead into a ring of three rows, so a row's
 * hidden values are consumed while they are in the cache. */
static void block_strip(void *context, int strip, int thread)
{
    const RowJob *j = context;
    const MicaBlock *block = j->block;
    const MicaKernels *k = &j->runner->network->kernels;
    const size_t w = (size_t)j->width, c = (size_t)block->a.inputs;
    const size_t e_channels = (size_t)block->e.outputs;
    const size_t ring_size = align_up((w + 2) * c + MICA_PADDING);
    const ptrdiff_t row_stride = (ptrdiff_t)(w * c);
    const int first = strip * BLOCK_ROWS;
    const int last = first + BLOCK_ROWS < j->rows ? first + BLOCK_ROWS : j->rows;

    int8_t *scratch = mica_runner_scratch(j->runner, thread);
    int8_t *ring[3], *zero, *d, *e;
    for (int i = 0; i < 3; i++, scratch += ring_size) {
        ring[i] = scratch;
        memset(ring[i], 0, c);
        memset(ring[i] + (w + 1) * c, 0, c);
    }
    zero = scratch;
    memset(zero, 0, (w + 2) * c);
    d = zero + ring_size;
    e = d + align_up(w * c + MICA_PADDING);

    for (int row = first - 1; row <= last; row++) {
        /* Ring slot (row + 3) % 3 takes row's hidden values, then row - 1 has both neighbours. */
        if (row >= 0 && row < j->rows)
            k->pointwise(&block->a, j->in + row * row_stride, (ptrdiff_t)c, ring[row % 3] + c,
                         (ptrdiff_t)c, NULL, w);
        const int y = row - 1;
        if (y < first)
            continue;
        const int8_t *const rows[3] = {y > 0 ? ring[(y + 2) % 3] : zero, ring[y % 3],
                                       y + 1 < j->rows ? ring[(y + 1) % 3] : zero};
        int16_t *out = j->out + y * row_stride;
        k->depthwise(&block->dw, rows, d, w);
        k->pointwise(&block->b, d, (ptrdiff_t)c, out, (ptrdiff_t)c, j->in + y * row_stride, w);
        k->pointwise(&block->e, out, (ptrdiff_t)c, e, (ptrdiff_t)e_channels, NULL, w);
        k->pointwise(&block->f, e, (ptrdiff_t)e_channels, out, (ptrdiff_t)c, out, w);
    }
}

void mica_run_block(const MicaRunner *runner, const MicaBlock *block, const int16_t *in,
                    int16_t *out, int width, int rows)
{
    RowJob job = {
        .runner = runner, .block = block, .in = in, .out = out, .width = width, .rows = rows};
    mica_pool_run(runner->pool, ceil_div(rows, BLOCK_ROWS), block_strip, &job);
}

int16_t *mica_run_blocks(const MicaRunner *runner, const MicaBlock *blocks, int count, int16_t *a,
                         int16_t *b, int width, int rows)
{
    for (int i = 0; i < count; i++) {
        mica_run_block(runner, &blocks[i], a, b, width, rows);
        int16_t *swap = a;
        a = b;
        b = swap;
    }
    return a;
}

static void down_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const ptrdiff_t c = j->layer->inputs / 4, line = 2 * (ptrdiff_t)j->width * c;
    const int16_t *top = j->in + 2 * row * line, *bottom = top + line;
    int16_t *folded = mica_runner_scratch(j->runner, thread), *to = folded;
    const size_t pair = 2 * (size_t)c;
    for (int x = 0; x < j->width; x++, to += 2 * pair) {
        memcpy(to, top + (size_t)x * pair, pair * sizeof *to);
        memcpy(to + pair, bottom + (size_t)x * pair, pair * sizeof *to);
    }
    j->runner->network->kernels.pointwise(j->layer, folded, 4 * c,
                                          j->out + (ptrdiff_t)row * j->width * j->layer->outputs,
                                          j->layer->outputs, NULL, (size_t)j->width);
}

void mica_run_down(const MicaRunner *runner, const MicaPointwise *layer, const int16_t *in,
                   int16_t *out, int width, int rows)
{
    RowJob job = {.runner = runner, .layer = layer, .in = in, .out = out, .width = width};
    mica_pool_run(runner->pool, rows, down_row, &job);
}

static void up_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const ptrdiff_t c = j->layer->outputs / 4, line = 2 * (ptrdiff_t)j->width * c;
    int16_t *wide = mica_runner_scratch(j->runner, thread);
    j->runner->network->kernels.pointwise(j->layer,
                                          j->in + (ptrdiff_t)row * j->width * j->in_stride,
                                          j->in_stride, wide, 4 * c, NULL, (size_t)j->width);
    int16_t *top = j->out + 2 * row * line, *bottom = top + line;
    const size_t pair = 2 * (size_t)c;
    for (int x = 0; x < j->width; x++, wide += 2 * pair) {
        memcpy(top + (size_t)x * pair, wide, pair * sizeof *wide);
        memcpy(bottom + (size_t)x * pair, wide + pair, pair * sizeof *wide);
    }
}

void mica_run_up(const MicaRunner *runner, const MicaPointwise *layer, const int16_t *in,
                 ptrdiff_t in_stride, int16_t *out, int width, int rows)
{
    RowJob job = {.runner = runner,
                  .layer = layer,
                  .in = in,
                  .in_stride = in_stride,
                  .out = out,
                  .width = width};
    mica_pool_run(runner->pool, rows, up_row, &job);
}

void mica_gains_at(const int16_t *anchors, int channels, int quality, int sign, MicaGains *gains)
{
    int16_t log2[MICA_MAX_GAIN_CHANNELS];
    mica_gains_interpolate(anchors, channels, quality, log2);
    mica_gains_split(log2, channels, sign, gains->mantissa, gains->shift);
}

static void gain_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    int16_t *p = j->out + (ptrdiff_t)row * j->width * j->channels;
    (void)thread;
    j->runner->network->kernels.gain(p, p, (size_t)j->width, j->channels, j->gains->mantissa,
                                     j->gains->shift);
}

void mica_run_gain(const MicaRunner *runner, const int16_t *anchors, int quality, int channels,
                   int16_t *plane, int width, int rows)
{
    MicaGains gains;
    mica_gains_at(anchors, channels, quality, 1, &gains);
    RowJob job = {
        .runner = runner, .gains = &gains, .out = plane, .width = width, .channels = channels};
    mica_pool_run(runner->pool, rows, gain_row, &job);
}
