#include "models/hyper_context.h"

#include <string.h>

#include "codec/base/mem.h"

#define NEIGHBOURS MICA_HYPER_NEIGHBOURS

void mica_hyper_context_init(MicaHyperContext *context, const MicaNetwork *network, int quality)
{
    const int channels = network->config.hyper;
    context->network = network;
    mica_gains_at(network->z_gain, channels, quality, 1, &context->gain);
    mica_gains_at(network->z_gain, channels, quality, -1, &context->inverse);
    mica_gains_interpolate(network->z_offset, channels, quality, context->offset);
}

/* Two to the left, four of the row above, one of the row above that; zeros outside of the plane. */
static void neighbours(const MicaPlane *z, int x, int y, size_t channels, int16_t *out)
{
    static const int8_t dx[NEIGHBOURS] = {-1, -2, -1, 0, 1, 2, 0};
    static const int8_t dy[NEIGHBOURS] = {0, 0, -1, -1, -1, -1, -2};
    for (int i = 0; i < NEIGHBOURS; i++, out += channels) {
        const int u = x + dx[i], v = y + dy[i];
        if (u < z->rect.x0 || u >= z->rect.x1 || v < z->rect.y0)
            memset(out, 0, channels * sizeof *out);
        else
            memcpy(out, mica_plane_at(z, u, v), channels * sizeof *out);
    }
}

void mica_hyper_context(const MicaHyperContext *context, const MicaPlane *z, int x, int y,
                        MicaHyperModels *models)
{
    const MicaNetwork *n = context->network;
    const MicaHyperContextLayers *layers = &n->hyper_context;
    const MicaGains *gain = &context->gain, *inverse = &context->inverse;
    const int channels = n->config.hyper, hidden = n->config.hyper_context;
    _Alignas(MICA_ALIGNMENT) int16_t known[NEIGHBOURS * MICA_MAX_HYPER + MICA_PADDING];
    _Alignas(MICA_ALIGNMENT) int16_t out[2 * MICA_MAX_HYPER + MICA_PADDING];
    _Alignas(MICA_ALIGNMENT) int8_t entered[MICA_MAX_HYPER_CONTEXT + MICA_PADDING];
    _Alignas(MICA_ALIGNMENT) int8_t active[MICA_MAX_HYPER_CONTEXT + MICA_PADDING];
    const int16_t *scale = out + channels;
    if (hidden > 0) {
        neighbours(z, x, y, (size_t)channels, known);
        n->kernels.gain(known, known, NEIGHBOURS, channels, inverse->mantissa, inverse->shift);
        n->kernels.pointwise(&layers->linear, known, NEIGHBOURS * channels, out, 2 * channels, NULL,
                             1);
        n->kernels.pointwise(&layers->enter, known, NEIGHBOURS * channels, entered, hidden, NULL,
                             1);
        n->kernels.pointwise(&layers->hidden, entered, hidden, active, hidden, NULL, 1);
        n->kernels.pointwise(&layers->leave, active, hidden, out, 2 * channels, out, 1);
        n->kernels.gain(out, models->mean, 1, channels, gain->mantissa, gain->shift);
    } else {
        memset(out, 0, 2 * (size_t)channels * sizeof *out);
        memset(models->mean, 0, (size_t)channels * sizeof *models->mean);
    }
    for (int c = 0; c < channels; c++)
        models->scale[c] = mica_scale_index(scale[c] + context->offset[c]);
}

int mica_hyper_symbol(int value, int mean)
{
    const int symbol = (value - mean + 8) >> 4, latent = 16 * symbol + mean;
    return latent > INT16_MAX ? symbol - 1 : latent < INT16_MIN ? symbol + 1 : symbol;
}

void mica_hyper_quantise(const MicaHyperContext *context, const MicaPlane *z, int first, int last)
{
    const int channels = context->network->config.hyper;
    MicaHyperModels models;
    for (int y = first; y < last; y++)
        for (int x = z->rect.x0; x < z->rect.x1; x++) {
            int16_t *v = mica_plane_at(z, x, y);
            mica_hyper_context(context, z, x, y, &models);
            for (int c = 0; c < channels; c++) {
                const int mean = models.mean[c];
                v[c] = mica_hyper_latent(mica_hyper_symbol(v[c], mean), mean);
            }
        }
}

void mica_hyper_symbols(const MicaHyperContext *context, const MicaPlane *z, int16_t *symbol,
                        uint8_t *shape, uint8_t *scale)
{
    const size_t channels = (size_t)context->network->config.hyper;
    MicaHyperModels models;
    for (int y = z->rect.y0; y < z->rect.y1; y++)
        for (int x = z->rect.x0; x < z->rect.x1; x++) {
            const int16_t *v = mica_plane_at(z, x, y);
            mica_hyper_context(context, z, x, y, &models);
            for (size_t c = 0; c < channels; c++)
                symbol[c] = (int16_t)((v[c] - models.mean[c]) >> 4);
            memcpy(shape, context->network->z_shape, channels);
            memcpy(scale, models.scale, channels);
            symbol += channels;
            shape += channels;
            scale += channels;
        }
}
