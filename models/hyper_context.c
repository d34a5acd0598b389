#include "models/hyper_context.h"

#include <string.h>

#include "codec/base/mem.h"

#define NEIGHBOURS MICA_HYPER_NEIGHBOURS
#define SLANT 3 /* columns that a front goes to the left from one row to the next */

void mica_hyper_context_init(MicaHyperContext *context, const MicaNetwork *network, int quality)
{
    const int channels = network->config.hyper;
    context->network = network;
    mica_gains_at(network->z_gain, channels, quality, 1, &context->gain);
    mica_gains_at(network->z_gain, channels, quality, -1, &context->inverse);
    mica_gains_interpolate(network->z_offset, channels, quality, context->offset);
}

MicaHyperWalk mica_hyper_walk(const MicaHyperContext *context, const MicaPlane *z, int first,
                              int last)
{
    const int fit = MICA_HYPER_VALUES / context->network->config.hyper;
    return (MicaHyperWalk){.width = mica_rect_width(&z->rect),
                           .first = first,
                           .last = last,
                           .most = fit < MICA_HYPER_GROUP ? fit : MICA_HYPER_GROUP,
                           .slanted = context->network->config.hyper_context > 0};
}

/* A front, or a row, as one group. */
static MicaHyperGroup whole_front(const MicaHyperWalk *w)
{
    if (!w->slanted)
        return (MicaHyperGroup){0, w->first + w->front, 1, 0, w->width};
    const int beyond = w->front - (w->width - 1);
    const int top = beyond > 0 ? (beyond + SLANT - 1) / SLANT : 0; /* rows from the first on */
    const int most = w->front / SLANT, rows = w->last - w->first;
    const int bottom = most < rows ? most + 1 : rows;
    return (MicaHyperGroup){w->front - SLANT * top, w->first + top, -SLANT, 1, bottom - top};
}

int mica_hyper_next(MicaHyperWalk *walk, MicaHyperGroup *group)
{
    const int rows = walk->last - walk->first;
    const int fronts = walk->slanted ? walk->width + SLANT * (rows - 1) : rows;
    while (rows > 0 && walk->front < fronts) {
        MicaHyperGroup g = whole_front(walk);
        g.x += walk->done * g.dx;
        g.y += walk->done * g.dy;
        g.count -= walk->done;
        if (g.count > 0) {
            g.count = g.count < walk->most ? g.count : walk->most;
            walk->done += g.count;
            *group = g;
            return 1;
        }
        walk->front++;
        walk->done = 0;
    }
    return 0;
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

/* Means before their gain, and log scales, of the positions of a group. */
static void run_layers(const MicaHyperContext *context, const MicaPlane *z,
                       const MicaHyperGroup *group, int16_t *out)
{
    const MicaNetwork *n = context->network;
    const MicaHyperContextLayers *layers = &n->hyper_context;
    const int channels = n->config.hyper, hidden = n->config.hyper_context;
    const int known = NEIGHBOURS * channels;
    const size_t count = (size_t)group->count;
    _Alignas(MICA_ALIGNMENT) int16_t in[NEIGHBOURS * MICA_HYPER_VALUES + MICA_PADDING];
    _Alignas(MICA_ALIGNMENT)
        int8_t entered[MICA_HYPER_GROUP * MICA_MAX_HYPER_CONTEXT + MICA_PADDING];
    _Alignas(MICA_ALIGNMENT) int8_t active[sizeof entered];
    for (int i = 0; i < group->count; i++)
        neighbours(z, group->x + i * group->dx, group->y + i * group->dy, (size_t)channels,
                   in + i * known);
    n->kernels.gain(in, in, NEIGHBOURS * count, channels, context->inverse.mantissa,
                    context->inverse.shift);
    n->kernels.pointwise(&layers->linear, in, known, out, 2 * channels, NULL, count);
    n->kernels.pointwise(&layers->enter, in, known, entered, hidden, NULL, count);
    n->kernels.pointwise(&layers->hidden, entered, hidden, active, hidden, NULL, count);
    n->kernels.pointwise(&layers->leave, active, hidden, out, 2 * channels, out, count);
}

void mica_hyper_context(const MicaHyperContext *context, const MicaPlane *z,
                        const MicaHyperGroup *group, MicaHyperModels *models)
{
    const MicaNetwork *n = context->network;
    const int channels = n->config.hyper;
    _Alignas(MICA_ALIGNMENT) int16_t out[2 * MICA_HYPER_VALUES + MICA_PADDING];
    if (n->config.hyper_context > 0)
        run_layers(context, z, group, out);
    else
        memset(out, 0, (size_t)group->count * 2 * (size_t)channels * sizeof *out);
    for (int i = 0; i < group->count; i++) {
        const int16_t *mean = out + 2 * i * channels, *scale = mean + channels;
        const int first = i * channels;
        n->kernels.gain(mean, models->mean + first, 1, channels, context->gain.mantissa,
                        context->gain.shift);
        memcpy(models->shape + first, n->z_shape, (size_t)channels);
        for (int c = 0; c < channels; c++)
            models->scale[first + c] = mica_scale_index(scale[c] + context->offset[c]);
    }
}

int16_t mica_hyper_nearest(int value, int mean)
{
    const int symbol = (mica_clamp16(value) - mean + 8) >> 4, latent = 16 * symbol + mean;
    return (int16_t)(latent > INT16_MAX ? latent - 16 : latent < INT16_MIN ? latent + 16 : latent);
}

void mica_hyper_quantise(const MicaHyperContext *context, const MicaPlane *z, int first, int last)
{
    const int channels = context->network->config.hyper;
    MicaHyperModels models;
    MicaHyperGroup group;
    MicaHyperWalk walk = mica_hyper_walk(context, z, first, last);
    while (mica_hyper_next(&walk, &group)) {
        mica_hyper_context(context, z, &group, &models);
        const int16_t *mean = models.mean;
        for (int i = 0; i < group.count; i++, mean += channels) {
            int16_t *v = mica_hyper_group_at(&group, z, i);
            for (int c = 0; c < channels; c++)
                v[c] = mica_hyper_nearest(v[c], mean[c]);
        }
    }
}

void mica_hyper_symbols(const MicaHyperContext *context, const MicaPlane *z, int16_t *symbol,
                        uint8_t *shape, uint8_t *scale)
{
    const int channels = context->network->config.hyper;
    MicaHyperModels models;
    MicaHyperGroup group;
    MicaHyperWalk walk = mica_hyper_walk(context, z, z->rect.y0, z->rect.y1);
    while (mica_hyper_next(&walk, &group)) {
        mica_hyper_context(context, z, &group, &models);
        const size_t count = (size_t)group.count * (size_t)channels;
        const int16_t *mean = models.mean;
        for (int i = 0; i < group.count; i++, mean += channels) {
            const int16_t *v = mica_hyper_group_at(&group, z, i);
            for (int c = 0; c < channels; c++)
                *symbol++ = (int16_t)((v[c] - mean[c]) >> 4);
        }
        memcpy(shape, models.shape, count);
        memcpy(scale, models.scale, count);
        shape += count;
        scale += count;
    }
}
