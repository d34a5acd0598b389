#include "codec/enc_sweep.h"

#include "codec/base/diag.h"
#include "codec/base/mem.h"

/* Steps are predicted one by one and taken together, so those that gain little would lose in sum:
 * the least gain, in bits. */
#define LEAST_GAIN 2.0f

/* A larger symbol is worth more than its own error: it also tells the contexts of its neighbours.
 * So bits are priced lower, as in enc_rounding.c. */
#define PRICE 0.8f

/* Latents of a typical channel that the estimate of each channel's curvature begins with. */
#define PRIOR_COUNT 20.0
#define PRIOR_ERROR (1.0 / 12) /* mean squared, of a uniform quantiser */

/* The decoded latent, in quantiser steps. */
static float decoded(const MicaSearchWindow *win, size_t position, int c)
{
    const MicaNetworkConfig *n = &win->picture->network->config;
    const size_t stride = (size_t)(n->prior + n->latents);
    return win->features[position * stride + (size_t)(n->prior + c)] * win->picture->step[c];
}

/*
 * Half the second derivative of the loss by a latent of each channel. With gradient g and rounding
 * error e, E[g e] is the second derivative times E[e^2]: what the errors of other latents add to g
 * is independent of e.
 */
static void estimate_curvature(const MicaSearchWindow *win, double *work, float *half)
{
    const int channels = win->picture->network->config.latents;
    const size_t positions = (size_t)win->w * (size_t)win->h;
    double *product = work, *square = work + channels, all_products = 0, all_squares = 1e-9;
    for (int c = 0; c < channels; c++)
        product[c] = square[c] = 0;
    for (size_t p = 0; p < positions; p++)
        for (int c = 0; c < channels; c++) {
            const size_t at = p * (size_t)channels + (size_t)c;
            if (win->slope[at] == 0.0f) /* not coded */
                continue;
            const double e = (double)decoded(win, p, c) - (double)win->target[at];
            product[c] += (double)win->gradient[at] * e;
            square[c] += e * e;
        }
    for (int c = 0; c < channels; c++) {
        all_products += product[c];
        all_squares += square[c];
    }
    const double mean = all_products / all_squares, prior = PRIOR_COUNT * PRIOR_ERROR;
    for (int c = 0; c < channels; c++) {
        const double own = (product[c] + prior * mean) / (square[c] + prior);
        half[c] = (float)(0.5 * (own > 0.1 * mean ? own : 0.1 * mean));
    }
}

typedef struct SweepJob {
    MicaSearchWindow *window;
    const float *half; /* curvature of each channel */
} SweepJob;

static void step_row(void *context, int row, int thread)
{
    const SweepJob *j = context;
    MicaSearchWindow *win = j->window;
    const int channels = win->picture->network->config.latents;
    (void)thread;
    for (int x = 0; x < win->w; x++) {
        const size_t position = (size_t)row * (size_t)win->w + (size_t)x;
        for (int c = 0; c < channels; c++) {
            const size_t at = position * (size_t)channels + (size_t)c;
            if (win->slope[at] == 0.0f)
                continue;
            const float g = win->gradient[at];
            const float up = g + j->half[c] + PRICE * win->by_index[at];
            const float down = -g + j->half[c] + PRICE * win->by_residual[at];
            if ((up < down ? up : down) < -LEAST_GAIN)
                win->target[at] = decoded(win, position, c) + (up < down ? 1.0f : -1.0f);
        }
    }
}

MicaStatus mica_search_sweep(MicaSearchWindow *win, int count, MicaError *error)
{
    const size_t channels = (size_t)win->picture->network->config.latents;
    double *work = mica_alloc(2 * channels, sizeof *work);
    float *half = mica_alloc(channels, sizeof *half);
    const int failed = !work || !half;
    for (int i = 0; i < count && !failed; i++) {
        mica_search_forward(win, MICA_ROUND_TRACED);
        mica_search_error_gradient(win);
        if (i == 0)
            estimate_curvature(win, work, half);
        SweepJob job = {.window = win, .half = half};
        mica_pool_run(win->runner.pool, win->h, step_row, &job);
    }
    mica_free(work);
    mica_free(half);
    return failed ? mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the search")
                  : MICA_OK;
}
