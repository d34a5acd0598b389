#include "codec/enc_search_hyper.h"

#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"

static const MicaNetwork *integer_network(const MicaSearchHyper *hyper)
{
    return hyper->window->picture->latents->runner->network;
}

static size_t symbols_of(const MicaSearchHyper *hyper)
{
    return (size_t)hyper->w * (size_t)hyper->h *
           (size_t)hyper->window->picture->network->config.hyper;
}

/* Dequantisation, gains and models at the quality of the picture. */
static void set_up_channels(MicaSearchHyper *hyper)
{
    const MicaNetwork *n = integer_network(hyper);
    const int quality = hyper->window->picture->latents->quality, channels = n->config.hyper;
    mica_float_gains(n->z_gain, channels, quality, -1, hyper->unit);
    mica_float_gains(n->prior_gain, n->config.prior, quality, 1, hyper->gain);
    for (int c = 0; c < channels; c++)
        hyper->unit[c] *= 16; /* of a sixteenth */
    mica_hyper_context_init(&hyper->context, n, quality);
}

MicaStatus mica_search_hyper_create(MicaSearchHyper *hyper, MicaSearchWindow *window,
                                    const MicaPlane *z, MicaError *error)
{
    const MicaFloatNetwork *n = window->picture->network;
    const size_t channels = (size_t)n->config.hyper, prior = (size_t)n->config.prior;
    *hyper = (MicaSearchHyper){
        .window = window, .w = mica_rect_width(&z->rect), .h = mica_rect_height(&z->rect)};
    const size_t positions = (size_t)hyper->w * (size_t)hyper->h, symbols = symbols_of(hyper);
    hyper->target = mica_alloc(symbols, 5 * sizeof *hyper->target);
    hyper->unit = mica_alloc(channels + prior, sizeof *hyper->unit);
    hyper->index = mica_alloc(symbols, 1);
    hyper->known = *z;
    hyper->known.data = mica_alloc(symbols, sizeof *hyper->known.data);
    hyper->wide = mica_alloc(4 * symbols, sizeof *hyper->wide);
    hyper->features = mica_alloc(16 * positions * prior, sizeof *hyper->features);
    const size_t mask0 = mica_float_mask_size(&n->prior_block0, 4 * positions);
    hyper->mask0 = mica_alloc(mask0 + mica_float_mask_size(&n->prior_block1, 16 * positions), 1);
    window->prior_gradient = mica_alloc(16 * positions * prior, sizeof *window->prior_gradient);
    if (!hyper->target || !hyper->unit || !hyper->index || !hyper->known.data || !hyper->wide ||
        !hyper->features || !hyper->mask0 || !window->prior_gradient) {
        mica_search_hyper_free(hyper);
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the search");
    }
    hyper->gradient = hyper->target + symbols;
    hyper->slope = hyper->gradient + symbols;
    hyper->by_residual = hyper->slope + symbols;
    hyper->mean = hyper->by_residual + symbols;
    hyper->gain = hyper->unit + channels;
    hyper->mask1 = hyper->mask0 + mask0;
    set_up_channels(hyper);
    for (size_t i = 0; i < symbols; i++)
        hyper->target[i] = (float)z->data[i] * (1.0f / 16);
    return MICA_OK;
}

void mica_search_hyper_free(MicaSearchHyper *hyper)
{
    if (hyper->window) {
        mica_free(hyper->window->prior_gradient);
        hyper->window->prior_gradient = NULL;
    }
    mica_free(hyper->target);
    mica_free(hyper->unit);
    mica_free(hyper->index);
    mica_free(hyper->known.data);
    mica_free(hyper->wide);
    mica_free(hyper->features);
    mica_free(hyper->mask0);
    memset(hyper, 0, sizeof *hyper);
}

static int16_t sixteenths(float v)
{
    const float limited = v < -2047.0f ? -2047.0f : v > 2047.0f ? 2047.0f : v;
    return (int16_t)(limited * 16.0f + (limited < 0 ? -0.5f : 0.5f));
}

void mica_search_hyper_expect(MicaSearchHyper *hyper)
{
    const int channels = integer_network(hyper)->config.hyper;
    const size_t symbols = symbols_of(hyper);
    MicaHyperModels models;
    MicaHyperGroup group;
    for (size_t i = 0; i < symbols; i++)
        hyper->known.data[i] = sixteenths(hyper->target[i]);
    MicaHyperWalk walk = mica_hyper_walk(&hyper->context, &hyper->known, 0, hyper->h);
    while (mica_hyper_next(&walk, &group)) {
        mica_hyper_context(&hyper->context, &hyper->known, &group, &models);
        for (int i = 0; i < group.count; i++) {
            const ptrdiff_t at = mica_hyper_group_at(&group, &hyper->known, i) - hyper->known.data;
            memcpy(hyper->index + at, models.scale + i * channels, (size_t)channels);
            for (int c = 0; c < channels; c++)
                hyper->mean[at + c] = (float)models.mean[i * channels + c] * (1.0f / 16);
        }
    }
}

void mica_search_hyper_forward(MicaSearchHyper *hyper, MicaRelaxation relaxation)
{
    MicaSearchWindow *win = hyper->window;
    const MicaFloatNetwork *n = win->picture->network;
    const uint8_t *shape = integer_network(hyper)->z_shape;
    const int channels = n->config.hyper, prior = n->config.prior;
    const size_t symbols = symbols_of(hyper), stride = (size_t)(prior + n->config.latents);
    float *z = hyper->gradient; /* not needed before the way back */
    for (size_t i = 0; i < symbols; i++) {
        const int c = (int)(i % (size_t)channels);
        const MicaRelaxed v =
            mica_relax(win->picture->hyper_bits, hyper->target[i] - hyper->mean[i], shape[c],
                       hyper->index[i], relaxation);
        hyper->slope[i] = v.slope;
        hyper->by_residual[i] = v.bits_by_residual;
        z[i] = (hyper->mean[i] + v.value) * hyper->unit[c];
    }
    mica_float_up(&win->runner, &n->prior_up0, z, channels, hyper->wide, hyper->w, hyper->h);
    mica_float_block(&win->runner, &n->prior_block0, hyper->wide, 2 * hyper->w, 2 * hyper->h,
                     hyper->mask0, 0);
    mica_float_up(&win->runner, &n->prior_up1, hyper->wide, channels, hyper->features, 2 * hyper->w,
                  2 * hyper->h);
    mica_float_block(&win->runner, &n->prior_block1, hyper->features, win->w, win->h, hyper->mask1,
                     0);
    const float *f = hyper->features;
    for (size_t p = 0; p < (size_t)win->w * (size_t)win->h; p++)
        for (int c = 0; c < prior; c++)
            win->features[p * stride + (size_t)c] = *f++ * hyper->gain[c];
}

void mica_search_hyper_backward(MicaSearchHyper *hyper)
{
    MicaSearchWindow *win = hyper->window;
    const MicaFloatNetwork *n = win->picture->network;
    const int channels = n->config.hyper, prior = n->config.prior;
    const size_t positions = (size_t)win->w * (size_t)win->h, symbols = symbols_of(hyper);
    for (size_t i = 0; i < positions * (size_t)prior; i++)
        hyper->features[i] = win->prior_gradient[i] * hyper->gain[i % (size_t)prior];
    mica_float_block_back(&win->runner, &n->prior_block1, hyper->features, win->w, win->h,
                          hyper->mask1);
    mica_float_up_back(&win->runner, &n->prior_up1, hyper->features, hyper->wide, 2 * hyper->w,
                       2 * hyper->h);
    mica_float_block_back(&win->runner, &n->prior_block0, hyper->wide, 2 * hyper->w, 2 * hyper->h,
                          hyper->mask0);
    mica_float_up_back(&win->runner, &n->prior_up0, hyper->wide, hyper->gradient, hyper->w,
                       hyper->h);
    for (size_t i = 0; i < symbols; i++)
        hyper->gradient[i] =
            hyper->gradient[i] * hyper->unit[i % (size_t)channels] * hyper->slope[i] +
            hyper->by_residual[i];
}

void mica_search_hyper_settle(MicaSearchHyper *hyper, const MicaPlane *z, MicaLatents *latents)
{
    const MicaNetwork *n = integer_network(hyper);
    const int channels = n->config.hyper;
    MicaHyperModels models;
    MicaHyperGroup group;
    MicaHyperWalk walk = mica_hyper_walk(&hyper->context, z, 0, hyper->h);
    while (mica_hyper_next(&walk, &group)) {
        mica_hyper_context(&hyper->context, z, &group, &models);
        for (int i = 0; i < group.count; i++) {
            int16_t *v = mica_hyper_group_at(&group, z, i);
            const float *target = hyper->target + (v - z->data);
            for (int c = 0, k = i * channels; c < channels; c++, k++) {
                const float residual = target[c] - (float)models.mean[k] * (1.0f / 16);
                const MicaRelaxed r = mica_round(hyper->window->picture->hyper_bits, residual,
                                                 models.shape[k], models.scale[k]);
                v[c] = mica_hyper_nearest(16 * (int)r.value + models.mean[k], models.mean[k]);
            }
        }
    }
    mica_prior(latents, z);
    mica_search_window_read_prior(hyper->window);
    mica_free(hyper->window->prior_gradient);
    hyper->window->prior_gradient = NULL;
}
