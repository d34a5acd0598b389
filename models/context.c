#include <stdlib.h>
#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "models/nets.h"

/* The gain rule of transforms/kernels.h for one value. */
static int apply_gain(int v, const MicaGains *gains, int c)
{
    return mica_clamp16((v * gains->mantissa[c] + (1 << gains->shift[c] >> 1)) >> gains->shift[c]);
}

int mica_step_group(int step, int phase)
{
    static const int mask[MICA_CONTEXT_STEPS] = {0, 3, 2, 1};
    return phase ^ mask[step];
}

int mica_latents_kept_rows(const MicaNetwork *network)
{
    const int rows = (mica_synthesis_reach(&network->config) + 1) & ~1;
    return rows < 2 ? 2 : rows; /* one row of hyper features is needed in any case */
}

MicaWindowLimit mica_latents_limit(const MicaGrid *grid, int columns)
{
    /* Two positions around, for the planes of the prior that come in pairs. */
    MicaWindowLimit limit = {grid->whole.x1, mica_grid_most_rows(grid) + 4};
    const int64_t part = (int64_t)(columns - 1) * grid->segment_width + 4;
    if (part + mica_grid_most_columns(grid) < limit.columns)
        limit.columns = (int)part + mica_grid_most_columns(grid);
    if (limit.rows > grid->whole.y1)
        limit.rows = grid->whole.y1;
    return limit;
}

/* Channels of the features: with noise, the latents are there twice. */
static int feature_channels(const MicaNetworkConfig *c, int realism)
{
    return c->prior + c->latents * (realism > 0 ? 2 : 1);
}

static size_t feature_count(const MicaNetwork *network, MicaWindowLimit limit, int realism)
{
    return (size_t)limit.columns * (size_t)(limit.rows + mica_latents_kept_rows(network)) *
           (size_t)feature_channels(&network->config, realism);
}

static size_t limit_count(const MicaNetwork *network, MicaWindowLimit limit)
{
    return (size_t)limit.columns * (size_t)limit.rows *
           (size_t)(network->config.latents / MICA_GROUPS);
}

size_t mica_latents_memory(const MicaNetwork *network, MicaWindowLimit limit, int realism)
{
    return feature_count(network, limit, realism) * sizeof(int16_t) +
           limit_count(network, limit) * (2 * sizeof(int16_t) + 1);
}

MicaStatus mica_latents_create(MicaLatents *latents, const MicaRunner *runner, const MicaGrid *grid,
                               MicaWindowLimit limit, int quality, int realism, MicaError *error)
{
    const MicaNetwork *n = runner->network;
    memset(latents, 0, sizeof *latents);
    latents->runner = runner;
    latents->grid = grid;
    latents->quality = quality;
    latents->quarter = n->config.latents / MICA_GROUPS;
    latents->stride = feature_channels(&n->config, realism);
    latents->shown = latents->stride - n->config.latents;
    mica_noise_amplitudes(realism, latents->amplitude);
    latents->features.stride = latents->stride;
    latents->features.data = mica_alloc(feature_count(n, limit, realism), sizeof(int16_t));
    const size_t count = limit_count(n, limit);
    latents->mean = mica_alloc(count, sizeof(int16_t));
    latents->symbol = mica_alloc(count, sizeof(int16_t));
    latents->scale = mica_alloc(count, 1);
    if (!latents->features.data || !latents->mean || !latents->symbol || !latents->scale) {
        mica_latents_free(latents);
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the latents");
    }
    mica_gains_at(n->y_gain, n->config.latents, quality, 1, &latents->gain);
    mica_gains_at(n->y_gain, n->config.latents, quality, -1, &latents->inverse);
    mica_gains_interpolate(n->y_offset, n->config.latents, quality, latents->offset);
    return MICA_OK;
}

void mica_latents_free(MicaLatents *latents)
{
    mica_free(latents->features.data);
    mica_free(latents->mean);
    mica_free(latents->symbol);
    mica_free(latents->scale);
    memset(latents, 0, sizeof *latents);
}

static void clear_positions(const MicaLatents *l, int x0, int x1, int y)
{
    const MicaNetworkConfig *c = &l->runner->network->config;
    int16_t *d = mica_plane_at(&l->features, x0, y) + c->prior;
    for (int x = x0; x < x1; x++, d += l->stride)
        memset(d, 0, (size_t)c->latents * sizeof *d);
}

static void clear_row(void *context, int index, int thread)
{
    const MicaLatents *l = context;
    (void)thread;
    clear_positions(l, l->rect.x0, l->rect.x1, l->rect.y0 + index);
}

void mica_latents_clear(const MicaLatents *latents, int segment)
{
    const MicaRect *r = &latents->rect;
    const int width = latents->grid->segment_width, x0 = r->x0 + segment * width;
    const int x1 = segment + 1 < latents->segments ? x0 + width : r->x1;
    for (int y = r->y0; y < r->y1; y++)
        clear_positions(latents, x0, x1, y);
}

void mica_latents_move(MicaLatents *latents, int first, int last, int row)
{
    const MicaRect before = latents->features.rect;
    const MicaRect rect = mica_grid_rect(latents->grid, first, last, row);
    MicaRect window = mica_rect_grow(rect, 1, latents->grid->whole);
    const int kept = mica_latents_kept_rows(latents->runner->network);
    if (latents->segments > 0) {
        window.y0 = rect.y0 - kept > before.y0 ? rect.y0 - kept : before.y0;
        const int16_t *from = mica_plane_at(&latents->features, before.x0, window.y0);
        const size_t rows = (size_t)(rect.y0 - window.y0);
        memmove(latents->features.data, from,
                rows * (size_t)mica_rect_width(&window) * (size_t)latents->stride * sizeof *from);
    }
    latents->rect = rect;
    latents->segments = last - first;
    latents->features.rect = window;
    latents->phase_count = mica_rect_area(&rect) / 4 * (size_t)latents->quarter;
    latents->step_count = 4 * latents->phase_count;
    mica_pool_run(latents->runner->pool, mica_rect_height(&rect), clear_row, latents);
}

typedef struct StepJob {
    MicaLatents *latents;
    const MicaPlane *in; /* stream of the context block, or y */
    const MicaRounding *rounding;
    int step;
} StepJob;

/* A row of one phase: `count` positions, every second one from (x, y) on. */
typedef struct PhaseRow {
    int phase, y, x, group, count;
    size_t first; /* element of the step arrays */
} PhaseRow;

static PhaseRow phase_row(const MicaLatents *l, int step, int index)
{
    const int rows = mica_rect_height(&l->rect) / 2;
    PhaseRow r = {.phase = index / rows};
    const int row = index % rows;
    r.y = l->rect.y0 + 2 * row + (r.phase >> 1);
    r.x = l->rect.x0 + (r.phase & 1);
    r.group = mica_step_group(step, r.phase);
    r.count = mica_rect_width(&l->rect) / 2;
    r.first = (size_t)r.phase * l->phase_count + (size_t)row * (size_t)r.count * (size_t)l->quarter;
    return r;
}

static void head_row(void *context, int index, int thread)
{
    const StepJob *j = context;
    MicaLatents *l = j->latents;
    const MicaNetwork *n = l->runner->network;
    const int quarter = l->quarter, width = n->config.context;
    const PhaseRow r = phase_row(l, j->step, index);
    int16_t *out = mica_runner_scratch(l->runner, thread);
    n->kernels.pointwise(&n->context[j->step].head[r.group], mica_plane_at(j->in, r.x, r.y),
                         2 * (ptrdiff_t)width, out, 2 * (ptrdiff_t)quarter, NULL, (size_t)r.count);

    const int first = r.group * quarter;
    int16_t *mean = l->mean + r.first;
    uint8_t *scale = l->scale + r.first;
    for (int x = 0; x < r.count; x++, out += 2 * quarter, mean += quarter, scale += quarter)
        for (int c = 0; c < quarter; c++) {
            mean[c] = (int16_t)apply_gain(out[c], &l->gain, first + c);
            scale[c] = mica_scale_index(out[quarter + c] + l->offset[first + c]);
        }
}

static void run_phase_rows(const MicaLatents *latents, MicaPoolFunction function, StepJob *job)
{
    mica_pool_run(latents->runner->pool, 4 * (mica_rect_height(&latents->rect) / 2), function, job);
}

void mica_context(MicaLatents *latents, int step)
{
    const MicaRunner *runner = latents->runner;
    const MicaContextStep *s = &runner->network->context[step];
    MicaSurroundings around = {.whole = latents->grid->whole};
    MicaRect entered = latents->rect;
    if (step == 0) { /* the features alone: known everywhere */
        entered = mica_rect_grow(entered, 1, around.whole);
    } else {
        around.tile_width = latents->grid->segment_width;
        around.tiles = latents->segments;
    }
    const MicaPlane in = mica_runner_plane(runner, 0, entered, s->enter.outputs);
    const MicaPlane out = mica_runner_plane(runner, 1, latents->rect, s->enter.outputs);
    mica_run_pointwise(runner, &s->enter, &latents->features, &in);
    mica_run_block(runner, &s->block, &in, &out, &around);
    StepJob job = {.latents = latents, .in = &out, .step = step};
    run_phase_rows(latents, head_row, &job);
}

static int round_symbol(int rest, const uint8_t threshold[2])
{
    const int magnitude = abs(rest);
    int s = (magnitude - threshold[1] + 32) >> 4;
    if (s < 2)
        s = magnitude >= threshold[0];
    return rest < 0 ? -s : s;
}

static void quantise_row(void *context, int index, int thread)
{
    const StepJob *j = context;
    MicaLatents *l = j->latents;
    const MicaGeometry *g = &l->runner->geometry;
    const int quarter = l->quarter;
    const PhaseRow r = phase_row(l, j->step, index);
    const int first = r.group * quarter;
    (void)thread;
    const int16_t *mean = l->mean + r.first;
    const uint8_t *scale = l->scale + r.first;
    const uint8_t *shape = l->runner->network->y_shape + first;
    int16_t *symbol = l->symbol + r.first;
    for (int i = 0; i < r.count; i++, mean += quarter, scale += quarter, symbol += quarter) {
        const int x = 2 * i + r.x;
        if (r.y >= g->coded_h16 || x >= g->coded_w16) {
            memset(symbol, 0, (size_t)quarter * sizeof *symbol);
            continue;
        }
        const int16_t *y = mica_plane_at(j->in, x, r.y) + first;
        for (int c = 0; c < quarter; c++) {
            const int rest = apply_gain(y[c], &l->gain, first + c) - mean[c];
            symbol[c] =
                (int16_t)(scale[c] < j->rounding->skip
                              ? 0
                              : round_symbol(rest, j->rounding->threshold[shape[c]][scale[c]]));
        }
    }
}

void mica_quantise(MicaLatents *latents, int step, const MicaPlane *y, const MicaRounding *rounding)
{
    StepJob job = {.latents = latents, .in = y, .step = step, .rounding = rounding};
    run_phase_rows(latents, quantise_row, &job);
}

static void dequantise_row(void *context, int index, int thread)
{
    const StepJob *j = context;
    MicaLatents *l = j->latents;
    const int quarter = l->quarter;
    const PhaseRow r = phase_row(l, j->step, index);
    const int first = r.group * quarter;
    (void)thread;
    const int16_t *mean = l->mean + r.first, *symbol = l->symbol + r.first;
    int16_t *out = mica_plane_at(&l->features, r.x, r.y) + l->runner->network->config.prior + first;
    for (int x = 0; x < r.count; x++, mean += quarter, symbol += quarter, out += 2 * l->stride)
        for (int c = 0; c < quarter; c++)
            out[c] =
                (int16_t)apply_gain(mica_clamp16(symbol[c] * 16 + mean[c]), &l->inverse, first + c);
}

/* The same latents once more, with noise where the symbol is 0: there all detail was lost. */
static void noise_row(void *context, int index, int thread)
{
    const StepJob *j = context;
    const MicaLatents *l = j->latents;
    const int quarter = l->quarter, latents = l->runner->network->config.latents;
    const PhaseRow r = phase_row(l, j->step, index);
    const int first = r.group * quarter;
    (void)thread;
    const uint8_t *scale = l->scale + r.first;
    const int16_t *symbol = l->symbol + r.first;
    int16_t *out = mica_plane_at(&l->features, r.x, r.y) + l->shown + first;
    for (int i = 0; i < r.count; i++, scale += quarter, symbol += quarter, out += 2 * l->stride) {
        const uint32_t seed = mica_noise_seed(r.x + 2 * i, r.y);
        for (int c = 0; c < quarter; c++) {
            const int noise = symbol[c] ? 0 : mica_noise(seed, first + c, l->amplitude[scale[c]]);
            out[c] = mica_noise_add(out[c - latents], noise, l->inverse.mantissa[first + c],
                                    l->inverse.shift[first + c]);
        }
    }
}

void mica_dequantise(MicaLatents *latents, int step)
{
    StepJob job = {.latents = latents, .step = step};
    run_phase_rows(latents, dequantise_row, &job);
    if (latents->shown > latents->runner->network->config.prior)
        run_phase_rows(latents, noise_row, &job);
}
