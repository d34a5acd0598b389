#include "models/condition.h"

#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "models/pixels.h"

size_t mica_condition_memory(const MicaNetwork *network, const MicaGeometry *geometry)
{
    if (network->config.condition == 0)
        return 0;
    return (size_t)geometry->w8 * (size_t)geometry->h8 * (size_t)network->config.features *
           sizeof(int16_t);
}

MicaStatus mica_condition_create(MicaCondition *condition, const MicaRunner *runner,
                                 const MicaImage *prediction, int quality, MicaError *error)
{
    const MicaNetwork *n = runner->network;
    const MicaRect whole = mica_whole8(&runner->geometry);
    const int channels = n->config.features, blocks = n->config.condition;
    MicaPlane *features = &condition->features;
    condition->prediction = prediction;
    *features = (MicaPlane){.stride = channels, .rect = whole};
    features->data = mica_alloc(mica_condition_memory(n, &runner->geometry), 1);
    if (!features->data)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the prediction");
    for (MicaRect left = whole; left.y0 < left.y1;) {
        const MicaRect rows = mica_run_band(runner, blocks, left, whole);
        const MicaPlane enter =
            mica_runner_plane(runner, 0, mica_rect_grow(rows, blocks, whole), channels);
        mica_run_pixels(runner, &n->condition_enter, prediction, 0, NULL, NULL, &enter);
        const MicaPlane f = mica_run_blocks(runner, n->condition, blocks, enter, rows, whole);
        const MicaPlane out = {mica_plane_at(features, rows.x0, rows.y0), channels, rows};
        mica_run_gain(runner, n->condition_gain, quality, channels, &f, &out);
        left.y0 = rows.y1;
    }
    return MICA_OK;
}

void mica_condition_free(MicaCondition *condition)
{
    mica_free(condition->features.data);
    memset(condition, 0, sizeof *condition);
}

void mica_condition_prior(const MicaRunner *runner, const MicaPlane *hyper)
{
    mica_run_down(runner, &runner->network->condition_prior, &runner->condition->features, hyper);
}

void mica_condition_synthesis(const MicaRunner *runner, const MicaPlane *stream)
{
    mica_run_pointwise(runner, &runner->network->condition_synthesis, &runner->condition->features,
                       stream);
}
