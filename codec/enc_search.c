#include "codec/enc_search.h"

#include <math.h>
#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/enc_search_hyper.h"
#include "codec/enc_search_window.h"
#include "codec/enc_sweep.h"

/* The Lagrangian that a quality stands for, as tools/train trains it: lambda (MSE on 0..255 per
 * sample) rises from LAMBDA_LOW to LAMBDA_HIGH geometrically. */
#define LAMBDA_LOW 0.0005f
#define LAMBDA_RATIO_LOG 6.3969297f /* ln(0.3 / 0.0005) */

/* Measured on photographs at 30 to 250 iterations. */
#define RATE 0.2f     /* of Adam, in quantiser steps */
#define RATE_END 0.1f /* of the first rate */
#define HOT 0.7f      /* temperatures */
#define COLD 0.2f
/* Bits for the variance of a choice. Half the second derivative of the loss is 7 to 10
 * (docs/training.md); for less, latents first find where they belong as real numbers. */
#define FREE 1.0f
#define BOUND 10.0f
/* Strength of the restoration filter that the search expects; the picture's own is chosen
 * afterwards. */
#define RESTORATION 8

#define HYPER_RATE (0.6f * RATE)
#define HYPER_SHARE 0.6f /* of the iterations: z cools in them and is settled */
#define MOMENT1 0.8f
#define MOMENT2 0.95f

MicaSearchSchedule mica_search_schedule(int effort, int predicted)
{
    static const MicaSearchSchedule alone[10] = {
        [2] = {1, 0, 0},  [3] = {4, 0, 0},  [4] = {8, 0, 0},   [5] = {2, 8, 4},
        [6] = {2, 30, 8}, [7] = {2, 60, 8}, [8] = {2, 120, 8}, [9] = {2, 250, 10},
    };
    static const MicaSearchSchedule after_others[10] = {
        [3] = {0, 0, 2}, [4] = {0, 0, 4}, [5] = {0, 0, 8},  [6] = {0, 0, 8},
        [7] = {0, 0, 8}, [8] = {0, 0, 8}, [9] = {0, 0, 10},
    };
    return (predicted ? after_others : alone)[effort < 0 || effort > 9 ? 0 : effort];
}

int mica_search_is_idle(MicaSearchSchedule schedule)
{
    return schedule.iterations == 0 && schedule.sweeps == 0;
}

/* One tensor that is moved against its gradient. */
typedef struct Adam {
    float *target;
    const float *gradient;
    float *mean, *square; /* moving averages of the gradient */
    float rate, correction1, correction2;
    size_t row; /* elements of a job */
    int rows;
} Adam;

static int adam_create(Adam *a, float *target, const float *gradient, int rows, size_t row)
{
    *a = (Adam){.target = target, .gradient = gradient, .rows = rows, .row = row};
    a->mean = mica_alloc_zero((size_t)rows * row, sizeof *a->mean);
    a->square = mica_alloc_zero((size_t)rows * row, sizeof *a->square);
    return a->mean && a->square;
}

static void adam_free(Adam *a)
{
    mica_free(a->mean);
    mica_free(a->square);
}

static void adam_row(void *context, int index, int thread)
{
    const Adam *a = context;
    const size_t first = (size_t)index * a->row;
    float *target = a->target + first, *mean = a->mean + first, *square = a->square + first;
    const float *g = a->gradient + first;
    (void)thread;
    for (size_t i = 0; i < a->row; i++) {
        mean[i] = MOMENT1 * mean[i] + (1.0f - MOMENT1) * g[i];
        square[i] = MOMENT2 * square[i] + (1.0f - MOMENT2) * (g[i] * g[i]);
        const float m = mean[i] * a->correction1, v = square[i] * a->correction2;
        target[i] -= a->rate * m / (sqrtf(v) + 1e-12f);
    }
}

/* What a descent has come to. */
typedef struct Progress {
    float share;          /* of the iterations that are done */
    float power1, power2; /* of the moments */
} Progress;

static void adam_step(Adam *a, float rate, const Progress *p, MicaPool *pool)
{
    const float x = p->share;
    a->correction1 = 1.0f / (1.0f - p->power1);
    a->correction2 = 1.0f / (1.0f - p->power2);
    a->rate = rate * (RATE_END + (1.0f - RATE_END) * (1.0f - x * x * (3.0f - 2.0f * x)));
    mica_pool_run(pool, a->rows, adam_row, a);
}

/* What is searched, and how. */
typedef struct Task {
    const MicaSearchPicture *picture;
    MicaPool *pool;
    MicaSearchSchedule schedule;
    MicaLatents *latents;
    const MicaPlane *y, *z;
} Task;

/* When `share` of the time is over. */
static MicaRelaxation relaxation(float share)
{
    return (MicaRelaxation){HOT * mica_exp(mica_log(COLD / HOT) * share),
                            FREE + (BOUND - FREE) * share};
}

/* With the hyper latents, until they are settled; `hyper` is NULL where they stay as they are. */
static MicaStatus descend(const Task *t, MicaSearchWindow *win, MicaSearchHyper *hyper,
                          MicaError *error)
{
    const MicaNetworkConfig *c = &win->picture->network->config;
    const int iterations = t->schedule.iterations;
    Adam y, z = {.rows = 0};
    int ready =
        adam_create(&y, win->target, win->gradient, win->h, (size_t)win->w * (size_t)c->latents);
    if (hyper)
        ready &= adam_create(&z, hyper->target, hyper->gradient, hyper->h,
                             (size_t)hyper->w * (size_t)c->hyper);
    Progress p = {0, 1, 1};
    for (int i = 0; i < iterations && ready; i++) {
        p.share = (float)i / (float)iterations;
        p.power1 *= MOMENT1;
        p.power2 *= MOMENT2;
        if (hyper && p.share < HYPER_SHARE) {
            mica_search_hyper_expect(hyper);
            mica_search_hyper_forward(hyper, relaxation(p.share / HYPER_SHARE));
        } else if (hyper) {
            mica_search_hyper_settle(hyper, t->z, t->latents);
            hyper = NULL;
        }
        mica_search_relaxed(win, relaxation(p.share));
        mica_search_backward(win);
        adam_step(&y, RATE, &p, t->pool);
        if (hyper) {
            mica_search_hyper_backward(hyper);
            adam_step(&z, HYPER_RATE, &p, t->pool);
        }
    }
    if (hyper)
        mica_search_hyper_settle(hyper, t->z, t->latents);
    adam_free(&y);
    adam_free(&z);
    return ready ? MICA_OK : mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the search");
}

static MicaStatus descend_with_hyper(const Task *t, MicaSearchWindow *win, MicaError *error)
{
    MicaSearchHyper hyper;
    MicaStatus status = mica_search_hyper_create(&hyper, win, t->z, error);
    if (status != MICA_OK)
        return status;
    status = descend(t, win, &hyper, error);
    mica_search_hyper_free(&hyper);
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

static MicaStatus search_segment(const Task *t, MicaRect rect, MicaError *error)
{
    const int whole = t->latents->grid->columns * t->latents->grid->rows == 1;
    MicaSearchWindow window;
    MicaStatus status = mica_search_window_create(&window, t->picture, t->pool, rect, error);
    if (status != MICA_OK)
        return status;
    if (t->schedule.iterations > 0)
        status = whole ? descend_with_hyper(t, &window, error) : descend(t, &window, NULL, error);
    if (status == MICA_OK)
        status = mica_search_sweep(&window, t->schedule.sweeps, error);
    if (status == MICA_OK) {
        mica_search_forward(&window, MICA_ROUND_HARD);
        keep(&window, t->y);
    }
    mica_search_window_free(&window);
    return status;
}

static MicaStatus search_row(const Task *t, MicaError *error)
{
    const MicaLatents *l = t->latents;
    const int row = l->rect.y0 / l->grid->segment_height;
    const int first = l->rect.x0 / l->grid->segment_width;
    MicaStatus status = MICA_OK;
    for (int i = first; i < first + l->segments && status == MICA_OK; i++)
        status = search_segment(t, mica_grid_rect(l->grid, i, i + 1, row), error);
    return status;
}

MicaStatus mica_search_latents(const MicaSession *session, MicaLatents *latents,
                               const MicaSearchPlan *plan, int skip, const MicaPlane *y,
                               const MicaPlane *z, MicaError *error)
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
                                 .prediction = plan->prediction,
                                 .y = y,
                                 .skip = skip,
                                 .restoration = n->config.restoration ? RESTORATION : 0,
                                 .lambda = lambda / 3.0f / (float)plan->frugality};
    MicaBitTable *bits = mica_alloc(2, sizeof *bits);
    picture.step = mica_alloc((size_t)m, sizeof *picture.step);
    picture.head_gain = mica_alloc((size_t)f, sizeof *picture.head_gain);
    if (bits && picture.step && picture.head_gain) {
        mica_bit_table_init(&bits[0], session->network->y_tables);
        mica_bit_table_init(&bits[1], session->network->tables);
        picture.bits = &bits[0];
        picture.hyper_bits = &bits[1];
        mica_float_gains(n->y_gain, m, quality, 1, picture.step);
        for (int c = 0; c < m; c++)
            picture.step[c] *= 1.0f / 16; /* latents are in 1/16 of the quantiser step */
        mica_float_gains(n->head_gain, f, quality, 1, picture.head_gain);
        const Task task = {&picture, session->pool, plan->schedule, latents, y, z};
        status = search_row(&task, error);
    } else {
        status = mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the search");
    }
    mica_free(bits);
    mica_free(picture.step);
    mica_free(picture.head_gain);
    mica_float_network_destroy(&network);
    return status;
}
