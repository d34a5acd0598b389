#include <string.h>

#include "models/condition.h"
#include "models/nets.h"

/* Rows of `whole` from first to last - 1. */
static MicaRect rows_of(MicaRect whole, int first, int last)
{
    whole.y0 = first;
    whole.y1 = last;
    return whole;
}

int mica_hyper_rows_before(int first)
{
    return first > 0 ? 4 * first - 3 : 0;
}

int mica_hyper_rows_needed(int last)
{
    return 4 * last + 3;
}

void mica_hyper_analyse(const MicaRunner *runner, const MicaPlane *y, int quality, int first,
                        int last, const MicaPlane *z)
{
    const MicaNetwork *n = runner->network;
    const MicaGeometry *g = &runner->geometry;
    const MicaRect whole16 = mica_whole16(g), whole32 = mica_whole32(g);
    const int channels = n->config.hyper;
    const MicaRect out32 = rows_of(whole32, 2 * first, 2 * last);
    const MicaRect in32 = mica_rect_grow(out32, 1, whole32);
    const MicaRect out16 = mica_rect_scale(in32, 2);
    const MicaRect in16 = mica_rect_grow(out16, 1, whole16);
    const MicaSurroundings around16 = {.whole = whole16}, around32 = {.whole = whole32};

    MicaPlane a = mica_runner_plane(runner, 0, in16, channels);
    MicaPlane b = mica_runner_plane(runner, 1, out16, channels);
    mica_run_pointwise(runner, &n->hyper_enter, y, &a);
    mica_run_gain(runner, n->hyper_gain, quality, channels, &a, &a);
    mica_run_block(runner, &n->hyper_block0, &a, &b, &around16);
    a.rect = in32;
    mica_run_down(runner, &n->hyper_down0, &b, &a);
    b.rect = out32;
    mica_run_block(runner, &n->hyper_block1, &a, &b, &around32);
    const MicaPlane out = {mica_plane_at(z, 0, first), channels, rows_of(z->rect, first, last)};
    mica_run_down(runner, &n->hyper_down1, &b, &out);
    mica_run_gain(runner, n->z_gain, quality, channels, &out, &out);
}

/* Windows of the prior's planes that the features of a window at 1/16 depend on. */
typedef struct PriorWindows {
    MicaRect up16, block32, up32, z;
} PriorWindows;

static MicaRect even(MicaRect r)
{
    return mica_rect_scale(mica_rect_halve(r), 2);
}

static PriorWindows prior_windows(const MicaGeometry *g, MicaRect features)
{
    PriorWindows w;
    w.up16 = even(mica_rect_grow(features, 1, mica_whole16(g)));
    w.block32 = mica_rect_halve(w.up16);
    w.up32 = even(mica_rect_grow(w.block32, 1, mica_whole32(g)));
    w.z = mica_rect_halve(w.up32);
    return w;
}

int mica_prior_rows_needed(const MicaGeometry *g, int last)
{
    const MicaRect window = {0, last - 1, g->w16, last};
    return prior_windows(g, mica_rect_grow(window, 1, mica_whole16(g))).z.y1;
}

typedef struct FeatureJob {
    const MicaRunner *runner;
    const MicaGains *gains;
    const MicaPlane *in, *out; /* windows of the features, and of features and latents */
} FeatureJob;

static void feature_row(void *context, int index, int thread)
{
    const FeatureJob *j = context;
    const MicaRect *r = &j->in->rect;
    const int channels = (int)j->in->stride;
    const size_t width = (size_t)mica_rect_width(r), bytes = (size_t)channels * sizeof(int16_t);
    int16_t *row = mica_plane_at(j->in, r->x0, r->y0 + index);
    int16_t *out = mica_plane_at(j->out, r->x0, r->y0 + index);
    (void)thread;
    j->runner->network->kernels.gain(row, row, width, channels, j->gains->mantissa,
                                     j->gains->shift);
    for (size_t x = 0; x < width; x++, row += channels, out += j->out->stride)
        memcpy(out, row, bytes);
}

void mica_prior(MicaLatents *latents, const MicaPlane *z)
{
    const MicaRunner *runner = latents->runner;
    const MicaNetwork *n = runner->network;
    const MicaGeometry *g = &runner->geometry;
    const int channels = n->config.hyper, p = n->config.prior;
    const MicaRect needed = mica_rect_grow(latents->rect, 1, mica_whole16(g));
    const PriorWindows w = prior_windows(g, needed);
    const MicaSurroundings around16 = {.whole = mica_whole16(g)};
    const MicaSurroundings around32 = {.whole = mica_whole32(g)};

    MicaGains gains;
    mica_gains_at(n->z_gain, channels, latents->quality, -1, &gains);
    MicaPlane a = mica_runner_plane(runner, 0, w.z, channels);
    int16_t *to = a.data;
    const size_t row = (size_t)mica_rect_width(&w.z) * (size_t)channels;
    for (int y = w.z.y0; y < w.z.y1; y++, to += row)
        memcpy(to, mica_plane_at(z, w.z.x0, y), row * sizeof *to);
    n->kernels.gain(a.data, a.data, mica_rect_area(&w.z), channels, gains.mantissa, gains.shift);
    MicaPlane b = mica_runner_plane(runner, 1, w.up32, channels);
    mica_run_up(runner, &n->prior_up0, &a, &b);
    a.rect = w.block32;
    mica_run_block(runner, &n->prior_block0, &b, &a, &around32);
    b.rect = w.up16;
    b.stride = p;
    mica_run_up(runner, &n->prior_up1, &a, &b);
    a.rect = needed;
    a.stride = p;
    mica_run_block(runner, &n->prior_block1, &b, &a, &around16);
    mica_gains_at(n->prior_gain, p, latents->quality, 1, &gains);
    FeatureJob job = {.runner = runner, .gains = &gains, .in = &a, .out = &latents->features};
    mica_pool_run(runner->pool, mica_rect_height(&needed), feature_row, &job);
    if (runner->condition) {
        const MicaPlane out = {mica_plane_at(&latents->features, needed.x0, needed.y0),
                               latents->stride, needed};
        mica_condition_prior(runner, &out);
    }
}
