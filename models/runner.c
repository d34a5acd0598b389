#include "models/runner.h"

#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "models/restoration.h"

/* Rows of a block that one job computes. A job recomputes two rows of the first layer that its
 * neighbours compute too, so more rows waste less; fewer rows keep more threads busy. */
#define BLOCK_ROWS 16

/* The feature streams at 1/8: memory of one plane, and how many rows it holds at least (besides the
 * rows around that the blocks reach) and at most. */
#define FEATURE_BYTES ((size_t)24 << 20)
#define MIN_FEATURE_ROWS 16
#define MOST_FEATURE_ROWS 256

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

static size_t scratch_need(const MicaNetwork *n, int columns)
{
    const size_t f = (size_t)n->config.features, w16 = (size_t)columns, w8 = 2 * w16;
    size_t need = 2 * w8 * (MICA_CELL_SAMPLES + f) * sizeof(int16_t);
    need = max_size(need, w16 * 4 * f * sizeof(int16_t));
    if (n->config.restoration)
        need = max_size(need, mica_restoration_scratch((int)w8));
    need = max_size(need, w16 * 4 * (size_t)n->config.prior * sizeof(int16_t));
    need = max_size(need, w16 * 4 * (size_t)n->config.hyper * sizeof(int16_t));
    need = max_size(need, w16 * (size_t)n->config.latents * sizeof(int16_t));
    need = max_size(need, block_scratch(&n->analysis[0], 2 * columns));
    need = max_size(need, block_scratch(&n->synthesis[0], 2 * columns));
    need = max_size(need, block_scratch(&n->condition[0], 2 * columns));
    need = max_size(need, block_scratch(&n->hyper_block0, columns));
    need = max_size(need, block_scratch(&n->prior_block0, columns));
    need = max_size(need, block_scratch(&n->prior_block1, columns));
    need = max_size(need, block_scratch(&n->context[0].block, columns));
    return align_up(align_up(need) + MICA_ALIGNMENT + MICA_PADDING);
}

/* Rows at 1/8 that the feature streams are computed in. More rows repeat less work at the borders
 * of a band; fewer take less memory. */
static int feature_rows(const MicaNetwork *n, const MicaGeometry *g, int columns)
{
    const int halo = 2 * MICA_MAX_BLOCKS + 2;
    const size_t row = 2 * (size_t)columns * (size_t)n->config.features * sizeof(int16_t);
    const size_t fit = FEATURE_BYTES / row;
    const int rows = fit > MOST_FEATURE_ROWS ? MOST_FEATURE_ROWS : (int)fit & ~1;
    const int least = rows < MIN_FEATURE_ROWS + halo ? MIN_FEATURE_ROWS + halo : rows;
    return least < g->h8 ? least : g->h8;
}

/* Elements of one work plane. */
static size_t work_need(const MicaNetwork *n, const MicaGeometry *g, MicaWindowLimit limit)
{
    /* At least 8 each way, so that the planes at 1/32 fit with what is around them. */
    const size_t area16 = max_size((size_t)limit.columns, 8) * max_size((size_t)limit.rows, 8);
    const int rows8 = feature_rows(n, g, limit.columns);
    size_t widest = (size_t)n->config.context;
    widest = max_size(widest, (size_t)n->config.prior);
    widest = max_size(widest, (size_t)n->config.hyper);
    const size_t need = max_size(area16 * widest, 2 * (size_t)limit.columns * (size_t)rows8 *
                                                      (size_t)n->config.features);
    /* A row of cells to be restored, and those around it; as much again as one of them is more than
     * the means of a smaller picture take. */
    const size_t rows = 1 + 2 * MICA_RESTORATION_CELLS + 1;
    return n->config.restoration
               ? max_size(need, rows * mica_sample_row_elements(2 * limit.columns))
               : need;
}

size_t mica_runner_memory(const MicaNetwork *network, const MicaGeometry *geometry,
                          MicaWindowLimit limit, int threads)
{
    return (size_t)threads * scratch_need(network, limit.columns) +
           2 * work_need(network, geometry, limit) * sizeof(int16_t);
}

MicaStatus mica_runner_create(MicaRunner *runner, const MicaNetwork *network, MicaPool *pool,
                              const MicaGeometry *geometry, MicaWindowLimit limit, MicaError *error)
{
    *runner = (MicaRunner){.network = network, .pool = pool, .geometry = *geometry};
    runner->rows8 = feature_rows(network, geometry, limit.columns);
    runner->scratch_size = scratch_need(network, limit.columns);
    runner->scratch = mica_alloc((size_t)mica_pool_threads(pool), runner->scratch_size);
    runner->work_elements = work_need(network, geometry, limit);
    for (int i = 0; i < 2; i++)
        runner->work[i] = mica_alloc(runner->work_elements, sizeof(int16_t));
    if (!runner->scratch || !runner->work[0] || !runner->work[1]) {
        mica_runner_free(runner);
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the networks");
    }
    return MICA_OK;
}

void mica_runner_free(MicaRunner *runner)
{
    mica_free(runner->scratch);
    mica_free(runner->work[0]);
    mica_free(runner->work[1]);
    memset(runner, 0, sizeof *runner);
}

void *mica_runner_scratch(const MicaRunner *runner, int thread)
{
    return runner->scratch + (size_t)thread * runner->scratch_size;
}

MicaPlane mica_runner_plane(const MicaRunner *runner, int index, MicaRect rect, int channels)
{
    return (MicaPlane){.data = runner->work[index], .stride = channels, .rect = rect};
}

/* What the row jobs of the simple operators need; unused members stay zero. */
typedef struct RowJob {
    const MicaRunner *runner;
    const MicaPointwise *layer;
    const MicaGains *gains;
    const MicaPlane *in, *out;
    int channels;
} RowJob;

static void pointwise_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const MicaRect *r = &j->out->rect;
    int16_t *out = mica_plane_at(j->out, r->x0, r->y0 + row);
    (void)thread;
    j->runner->network->kernels.pointwise(j->layer, mica_plane_at(j->in, r->x0, r->y0 + row),
                                          j->in->stride, out, j->out->stride, out,
                                          (size_t)mica_rect_width(r));
}

void mica_run_pointwise(const MicaRunner *runner, const MicaPointwise *layer, const MicaPlane *in,
                        const MicaPlane *out)
{
    RowJob job = {.runner = runner, .layer = layer, .in = in, .out = out};
    mica_pool_run(runner->pool, mica_rect_height(&out->rect), pointwise_row, &job);
}

typedef struct BlockJob {
    const MicaRunner *runner;
    const MicaBlock *block;
    const MicaPlane *in, *out;
    const MicaSurroundings *around;
    int strips; /* of a tile */
} BlockJob;

/* The columns of one tile; without tiles, those of the window. */
static MicaRect tile_rect(const BlockJob *j, int tile)
{
    MicaRect r = j->out->rect;
    if (j->around->tile_width > 0) {
        r.x0 += tile * j->around->tile_width;
        if (tile + 1 < j->around->tiles)
            r.x1 = r.x0 + j->around->tile_width;
    }
    return r;
}

/* Hidden values of one row, with the pixels left and right of the tile, into `to`. */
static void hidden_row(const BlockJob *j, const MicaRect *tile, int row, int8_t *to)
{
    const MicaBlock *block = j->block;
    const MicaRect *whole = &j->around->whole;
    const ptrdiff_t c = block->a.inputs;
    const int left = tile->x0 > whole->x0, right = tile->x1 < whole->x1;
    const int alone = j->around->tile_width > 0;
    const int from = left && !alone ? tile->x0 - 1 : tile->x0;
    const int end = right && !alone ? tile->x1 + 1 : tile->x1;
    const int width = mica_rect_width(tile);
    j->runner->network->kernels.pointwise(&block->a, mica_plane_at(j->in, from, row), j->in->stride,
                                          to + (from - tile->x0 + 1) * c, c, NULL,
                                          (size_t)(end - from));
    if (from == tile->x0 && left)
        memcpy(to, to + 2 * c, (size_t)c);
    else if (from == tile->x0)
        memset(to, 0, (size_t)c);
    if (end == tile->x1 && right)
        memcpy(to + (width + 1) * c, to + (width - 1) * c, (size_t)c);
    else if (end == tile->x1)
        memset(to + (width + 1) * c, 0, (size_t)c);
}

/* BLOCK_ROWS rows of a tile. Layer a runs one row ahead into a ring of three rows, so a row's
 * hidden values are consumed while they are in the cache. */
static void block_strip(void *context, int index, int thread)
{
    const BlockJob *j = context;
    const MicaBlock *block = j->block;
    const MicaKernels *k = &j->runner->network->kernels;
    const MicaRect tile = tile_rect(j, index / j->strips);
    const MicaRect *whole = &j->around->whole;
    const size_t w = (size_t)mica_rect_width(&tile), c = (size_t)block->a.inputs;
    const size_t e_channels = (size_t)block->e.outputs;
    const size_t ring_size = align_up((w + 2) * c + MICA_PADDING);
    const int alone = j->around->tile_width > 0;
    const int first = tile.y0 + index % j->strips * BLOCK_ROWS;
    const int last = first + BLOCK_ROWS < tile.y1 ? first + BLOCK_ROWS : tile.y1;
    /* Rows that have hidden values; those beyond are zero or the tile's own. */
    const int top = alone ? tile.y0 : whole->y0, bottom = alone ? tile.y1 : whole->y1;

    int8_t *scratch = mica_runner_scratch(j->runner, thread);
    int8_t *ring[3], *zero, *d, *e;
    for (int i = 0; i < 3; i++, scratch += ring_size)
        ring[i] = scratch;
    zero = scratch;
    memset(zero, 0, (w + 2) * c);
    d = zero + ring_size;
    e = d + align_up(w * c + MICA_PADDING);

    for (int row = first - 1; row <= last; row++) {
        /* Ring slot (row + 3) % 3 takes row's hidden values, then row - 1 has both neighbours. */
        if (row >= top && row < bottom)
            hidden_row(j, &tile, row, ring[row % 3]);
        const int y = row - 1;
        if (y < first)
            continue;
        const int8_t *above = zero, *below = zero;
        if (y > top)
            above = ring[(y + 2) % 3];
        else if (y > whole->y0)
            above = ring[(y + 1) % 3];
        if (y + 1 < bottom)
            below = ring[(y + 1) % 3];
        else if (y + 1 < whole->y1)
            below = ring[(y + 2) % 3];
        const int8_t *const rows[3] = {above, ring[y % 3], below};
        const int16_t *in = mica_plane_at(j->in, tile.x0, y);
        int16_t *out = mica_plane_at(j->out, tile.x0, y);
        k->depthwise(&block->dw, rows, d, w);
        k->pointwise(&block->b, d, (ptrdiff_t)c, out, (ptrdiff_t)c, in, w);
        k->pointwise(&block->e, out, (ptrdiff_t)c, e, (ptrdiff_t)e_channels, NULL, w);
        k->pointwise(&block->f, e, (ptrdiff_t)e_channels, out, (ptrdiff_t)c, out, w);
    }
}

void mica_run_block(const MicaRunner *runner, const MicaBlock *block, const MicaPlane *in,
                    const MicaPlane *out, const MicaSurroundings *around)
{
    BlockJob job = {.runner = runner, .block = block, .in = in, .out = out, .around = around};
    job.strips = ceil_div(mica_rect_height(&out->rect), BLOCK_ROWS);
    const int tiles = around->tile_width > 0 ? around->tiles : 1;
    mica_pool_run(runner->pool, tiles * job.strips, block_strip, &job);
}

MicaRect mica_run_band(const MicaRunner *runner, int count, MicaRect needed, MicaRect whole)
{
    const MicaRect read = mica_rect_grow(needed, count, whole);
    if (mica_rect_height(&read) > runner->rows8)
        needed.y1 = needed.y0 + (runner->rows8 - 2 * count) / 2 * 2;
    return needed;
}

MicaPlane mica_run_blocks(const MicaRunner *runner, const MicaBlock *blocks, int count,
                          MicaPlane in, MicaRect needed, MicaRect whole)
{
    const MicaSurroundings around = {.whole = whole};
    const int channels = runner->network->config.features;
    for (int i = 0; i < count; i++) {
        const MicaRect rect = mica_rect_grow(needed, count - 1 - i, whole);
        const MicaPlane out = mica_runner_plane(runner, 1 - i % 2, rect, channels);
        mica_run_block(runner, &blocks[i], &in, &out, &around);
        in = out;
    }
    return in;
}

static void down_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const MicaRect *r = &j->out->rect;
    const int width = mica_rect_width(r);
    const ptrdiff_t c = j->layer->inputs / 4;
    const int16_t *top = mica_plane_at(j->in, 2 * r->x0, 2 * (r->y0 + row));
    const int16_t *bottom = mica_plane_at(j->in, 2 * r->x0, 2 * (r->y0 + row) + 1);
    int16_t *out = mica_plane_at(j->out, r->x0, r->y0 + row);
    int16_t *folded = mica_runner_scratch(j->runner, thread), *to = folded;
    const size_t pair = 2 * (size_t)c;
    for (int x = 0; x < width; x++, to += 2 * pair) {
        memcpy(to, top + (size_t)x * pair, pair * sizeof *to);
        memcpy(to + pair, bottom + (size_t)x * pair, pair * sizeof *to);
    }
    j->runner->network->kernels.pointwise(j->layer, folded, 4 * c, out, j->out->stride, out,
                                          (size_t)width);
}

void mica_run_down(const MicaRunner *runner, const MicaPointwise *layer, const MicaPlane *in,
                   const MicaPlane *out)
{
    RowJob job = {.runner = runner, .layer = layer, .in = in, .out = out};
    mica_pool_run(runner->pool, mica_rect_height(&out->rect), down_row, &job);
}

static void up_row(void *context, int row, int thread)
{
    const RowJob *j = context;
    const MicaRect r = mica_rect_halve(j->out->rect);
    const int width = mica_rect_width(&r);
    const ptrdiff_t c = j->layer->outputs / 4;
    int16_t *wide = mica_runner_scratch(j->runner, thread);
    j->runner->network->kernels.pointwise(j->layer, mica_plane_at(j->in, r.x0, r.y0 + row),
                                          j->in->stride, wide, 4 * c, NULL, (size_t)width);
    int16_t *top = mica_plane_at(j->out, 2 * r.x0, 2 * (r.y0 + row));
    int16_t *bottom = mica_plane_at(j->out, 2 * r.x0, 2 * (r.y0 + row) + 1);
    const size_t pair = 2 * (size_t)c;
    for (int x = 0; x < width; x++, wide += 2 * pair) {
        memcpy(top + (size_t)x * pair, wide, pair * sizeof *wide);
        memcpy(bottom + (size_t)x * pair, wide + pair, pair * sizeof *wide);
    }
}

void mica_run_up(const MicaRunner *runner, const MicaPointwise *layer, const MicaPlane *in,
                 const MicaPlane *out)
{
    RowJob job = {.runner = runner, .layer = layer, .in = in, .out = out};
    mica_pool_run(runner->pool, mica_rect_height(&out->rect) / 2, up_row, &job);
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
    const MicaRect *r = &j->out->rect;
    (void)thread;
    j->runner->network->kernels.gain(
        mica_plane_at(j->in, r->x0, r->y0 + row), mica_plane_at(j->out, r->x0, r->y0 + row),
        (size_t)mica_rect_width(r), j->channels, j->gains->mantissa, j->gains->shift);
}

void mica_run_gain(const MicaRunner *runner, const int16_t *anchors, int quality, int channels,
                   const MicaPlane *in, const MicaPlane *out)
{
    MicaGains gains;
    mica_gains_at(anchors, channels, quality, 1, &gains);
    RowJob job = {.runner = runner, .gains = &gains, .in = in, .out = out, .channels = channels};
    mica_pool_run(runner->pool, mica_rect_height(&out->rect), gain_row, &job);
}
