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

MicaStatus mica_latents_create(MicaLatents *latents, const MicaRunner *runner, int quality,
                               MicaError *error)
{
    const MicaNetwork *n = runner->network;
    const MicaGeometry *g = &runner->geometry;
    const size_t pixels = (size_t)g->w16 * (size_t)g->h16;
    memset(latents, 0, sizeof *latents);
    latents->runner = runner;
    latents->quality = quality;
    latents->quarter = n->config.latents / MICA_GROUPS;
    latents->stride = n->config.prior + n->config.latents;
    latents->phase_count = pixels / 4 * (size_t)latents->quarter;
    latents->step_count = 4 * latents->phase_count;
    latents->features = mica_alloc(pixels, (size_t)latents->stride * sizeof(int16_t));
    for (int i = 0; i < 2; i++)
        latents->plane[i] = mica_alloc(pixels, (size_t)n->config.context * sizeof(int16_t));
    latents->mean = mica_alloc(latents->step_count, sizeof(int16_t));
    latents->symbol = mica_alloc(latents->step_count, sizeof(int16_t));
    latents->scale = mica_alloc(latents->step_count, 1);
    if (!latents->features || !latents->plane[0] || !latents->plane[1] || !latents->mean ||
        !latents->symbol || !latents->scale) {
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
    mica_free(latents->features);
    mica_free(latents->plane[0]);
    mica_free(latents->plane[1]);
    mica_free(latents->mean);
    mica_free(latents->symbol);
    mica_free(latents->scale);
    memset(latents, 0, sizeof *latents);
}

typedef struct StepJob {
    MicaLatents *latents;
    const int16_t *in; /* stream of the context block, or y */
    const MicaRounding *rounding;
    int step;
} StepJob;

/* Row index of a job -> phase and row within the phase. */
typedef struct PhaseRow {
    int phase, row, y, x0, group, count;
    size_t first; /* element of the step arrays */
} PhaseRow;

static PhaseRow phase_row(const MicaLatents *l, int step, int index)
{
    const MicaGeometry *g = &l->runner->geometry;
    const int rows = g->h16 / 2;
    PhaseRow r = {.phase = index / rows, .row = index % rows};
    r.y = 2 * r.row + (r.phase >> 1);
    r.x0 = r.phase & 1;
    r.group = mica_step_group(step, r.phase);
    r.count = g->w16 / 2;
    r.first =
        (size_t)r.phase * l->phase_count + (size_t)r.row * (size_t)r.count * (size_t)l->quarter;
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
    n->kernels.pointwise(&n->context[j->step].head[r.group],
                         j->in + ((ptrdiff_t)r.y * l->runner->geometry.w16 + r.x0) * width,
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

void mica_context(MicaLatents *latents, int step)
{
    const MicaRunner *runner = latents->runner;
    const MicaContextStep *s = &runner->network->context[step];
    const MicaGeometry *g = &runner->geometry;
    mica_run_pointwise(runner, &s->enter, latents->features, latents->stride, latents->plane[0],
                       s->enter.outputs, g->w16, g->h16);
    mica_run_block(runner, &s->block, latents->plane[0], latents->plane[1], g->w16, g->h16);
    StepJob job = {.latents = latents, .in = latents->plane[1], .step = step};
    mica_pool_run(runner->pool, 4 * (g->h16 / 2), head_row, &job);
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
    const int first = r.group * quarter, m = quarter * MICA_GROUPS;
    (void)thread;
    const int16_t *mean = l->mean + r.first;
    const uint8_t *scale = l->scale + r.first;
    const uint8_t *shape = l->runner->network->y_shape + first;
    int16_t *symbol = l->symbol + r.first;
    for (int i = 0; i < r.count; i++, mean += quarter, scale += quarter, symbol += quarter) {
        const int x = 2 * i + r.x0;
        if (r.y >= g->coded_h16 || x >= g->coded_w16) {
            memset(symbol, 0, (size_t)quarter * sizeof *symbol);
            continue;
        }
        const int16_t *y = j->in + ((ptrdiff_t)r.y * g->w16 + x) * m + first;
        for (int c = 0; c < quarter; c++) {
            const int rest = apply_gain(y[c], &l->gain, first + c) - mean[c];
            symbol[c] =
                (int16_t)(scale[c] < j->rounding->skip
                              ? 0
                              : round_symbol(rest, j->rounding->threshold[shape[c]][scale[c]]));
        }
    }
}

void mica_quantise(MicaLatents *latents, int step, const int16_t *y, const MicaRounding *rounding)
{
    StepJob job = {.latents = latents, .in = y, .step = step, .rounding = rounding};
    mica_pool_run(latents->runner->pool, 4 * (latents->runner->geometry.h16 / 2), quantise_row,
                  &job);
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
    int16_t *out = l->features + ((ptrdiff_t)r.y * l->runner->geometry.w16 + r.x0) * l->stride +
                   l->runner->network->config.prior + first;
    for (int x = 0; x < r.count; x++, mean += quarter, symbol += quarter, out += 2 * l->stride)
        for (int c = 0; c < quarter; c++)
            out[c] =
                (int16_t)apply_gain(mica_clamp16(symbol[c] * 16 + mean[c]), &l->inverse, first + c);
}

void mica_dequantise(MicaLatents *latents, int step)
{
    StepJob job = {.latents = latents, .step = step};
    mica_pool_run(latents->runner->pool, 4 * (latents->runner->geometry.h16 / 2), dequantise_row,
                  &job);
}
