#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "models/nets.h"

/* Two work planes; the hyper nets are small, so they live for one call. */
static int16_t *work_planes(size_t plane, MicaError *error)
{
    int16_t *p = mica_alloc(2, plane * sizeof *p);
    if (!p)
        mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the hyperprior");
    return p;
}

MicaStatus mica_hyper_analyse(const MicaRunner *runner, const int16_t *y, int quality, int16_t *z,
                              MicaError *error)
{
    const MicaNetwork *n = runner->network;
    const MicaGeometry *g = &runner->geometry;
    const int channels = n->config.hyper, m = n->config.latents;
    const int w32 = g->w64 * 2, h32 = g->h64 * 2;
    const size_t plane = (size_t)g->w16 * (size_t)g->h16 * (size_t)channels;
    int16_t *a = work_planes(plane, error);
    if (!a)
        return MICA_ERROR_OUT_OF_MEMORY;
    int16_t *b = a + plane;

    mica_run_pointwise(runner, &n->hyper_enter, y, m, a, channels, g->w16, g->h16);
    mica_run_gain(runner, n->hyper_gain, quality, channels, a, g->w16, g->h16);
    mica_run_block(runner, &n->hyper_block0, a, b, g->w16, g->h16);
    mica_run_down(runner, &n->hyper_down0, b, a, w32, h32);
    mica_run_block(runner, &n->hyper_block1, a, b, w32, h32);
    mica_run_down(runner, &n->hyper_down1, b, z, g->w64, g->h64);
    mica_run_gain(runner, n->z_gain, quality, channels, z, g->w64, g->h64);
    const size_t count = (size_t)g->w64 * (size_t)g->h64 * (size_t)channels;
    for (size_t i = 0; i < count; i++)
        z[i] = (int16_t)((z[i] + 8) >> 4);
    mica_free(a);
    return MICA_OK;
}

void mica_z_models(const MicaRunner *runner, int quality, uint8_t *shape, uint8_t *scale)
{
    const MicaNetwork *n = runner->network;
    const MicaGeometry *g = &runner->geometry;
    const size_t channels = (size_t)n->config.hyper;
    const size_t count = (size_t)g->w64 * (size_t)g->h64 * channels;
    int16_t offset[MICA_MAX_GAIN_CHANNELS];
    uint8_t at_quality[MICA_MAX_GAIN_CHANNELS];
    mica_gains_interpolate(n->z_offset, n->config.hyper, quality, offset);
    for (size_t c = 0; c < channels; c++)
        at_quality[c] = mica_scale_index(offset[c]);
    for (size_t i = 0; i < count; i += channels) {
        memcpy(shape + i, n->z_shape, channels);
        memcpy(scale + i, at_quality, channels);
    }
}

MicaStatus mica_prior(MicaLatents *latents, const int16_t *z, MicaError *error)
{
    const MicaRunner *runner = latents->runner;
    const MicaNetwork *n = runner->network;
    const MicaGeometry *g = &runner->geometry;
    const int channels = n->config.hyper, p = n->config.prior;
    const int w32 = g->w64 * 2, h32 = g->h64 * 2;
    const int widest = p > channels ? p : channels;
    const size_t plane = (size_t)g->w16 * (size_t)g->h16 * (size_t)widest;
    int16_t *a = work_planes(plane, error);
    if (!a)
        return MICA_ERROR_OUT_OF_MEMORY;
    int16_t *b = a + plane;

    MicaGains inverse;
    mica_gains_at(n->z_gain, channels, latents->quality, -1, &inverse);
    const size_t positions = (size_t)g->w64 * (size_t)g->h64;
    for (size_t i = 0; i < positions * (size_t)channels; i++)
        a[i] = (int16_t)mica_clamp16(z[i] * 16);
    n->kernels.gain(a, a, positions, channels, inverse.mantissa, inverse.shift);
    mica_run_up(runner, &n->prior_up0, a, channels, b, g->w64, g->h64);
    mica_run_block(runner, &n->prior_block0, b, a, w32, h32);
    mica_run_up(runner, &n->prior_up1, a, channels, b, w32, h32);
    mica_run_block(runner, &n->prior_block1, b, a, g->w16, g->h16);
    mica_run_gain(runner, n->prior_gain, latents->quality, p, a, g->w16, g->h16);

    const size_t pixels = (size_t)g->w16 * (size_t)g->h16;
    for (size_t i = 0; i < pixels; i++) {
        int16_t *to = latents->features + i * (size_t)latents->stride;
        memcpy(to, a + i * (size_t)p, (size_t)p * sizeof *to);
        memset(to + p, 0, (size_t)n->config.latents * sizeof *to);
    }
    mica_free(a);
    return MICA_OK;
}
