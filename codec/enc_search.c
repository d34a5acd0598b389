#include "codec/enc_search.h"

#include <math.h>
#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/enc_search_window.h"
#include "codec/enc_sweep.h"

/* The Lagrangian that a quality stands for, as tools/train trains it: lambda (MSE on 0..255 per
 * sample) rises from LAMBDA_LOW to LAMBDA_HIGH geometrically. */
#define LAMBDA_LOW 0.0005f
#define LAMBDA_RATIO_LOG 6.3969297f /* ln(0.3 / 0.0005) */

/* Measured on photographs at 20 to 200 iterations. */
#define RATE 0.08f    /* of Adam, in quantiser steps */
#define RATE_END 0.1f /* of the first rate */
#define HOT 1.0f      /* temperatures */
#define COLD 0.2f
#define MOMENT1 0.8f
#define MOMENT2 0.95f

MicaSearchSchedule mica_search_schedule(int effort)
{
    static const MicaSearchSchedule schedules[10] = {
        [3] = {0, 1},  [4] = {0, 2},   [5] = {0, 6},    [6] = {30, 4},
        [7] = {60, 6}, [8] = {120, 8}, [9] = {300, 10},
    };
    return schedules[effort < 0 || effort > 9 ? 0 : effort];
}

int mica_search_is_idle(MicaSearchSchedule schedule)
{
    return schedule.iterations == 0 && schedule.sweeps == 0;
}

typedef struct Adam {
    MicaSearchWindow *window;
    float *mean, *square; /* moving averages of the gradient */
    float rate, correction1, correction2;
    size_t row; /* latents in a row */
} Adam;

static void adam_row(void *context, int index, int thread)
{
    const Adam *a = context;
    const size_t first = (size_t)index * a->row;
    float *target = a->window->target + first, *mean = a->mean + first;
    float *square = a->square + first;
    const float *g = a->window->gradient + first;
    (void)thread;
    for (size_t i = 0; i < a->row; i++) {
        mean[i] = MOMENT1 * mean[i] + (1.0f - MOMENT1) * g[i];
        square[i] = MOMENT2 * square[i] + (1.0f - MOMENT2) * (g[i] * g[i]);
        const float m = mean[i] * a->correction1, v = square[i] * a->correction2;
        target[i] -= a->rate * m / (sqrtf(v) + 1e-12f);
    }
}

static MicaStatus descend(MicaSearchWindow *win, int iterations, MicaError *error)
{
    const size_t row = (size_t)win->w * (size_t)win->picture->network->config.latents;
    const size_t count = row * (size_t)win->h;
    Adam a = {.window = win, .row = row};
    a.mean = mica_alloc_zero(count, sizeof *a.mean);
    a.square = mica_alloc_zero(count, sizeof *a.square);
    MicaStatus status = MICA_OK;
    if (!a.mean || !a.square)
        status = mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the search");
    const float cooling = mica_log(COLD / HOT);
    float power1 = 1, power2 = 1;
    for (int i = 0; i < iterations && status == MICA_OK; i++) {
        const float x = iterations > 1 ? (float)i / (float)(iterations - 1) : 0.0f;
        mica_search_forward(win, MICA_ROUND_RELAXED, HOT * mica_exp(cooling * x), (uint32_t)i + 1);
        mica_search_backward(win);
        power1 *= MOMENT1;
        power2 *= MOMENT2;
        a.correction1 = 1.0f / (1.0f - power1);
        a.correction2 = 1.0f / (1.0f - power2);
        a.rate = RATE * (RATE_END + (1.0f - RATE_END) * (1.0f - x * x * (3.0f - 2.0f * x)));
        mica_pool_run(win->runner.pool, win->h, adam_row, &a);
    }
    mica_free(a.mean);
    mica_free(a.square);
    return status;
}

static void keep(const MicaSearchWindow *win, const MicaPlane *y)
{
    const int prior = win->picture->network->config.prior;
    const int m = win->picture->network->config.latents;
    for (int row = 0; row < win->h; row++)
        for (int col = 0; col < win->w; col++) {
            const float *d = win->features + ((ptrdiff_t)row * win->w + col) * (prior + m) + prior;
            int16_t *to = mica_plane_at(y, win->x + col, win->y + row);
            for (int c = 0; c < m; c++) {
                const float v = d[c] < -32767.0f ? -32767.0f : d[c] > 32767.0f ? 32767.0f : d[c];
                to[c] = (int16_t)(v + (v < 0 ? -0.5f : 0.5f));
            }
        }
}

static MicaStatus search_segment(const MicaSearchPicture *picture, MicaPool *pool, MicaRect rect,
                                 MicaSearchSchedule schedule, const MicaPlane *y, MicaError *error)
{
    MicaSearchWindow window;
    MicaStatus status = mica_search_window_create(&window, picture, pool, rect, error);
    if (status != MICA_OK)
        return status;
    if (schedule.iterations > 0)
        status = descend(&window, schedule.iterations, error);
    if (status == MICA_OK)
        status = mica_search_sweep(&window, schedule.sweeps, error);
    if (status == MICA_OK) {
        mica_search_forward(&window, MICA_ROUND_HARD, 0, 0);
        keep(&window, y);
    }
    mica_search_window_free(&window);
    return status;
}

static MicaStatus search_row(const MicaSearchPicture *picture, MicaPool *pool,
                             MicaSearchSchedule schedule, const MicaPlane *y, MicaError *error)
{
    const MicaLatents *l = picture->latents;
    const int row = l->rect.y0 / l->grid->segment_height;
    const int first = l->rect.x0 / l->grid->segment_width;
    MicaStatus status = MICA_OK;
    for (int i = first; i < first + l->segments && status == MICA_OK; i++)
        status = search_segment(picture, pool, mica_grid_rect(l->grid, i, i + 1, row), schedule, y,
                                error);
    return status;
}

MicaStatus mica_search_latents(const MicaSession *session, const MicaLatents *latents,
                               const MicaSearchPlan *plan, int skip, const MicaPlane *y,
                               MicaError *error)
{
    const MicaNetwork *n = session->network;
    const int quality = latents->quality, m = n->config.latents, f = n->config.features;
    MicaFloatNetwork *network;
    MicaStatus status = mica_float_network_create(&network, mica_model_file(session->model),
                                                  session->cpu_flags, error);
    if (status != MICA_OK)
        return status;
    const float position = (float)quality / (float)MICA_MAX_QUALITY;
    const float lambda = LAMBDA_LOW * mica_exp(LAMBDA_RATIO_LOG * position);
    MicaSearchPicture picture = {.network = network,
                                 .latents = latents,
                                 .image = plan->image,
                                 .y = y,
                                 .skip = skip,
                                 .lambda = lambda / 3.0f / (float)plan->frugality};
    MicaBitTable *bits = mica_alloc(1, sizeof *bits);
    picture.step = mica_alloc((size_t)m, sizeof *picture.step);
    picture.head_gain = mica_alloc((size_t)f, sizeof *picture.head_gain);
    if (bits && picture.step && picture.head_gain) {
        mica_bit_table_init(bits, session->tables);
        picture.bits = bits;
        mica_float_gains(n->y_gain, m, quality, 1, picture.step);
        for (int c = 0; c < m; c++)
            picture.step[c] *= 1.0f / 16; /* latents are in 1/16 of the quantiser step */
        mica_float_gains(n->head_gain, f, quality, 1, picture.head_gain);
        status = search_row(&picture, session->pool, plan->schedule, y, error);
    } else {
        status = mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the search");
    }
    mica_free(bits);
    mica_free(picture.step);
    mica_free(picture.head_gain);
    mica_float_network_destroy(&network);
    return status;
}
