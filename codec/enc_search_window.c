#include "codec/enc_search_window.h"

#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/enc_search_pixels.h"
#include "codec/enc_search_restoration.h"
#include "models/condition.h"

/* Channel counts, short. */
typedef struct Sizes {
    int features, latents, prior, context, quarter;
    size_t pixels;
} Sizes;

static Sizes sizes(const MicaSearchWindow *win)
{
    const MicaNetworkConfig *c = &win->picture->network->config;
    return (Sizes){.features = c->features,
                   .latents = c->latents,
                   .prior = c->prior,
                   .context = c->context,
                   .quarter = c->latents / MICA_GROUPS,
                   .pixels = (size_t)win->w * (size_t)win->h};
}

void mica_search_window_read_prior(MicaSearchWindow *win)
{
    const Sizes s = sizes(win);
    float *to = win->features;
    for (int row = 0; row < win->h; row++)
        for (int col = 0; col < win->w; col++, to += s.prior + s.latents) {
            const int16_t *f =
                mica_plane_at(&win->picture->latents->features, win->x + col, win->y + row);
            for (int c = 0; c < s.prior; c++)
                to[c] = f[c];
        }
}

static void read_latents(MicaSearchWindow *win)
{
    const MicaSearchPicture *pic = win->picture;
    const Sizes s = sizes(win);
    for (int row = 0; row < win->h; row++)
        for (int col = 0; col < win->w; col++) {
            const int16_t *y = mica_plane_at(pic->y, win->x + col, win->y + row);
            const ptrdiff_t to = (ptrdiff_t)row * win->w + col;
            for (int c = 0; c < s.latents; c++)
                win->target[to * s.latents + c] = (float)y[c] * pic->step[c];
        }
}

/* The prediction does not change while latents are searched, so the integer networks tell. */
static void look_at_prediction(MicaSearchWindow *win)
{
    const MicaSearchPicture *pic = win->picture;
    const int channels = pic->network->config.features;
    const MicaPlane beside = {
        win->beside,
        channels,
        {2 * win->x, 2 * win->y, 2 * (win->x + win->w), 2 * (win->y + win->h)}};
    mica_condition_synthesis(pic->latents->runner, &beside);
}

static float *floats(size_t count)
{
    return mica_alloc(count, sizeof(float));
}

MicaStatus mica_search_window_create(MicaSearchWindow *win, const MicaSearchPicture *picture,
                                     MicaPool *pool, MicaRect rect, MicaError *error)
{
    const MicaGeometry *g = &picture->latents->runner->geometry;
    const MicaFloatNetwork *n = picture->network;
    memset(win, 0, sizeof *win);
    win->picture = picture;
    const MicaRect whole = picture->latents->grid->whole;
    win->x = rect.x0;
    win->y = rect.y0;
    win->w = mica_rect_width(&rect);
    win->h = mica_rect_height(&rect);
    win->mirror = (rect.x0 > whole.x0 ? MICA_MIRROR_LEFT : 0u) |
                  (rect.x1 < whole.x1 ? MICA_MIRROR_RIGHT : 0u) |
                  (rect.y0 > whole.y0 ? MICA_MIRROR_TOP : 0u) |
                  (rect.y1 < whole.y1 ? MICA_MIRROR_BOTTOM : 0u);
    win->coded_w = g->coded_w16 - win->x < win->w ? g->coded_w16 - win->x : win->w;
    win->coded_h = g->coded_h16 - win->y < win->h ? g->coded_h16 - win->y : win->h;
    const MicaStatus status =
        mica_float_runner_create(&win->runner, n, pool, win->w, win->h, error);
    if (status != MICA_OK)
        return status;
    const Sizes s = sizes(win);
    const size_t latents = s.pixels * (size_t)s.latents;
    win->features = floats(s.pixels * (size_t)(s.prior + s.latents));
    win->target = floats(latents);
    win->gradient = floats(latents);
    win->slope = floats(latents);
    win->by_residual = floats(latents);
    win->by_index = floats(latents);
    win->context = floats(s.pixels * (size_t)s.context);
    win->synthesis = floats(4 * s.pixels * (size_t)s.features);
    if (picture->prediction)
        win->beside = mica_alloc_zero(4 * s.pixels, (size_t)s.features * sizeof *win->beside);
    if (picture->restoration) {
        win->samples = mica_alloc(mica_sample_row_elements(2 * win->w), 4 * (size_t)win->h);
        win->restored = mica_alloc_zero(s.pixels, 16 * 16 * 3 * sizeof *win->restored);
        win->classes = mica_alloc_zero(s.pixels, 16);
        win->by_filtered = floats(mica_search_plane_elements(win->w, win->h));
        win->by_decoded =
            mica_alloc_zero(mica_search_plane_elements(win->w, win->h), sizeof *win->by_decoded);
    }
    win->row_loss = mica_alloc(4 * (size_t)win->h, sizeof *win->row_loss);
    const size_t context_mask = mica_float_mask_size(&n->context[0].block, s.pixels);
    const size_t synthesis_mask = mica_float_mask_size(&n->synthesis[0], 4 * s.pixels);
    win->masks = mica_alloc(
        MICA_CONTEXT_STEPS * context_mask + (size_t)n->config.synthesis * synthesis_mask, 1);
    if (!win->features || !win->target || !win->gradient || !win->slope || !win->by_residual ||
        !win->by_index || !win->context || !win->synthesis || !win->row_loss || !win->masks ||
        (picture->prediction && !win->beside) ||
        (picture->restoration && (!win->samples || !win->restored || !win->classes ||
                                  !win->by_filtered || !win->by_decoded))) {
        mica_search_window_free(win);
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the search");
    }
    for (int k = 0; k < MICA_CONTEXT_STEPS; k++)
        win->context_mask[k] = win->masks + (size_t)k * context_mask;
    for (int i = 0; i < n->config.synthesis; i++)
        win->synthesis_mask[i] =
            win->masks + MICA_CONTEXT_STEPS * context_mask + (size_t)i * synthesis_mask;
    if (win->beside)
        look_at_prediction(win);
    mica_search_window_read_prior(win);
    read_latents(win);
    return MICA_OK;
}

void mica_search_window_free(MicaSearchWindow *win)
{
    mica_float_runner_free(&win->runner);
    mica_free(win->features);
    mica_free(win->target);
    mica_free(win->gradient);
    mica_free(win->slope);
    mica_free(win->by_residual);
    mica_free(win->by_index);
    mica_free(win->context);
    mica_free(win->synthesis);
    mica_free(win->beside);
    mica_free(win->samples);
    mica_free(win->restored);
    mica_free(win->classes);
    mica_free(win->by_filtered);
    mica_free(win->by_decoded);
    mica_free(win->row_loss);
    mica_free(win->masks);
    memset(win, 0, sizeof *win);
}

typedef struct StepJob {
    MicaSearchWindow *window;
    int step;
} StepJob;

/* A job of a step takes the positions of one phase in one row. */
typedef struct PhaseRow {
    int y, x0, group, count;
    ptrdiff_t first; /* position */
} PhaseRow;

static PhaseRow phase_row(const MicaSearchWindow *win, int step, int index)
{
    const int rows = win->h / 2, phase = index / rows;
    PhaseRow r = {.y = 2 * (index % rows) + (phase >> 1), .x0 = phase & 1, .count = win->w / 2};
    r.group = mica_step_group(step, phase);
    r.first = (ptrdiff_t)r.y * win->w + r.x0;
    return r;
}

/* Derivatives of a latent that is not coded: it follows its mean. */
static const MicaRelaxed not_coded;

static MicaRelaxed relax(const MicaSearchWindow *win, float residual, int shape, float scale)
{
    const MicaBitTable *bits = win->picture->bits;
    switch (win->rounding) {
    case MICA_ROUND_HARD:
    case MICA_ROUND_TRACED:
        return mica_round(bits, residual, shape, scale);
    case MICA_ROUND_NOT:
        return mica_not_rounded(bits, residual, shape, scale);
    default:
        return mica_relax(bits, residual, shape, scale, win->relaxation);
    }
}

/* Keep what the neighbours of a symbol cost. */
static void trace(MicaSearchWindow *win, ptrdiff_t at, int symbol, int shape, float scale)
{
    const MicaStepBits bits = mica_step_bits(win->picture->bits, symbol, shape, scale);
    win->slope[at] = 1;
    win->by_residual[at] = bits.down;
    win->by_index[at] = bits.up;
}

static void head_row(void *context, int index, int thread)
{
    const StepJob *j = context;
    MicaSearchWindow *win = j->window;
    const MicaSearchPicture *pic = win->picture;
    const Sizes s = sizes(win);
    const PhaseRow r = phase_row(win, j->step, index);
    const int first = r.group * s.quarter, stride = s.prior + s.latents;
    float *out = mica_float_runner_scratch(&win->runner, thread);
    pic->network->kernels.product(&pic->network->context[j->step].head[r.group].forward,
                                  win->context + r.first * s.context, 2 * s.context, out,
                                  2 * s.quarter, (size_t)r.count, 0);
    const uint8_t *shape = pic->latents->runner->network->y_shape + first;
    const int16_t *offset = pic->latents->offset + first;
    const float *step = pic->step + first;
    double bits = 0;
    for (int i = 0; i < r.count; i++, out += 2 * s.quarter) {
        const ptrdiff_t position = r.first + 2 * i, at = position * s.latents + first;
        const int inside = r.y < win->coded_h && 2 * i + r.x0 < win->coded_w;
        float *d = win->features + position * stride + s.prior + first;
        for (int c = 0; c < s.quarter; c++) {
            const float mean = out[c] * step[c];
            const float scale = (out[s.quarter + c] + (float)offset[c]) * (1.0f / 64);
            const float residual = win->target[at + c] - mean;
            const int coded = inside && scale >= (float)pic->skip - 0.5f;
            MicaRelaxed v = not_coded;
            if (coded)
                v = relax(win, residual, shape[c], scale);
            win->slope[at + c] = v.slope;
            win->by_residual[at + c] = v.bits_by_residual;
            win->by_index[at + c] = scale > 0.0f && scale < 63.0f ? v.bits_by_index : 0.0f;
            if (coded && win->rounding == MICA_ROUND_TRACED)
                trace(win, at + c, (int)v.value, shape[c], scale);
            bits += (double)v.bits;
            d[c] = (v.value + mean) / step[c];
        }
    }
    /* Each phase row of each step has its own place. */
    win->row_loss[2 * win->h + (index % (win->h / 2)) * 4 + index / (win->h / 2)] += bits;
}

double mica_search_forward(MicaSearchWindow *win, MicaRoundingMode rounding)
{
    const MicaFloatNetwork *n = win->picture->network;
    const Sizes s = sizes(win);
    const int stride = s.prior + s.latents, soft = rounding != MICA_ROUND_HARD;
    win->rounding = rounding;
    memset(win->row_loss, 0, 4 * (size_t)win->h * sizeof *win->row_loss);
    for (size_t i = 0; i < s.pixels; i++)
        memset(win->features + i * (size_t)stride + s.prior, 0,
               (size_t)s.latents * sizeof *win->features);
    for (int k = 0; k < MICA_CONTEXT_STEPS; k++) {
        mica_float_pointwise(&win->runner, &n->context[k].enter.forward, win->features, stride,
                             win->context, s.context, win->w, win->h, 0);
        mica_float_block(&win->runner, &n->context[k].block, win->context, win->w, win->h,
                         soft ? win->context_mask[k] : NULL, win->mirror);
        StepJob job = {.window = win, .step = k};
        mica_pool_run(win->runner.pool, 4 * (win->h / 2), head_row, &job);
    }
    mica_float_up(&win->runner, &n->from_latent, win->features + s.prior, stride, win->synthesis,
                  win->w, win->h);
    for (size_t i = 0; win->beside && i < 4 * s.pixels * (size_t)s.features; i++)
        win->synthesis[i] += win->beside[i];
    for (int i = 0; i < n->config.synthesis; i++)
        mica_float_block(&win->runner, &n->synthesis[i], win->synthesis, 2 * win->w, 2 * win->h,
                         soft ? win->synthesis_mask[i] : NULL, 0);
    mica_search_compare(win);
    double loss = 0;
    for (int i = 0; i < 4 * win->h; i++)
        loss += win->row_loss[i];
    return loss;
}

double mica_search_relaxed(MicaSearchWindow *win, MicaRelaxation relaxation)
{
    win->relaxation = relaxation;
    return mica_search_forward(win, MICA_ROUND_RELAXED);
}

/* The gradient of the latents of a step, which later steps and the synthesis have left in
 * `gradient` in units of y: what it means for the target, the mean and the scale. */
static void head_back_row(void *context, int index, int thread)
{
    const StepJob *j = context;
    MicaSearchWindow *win = j->window;
    const MicaSearchPicture *pic = win->picture;
    const Sizes s = sizes(win);
    const PhaseRow r = phase_row(win, j->step, index);
    const int first = r.group * s.quarter;
    float *out = mica_float_runner_scratch(&win->runner, thread), *o = out;
    const float *step = pic->step + first;
    for (int i = 0; i < r.count; i++, o += 2 * s.quarter) {
        const ptrdiff_t at = (r.first + 2 * i) * s.latents + first;
        for (int c = 0; c < s.quarter; c++) {
            const float g = win->gradient[at + c] / step[c];
            const float by_target = g * win->slope[at + c] + win->by_residual[at + c];
            win->gradient[at + c] = by_target;
            o[c] = (g - by_target) * step[c];
            o[s.quarter + c] = win->by_index[at + c] * (1.0f / 64);
        }
    }
    pic->network->kernels.product(&pic->network->context[j->step].head[r.group].backward, out,
                                  2 * s.quarter, win->context + r.first * s.context, 2 * s.context,
                                  (size_t)r.count, 0);
}

static void enter_back_row(void *context, int row, int thread)
{
    const StepJob *j = context;
    MicaSearchWindow *win = j->window;
    const MicaFloatNetwork *n = win->picture->network;
    const Sizes s = sizes(win);
    float *out = mica_float_runner_scratch(&win->runner, thread);
    const ptrdiff_t first = (ptrdiff_t)row * win->w;
    const MicaFloatProduct *enter = &n->context[j->step].enter.backward;
    const int inputs = enter->outputs; /* hyper features, then latents but for step 0 */
    n->kernels.product(enter, win->context + first * s.context, s.context, out, inputs,
                       (size_t)win->w, 0);
    for (int x = 0; win->prior_gradient && x < win->w; x++)
        for (int c = 0; c < s.prior; c++)
            win->prior_gradient[(first + x) * s.prior + c] += out[(ptrdiff_t)x * inputs + c];
    /* Only what earlier steps decoded was there when this step ran. */
    for (int x = 0; x < win->w; x++) {
        const float *latents = out + (ptrdiff_t)x * inputs + s.prior;
        const int phase = (row & 1) * 2 + (x & 1);
        for (int k = 0; k < j->step; k++) {
            const int group = mica_step_group(k, phase);
            float *g = win->gradient + (first + x) * s.latents + group * s.quarter;
            for (int c = 0; c < s.quarter; c++)
                g[c] += latents[group * s.quarter + c];
        }
    }
}

/* From the pixels to the decoded latents, in units of y. */
static void synthesis_back(MicaSearchWindow *win)
{
    const MicaFloatNetwork *n = win->picture->network;
    for (int i = n->config.synthesis - 1; i >= 0; i--)
        mica_float_block_back(&win->runner, &n->synthesis[i], win->synthesis, 2 * win->w,
                              2 * win->h, win->synthesis_mask[i]);
    mica_float_up_back(&win->runner, &n->from_latent, win->synthesis, win->gradient, win->w,
                       win->h);
}

void mica_search_error_gradient(MicaSearchWindow *win)
{
    const Sizes s = sizes(win);
    synthesis_back(win);
    float *g = win->gradient;
    for (size_t i = 0; i < s.pixels; i++)
        for (int c = 0; c < s.latents; c++)
            *g++ /= win->picture->step[c];
}

void mica_search_backward(MicaSearchWindow *win)
{
    const MicaFloatNetwork *n = win->picture->network;
    const Sizes s = sizes(win);
    synthesis_back(win);
    if (win->prior_gradient)
        memset(win->prior_gradient, 0, s.pixels * (size_t)s.prior * sizeof *win->prior_gradient);
    for (int k = MICA_CONTEXT_STEPS - 1; k >= 0; k--) {
        StepJob job = {.window = win, .step = k};
        mica_pool_run(win->runner.pool, 4 * (win->h / 2), head_back_row, &job);
        if (k == 0 && !win->prior_gradient)
            break;
        mica_float_block_back(&win->runner, &n->context[k].block, win->context, win->w, win->h,
                              win->context_mask[k]);
        mica_pool_run(win->runner.pool, win->h, enter_back_row, &job);
    }
}
