#include "models/condition.h"
#include "models/nets.h"
#include "models/pixels.h"

void mica_analyse(const MicaRunner *runner, const MicaImage *image, int top, int quality,
                  const MicaPlane *y)
{
    const MicaNetwork *n = runner->network;
    const MicaImage *prediction = runner->condition ? runner->condition->prediction : NULL;
    const MicaRect whole = mica_whole8(&runner->geometry);
    const int blocks = n->config.analysis;
    MicaRect left = mica_rect_scale(y->rect, 2);
    MicaGains gains;
    mica_gains_at(n->stem_gain, n->config.features, quality, 1, &gains);
    while (left.y0 < left.y1) {
        const MicaRect rows = mica_run_band(runner, blocks, left, whole);
        const MicaPlane stem =
            mica_runner_plane(runner, 0, mica_rect_grow(rows, blocks, whole), n->config.features);
        mica_run_pixels(runner, &n->stem, image, top, prediction, &gains, &stem);
        const MicaPlane f = mica_run_blocks(runner, n->analysis, blocks, stem, rows, whole);
        const MicaRect part = mica_rect_halve(rows);
        const MicaPlane out = {mica_plane_at(y, part.x0, part.y0), y->stride, part};
        mica_run_down(runner, &n->to_latent, &f, &out);
        left.y0 = rows.y1;
    }
}
