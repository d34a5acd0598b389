#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "models/float_network.h"

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Widest row of scratch that a job needs, in floats. */
static size_t scratch_need(const MicaNetworkConfig *c, size_t w16)
{
    const size_t f = (size_t)c->features, t = (size_t)c->context, m = (size_t)c->latents;
    const size_t z = (size_t)c->hyper, p = (size_t)c->prior;
    const size_t w8 = 2 * w16;
    size_t need = w8 * (192 + 2 * f);       /* head and stem rows */
    need = most(need, w8 * (f + 192 + 96)); /* head, and its samples as int16 */
    need = most(need, w8 * (2 * f + f));    /* block at 1/8: e and dw */
    need = most(need, w16 * 2 * t);
    need = most(need, w16 * 4 * f);
    need = most(need, w16 * 2 * m);
    need = most(need, w16 * (p + m));     /* gradient of a context step's input */
    need = most(need, w16 * 2 * (z + p)); /* the prior */
    return need + 64;
}

MicaStatus mica_float_runner_create(MicaFloatRunner *runner, const MicaFloatNetwork *network,
                                    MicaPool *pool, int w16, int h16, MicaError *error)
{
    const MicaNetworkConfig *c = &network->config;
    *runner = (MicaFloatRunner){.network = network, .pool = pool, .width = w16, .rows = h16};
    runner->scratch_size = (scratch_need(c, (size_t)w16) + 15) & ~(size_t)15;
    runner->scratch =
        mica_alloc((size_t)mica_pool_threads(pool) * runner->scratch_size, sizeof *runner->scratch);
    const size_t pixels = (size_t)w16 * (size_t)h16;
    size_t widest = most(4 * (size_t)c->features, (size_t)c->context);
    widest = most(widest, most((size_t)c->prior, (size_t)c->hyper));
    runner->hidden = mica_alloc(pixels * widest, sizeof(float));
    if (!runner->scratch || !runner->hidden) {
        mica_float_runner_free(runner);
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the search");
    }
    return MICA_OK;
}

void mica_float_runner_free(MicaFloatRunner *runner)
{
    mica_free(runner->scratch);
    mica_free(runner->hidden);
    memset(runner, 0, sizeof *runner);
}

float *mica_float_runner_scratch(const MicaFloatRunner *runner, int thread)
{
    return runner->scratch + (size_t)thread * runner->scratch_size;
}

/* What the row jobs need; unused members stay zero. */
typedef struct RowJob {
    const MicaFloatRunner *runner;
    const MicaFloatBlock *block;
    const MicaFloatProduct *product;
    const float *in;
    float *out;
    ptrdiff_t in_stride, out_stride;
    int width, rows, add;
    uint8_t *mask;
    const uint8_t *known_mask;
    unsigned mirror;
} RowJob;

static void product(const MicaFloatRunner *r, const MicaFloatProduct *p, const float *in,
                    float *out, int width, int add)
{
    r->network->kernels.product(p, in, p->inputs, out, p->outputs, (size_t)width, add);
}

size_t mica_float_mask_size(const MicaFloatBlock *block, size_t pixels)
{
    return pixels * (size_t)(2 * block->a.forward.outputs + block->e.forward.outputs);
}

/* The masks of a block one after the other: after a, after dw, after e. */
static void note_mask(uint8_t *mask, const float *v, size_t count, float low, float high)
{
    for (size_t i = 0; i < count; i++)
        mask[i] = v[i] > low && v[i] < high;
}

static void apply_mask(float *v, const uint8_t *mask, size_t count)
{
    for (size_t i = 0; i < count; i++)
        v[i] = mask[i] ? v[i] : 0.0f;
}

static void block_a_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const size_t count = (size_t)j->width * (size_t)j->block->a.forward.outputs;
    float *hidden = j->runner->hidden + (size_t)row * count;
    (void)thread;
    product(j->runner, &j->block->a.forward, j->out + (size_t)row * count, hidden, j->width, 0);
    if (j->mask)
        note_mask(j->mask + (size_t)row * count, hidden, count, 0, 127);
}

/* Where the filter reads for coordinate v of 0..size-1; -1: a zero. */
static int source(int v, int size, int mirror_first, int mirror_last)
{
    if (v < 0)
        return mirror_first && size > 1 ? 1 : -1;
    if (v >= size)
        return mirror_last && size > 1 ? size - 2 : -1;
    return v;
}

/* One row of the 3x3 filter on `plane`; `flip` runs it backwards, as its gradient needs. */
static void filter_row(const MicaFloatDepthwise *l, const float *plane, int row, int width,
                       int rows, int flip, unsigned mirror, float *out)
{
    const ptrdiff_t c = l->channels, line = width * c;
    for (int x = 0; x < width; x++, out += c) {
        for (ptrdiff_t i = 0; i < c; i++)
            out[i] = flip ? 0.0f : l->bias[i];
        for (int tap = 0; tap < 9; tap++) {
            const int y = source(row + tap / 3 - 1, rows, (mirror & MICA_MIRROR_TOP) != 0,
                                 (mirror & MICA_MIRROR_BOTTOM) != 0);
            const int at = source(x + tap % 3 - 1, width, (mirror & MICA_MIRROR_LEFT) != 0,
                                  (mirror & MICA_MIRROR_RIGHT) != 0);
            if (y < 0 || at < 0)
                continue;
            const float *from = plane + y * line + at * c;
            const float *weight = l->weight + (flip ? 8 - tap : tap) * c;
            for (ptrdiff_t i = 0; i < c; i++)
                out[i] += weight[i] * from[i];
        }
    }
}

static void block_rest_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const MicaFloatBlock *b = j->block;
    const size_t c = (size_t)b->a.forward.outputs, e = (size_t)b->e.forward.outputs;
    const size_t count = (size_t)j->width * c, wide = (size_t)j->width * e;
    const size_t pixels = (size_t)j->width * (size_t)j->rows;
    float *d = mica_float_runner_scratch(j->runner, thread), *h = d + count;
    float *x = j->out + (size_t)row * count;
    filter_row(&b->dw, j->runner->hidden, row, j->width, j->rows, 0, j->mirror, d);
    for (size_t i = 0; i < count; i++) {
        const float v = d[i] > -127.0f ? d[i] : -127.0f;
        d[i] = v < 127.0f ? v : 127.0f;
    }
    product(j->runner, &b->b.forward, d, x, j->width, 1);
    product(j->runner, &b->e.forward, x, h, j->width, 0);
    product(j->runner, &b->f.forward, h, x, j->width, 1);
    if (j->mask) {
        note_mask(j->mask + pixels * c + (size_t)row * count, d, count, -127, 127);
        note_mask(j->mask + 2 * pixels * c + (size_t)row * wide, h, wide, 0, 127);
    }
}

void mica_float_block(const MicaFloatRunner *runner, const MicaFloatBlock *block, float *plane,
                      int width, int rows, uint8_t *mask, unsigned mirror)
{
    RowJob job = {.runner = runner,
                  .block = block,
                  .out = plane,
                  .width = width,
                  .rows = rows,
                  .mask = mask,
                  .mirror = mirror};
    mica_pool_run(runner->pool, rows, block_a_row, &job);
    mica_pool_run(runner->pool, rows, block_rest_row, &job);
}

static void back_rest_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const MicaFloatBlock *b = j->block;
    const size_t c = (size_t)b->a.forward.outputs, e = (size_t)b->e.forward.outputs;
    const size_t count = (size_t)j->width * c, wide = (size_t)j->width * e;
    const size_t pixels = (size_t)j->width * (size_t)j->rows;
    float *h = mica_float_runner_scratch(j->runner, thread);
    float *g = j->out + (size_t)row * count, *d = j->runner->hidden + (size_t)row * count;
    product(j->runner, &b->f.backward, g, h, j->width, 0);
    apply_mask(h, j->known_mask + 2 * pixels * c + (size_t)row * wide, wide);
    product(j->runner, &b->e.backward, h, g, j->width, 1);
    product(j->runner, &b->b.backward, g, d, j->width, 0);
    apply_mask(d, j->known_mask + pixels * c + (size_t)row * count, count);
}

static void back_a_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const size_t count = (size_t)j->width * (size_t)j->block->a.forward.outputs;
    float *h = mica_float_runner_scratch(j->runner, thread);
    filter_row(&j->block->dw, j->runner->hidden, row, j->width, j->rows, 1, 0, h);
    apply_mask(h, j->known_mask + (size_t)row * count, count);
    product(j->runner, &j->block->a.backward, h, j->out + (size_t)row * count, j->width, 1);
}

void mica_float_block_back(const MicaFloatRunner *runner, const MicaFloatBlock *block,
                           float *gradient, int width, int rows, const uint8_t *mask)
{
    RowJob job = {.runner = runner,
                  .block = block,
                  .out = gradient,
                  .width = width,
                  .rows = rows,
                  .known_mask = mask};
    mica_pool_run(runner->pool, rows, back_rest_row, &job);
    mica_pool_run(runner->pool, rows, back_a_row, &job);
}

static void pointwise_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const ptrdiff_t first = (ptrdiff_t)row * j->width;
    (void)thread;
    j->runner->network->kernels.product(j->product, j->in + first * j->in_stride, j->in_stride,
                                        j->out + first * j->out_stride, j->out_stride,
                                        (size_t)j->width, j->add);
}

void mica_float_pointwise(const MicaFloatRunner *runner, const MicaFloatProduct *p, const float *in,
                          ptrdiff_t in_stride, float *out, ptrdiff_t out_stride, int width,
                          int rows, int add)
{
    RowJob job = {.runner = runner,
                  .product = p,
                  .in = in,
                  .in_stride = in_stride,
                  .out = out,
                  .out_stride = out_stride,
                  .width = width,
                  .add = add};
    mica_pool_run(runner->pool, rows, pointwise_row, &job);
}

/* Pixels of 4 c channels <-> 2 x 2 pixels of c; `top` is the first of two lines. */
static void unfold_row(const float *wide, float *top, int width, size_t c)
{
    float *bottom = top + 2 * (size_t)width * c;
    for (int x = 0; x < width; x++, wide += 4 * c, top += 2 * c, bottom += 2 * c) {
        memcpy(top, wide, 2 * c * sizeof *top);
        memcpy(bottom, wide + 2 * c, 2 * c * sizeof *top);
    }
}

static void fold_row(const float *top, float *wide, int width, size_t c)
{
    const float *bottom = top + 2 * (size_t)width * c;
    for (int x = 0; x < width; x++, wide += 4 * c, top += 2 * c, bottom += 2 * c) {
        memcpy(wide, top, 2 * c * sizeof *top);
        memcpy(wide + 2 * c, bottom, 2 * c * sizeof *top);
    }
}

static void up_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const size_t c = (size_t)j->product->outputs / 4;
    float *wide = mica_float_runner_scratch(j->runner, thread);
    j->runner->network->kernels.product(
        j->product, j->in + (ptrdiff_t)row * j->width * j->in_stride, j->in_stride, wide,
        (ptrdiff_t)(4 * c), (size_t)j->width, 0);
    unfold_row(wide, j->out + 4 * (size_t)row * (size_t)j->width * c, j->width, c);
}

void mica_float_up(const MicaFloatRunner *runner, const MicaFloatLayer *layer, const float *in,
                   ptrdiff_t in_stride, float *out, int width, int rows)
{
    RowJob job = {.runner = runner,
                  .product = &layer->forward,
                  .in = in,
                  .in_stride = in_stride,
                  .out = out,
                  .width = width};
    mica_pool_run(runner->pool, rows, up_row, &job);
}

static void fold_product_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const size_t c = (size_t)j->product->inputs / 4, pixels = (size_t)row * (size_t)j->width;
    float *wide = mica_float_runner_scratch(j->runner, thread);
    fold_row(j->in + 4 * pixels * c, wide, j->width, c);
    product(j->runner, j->product, wide, j->out + pixels * (size_t)j->product->outputs, j->width,
            0);
}

void mica_float_up_back(const MicaFloatRunner *runner, const MicaFloatLayer *layer,
                        const float *gradient, float *out, int width, int rows)
{
    RowJob job = {
        .runner = runner, .product = &layer->backward, .in = gradient, .out = out, .width = width};
    mica_pool_run(runner->pool, rows, fold_product_row, &job);
}

void mica_float_down(const MicaFloatRunner *runner, const MicaFloatLayer *layer, const float *in,
                     float *out, int width, int rows)
{
    RowJob job = {
        .runner = runner, .product = &layer->forward, .in = in, .out = out, .width = width};
    mica_pool_run(runner->pool, rows, fold_product_row, &job);
}
