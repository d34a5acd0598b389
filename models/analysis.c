#include <string.h>

#include "models/nets.h"

typedef struct StemJob {
    const MicaRunner *runner;
    const MicaImage *image;
    const MicaGains *gains;
    const MicaPlane *out;
} StemJob;

/* A 16-bit sample on the scale of 2 p - 255 for 8 bits: one bit more than 8 bits have. */
static int16_t centred16(const uint8_t *sample)
{
    uint16_t v;
    memcpy(&v, sample, sizeof v);
    return (int16_t)(((uint32_t)v * 510 + 32767) / 65535 - 255);
}

/* One row of 8x8 pixel blocks, as 192 centred samples (dy, dx, channel) of each block: 2 p - 255.
 * Gray takes the place of all three colours, alpha none. */
static void unshuffle_row(const MicaImage *image, int row, int width, int16_t *out)
{
    const int bytes = image->depth == 16 ? 2 : 1;
    const int step = image->channels >= 3 ? bytes : 0;
    for (int dy = 0; dy < 8; dy++) {
        const int y = row * 8 + dy < image->height ? row * 8 + dy : image->height - 1;
        const uint8_t *line = image->data + y * image->stride;
        for (int x = 0; x < width * 8; x++) {
            const int clipped = x < image->width ? x : image->width - 1;
            const uint8_t *p = line + (ptrdiff_t)clipped * image->channels * bytes;
            int16_t *to = out + (ptrdiff_t)(x >> 3) * 192 + (dy * 8 + (x & 7)) * 3;
            if (bytes == 1) {
                to[0] = (int16_t)(2 * p[0] - 255);
                to[1] = (int16_t)(2 * p[step] - 255);
                to[2] = (int16_t)(2 * p[2 * step] - 255);
            } else {
                for (int c = 0; c < 3; c++)
                    to[c] = centred16(p + c * step);
            }
        }
    }
}

static void stem_row(void *context, int index, int thread)
{
    const StemJob *j = context;
    const MicaNetwork *n = j->runner->network;
    const int width = j->runner->geometry.w8, channels = n->config.features;
    const int row = j->out->rect.y0 + index;
    int16_t *samples = mica_runner_scratch(j->runner, thread);
    int16_t *out = mica_plane_at(j->out, 0, row);
    unshuffle_row(j->image, row, width, samples);
    n->kernels.pointwise(&n->stem, samples, 192, out, channels, NULL, (size_t)width);
    n->kernels.gain(out, out, (size_t)width, channels, j->gains->mantissa, j->gains->shift);
}

void mica_analyse(const MicaRunner *runner, const MicaImage *image, int quality, const MicaPlane *y)
{
    const MicaNetwork *n = runner->network;
    const MicaRect whole = mica_whole8(&runner->geometry);
    const int blocks = n->config.analysis;
    const int band = (runner->rows8 - 2 * blocks) / 2 * 2;
    const MicaRect all = mica_rect_scale(y->rect, 2);
    MicaGains gains;
    mica_gains_at(n->stem_gain, n->config.features, quality, 1, &gains);
    for (int first = all.y0; first < all.y1;) {
        MicaRect rows = all;
        rows.y0 = first;
        const MicaRect read = mica_rect_grow(rows, blocks, whole);
        if (mica_rect_height(&read) > runner->rows8)
            rows.y1 = first + band;
        const MicaPlane stem =
            mica_runner_plane(runner, 0, mica_rect_grow(rows, blocks, whole), n->config.features);
        StemJob job = {.runner = runner, .image = image, .gains = &gains, .out = &stem};
        mica_pool_run(runner->pool, mica_rect_height(&stem.rect), stem_row, &job);
        const MicaPlane f = mica_run_blocks(runner, n->analysis, blocks, stem, rows, whole);
        const MicaRect part = mica_rect_halve(rows);
        const MicaPlane out = {mica_plane_at(y, part.x0, part.y0), y->stride, part};
        mica_run_down(runner, &n->to_latent, &f, &out);
        first = rows.y1;
    }
}
