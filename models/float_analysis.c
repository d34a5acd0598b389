#include <string.h>

#include "models/float_network.h"

typedef struct StemJob {
    const MicaFloatRunner *runner;
    const MicaImage *image;
    const float *gain;
    float *stream;
    MicaRect rect; /* of the stream, in cells of 8x8 pixels */
} StemJob;

/* A sample on the scale of 2 p - 255 for 8 bits; 16 bits are not rounded. */
static float centred(const uint8_t *sample, int bytes)
{
    if (bytes == 1)
        return 2.0f * (float)*sample - 255.0f;
    uint16_t v;
    memcpy(&v, sample, sizeof v);
    return (float)v * (510.0f / 65535.0f) - 255.0f;
}

/* One row of cells, as 192 centred samples (dy, dx, channel) each, as the integer analysis has
 * them: the picture's last pixels stand for those beyond it, gray for all three colours. */
static void unshuffle_row(const MicaImage *image, int row, int x0, int width, float *out)
{
    const int bytes = image->depth == 16 ? 2 : 1;
    const int step = image->channels >= 3 ? bytes : 0;
    for (int dy = 0; dy < 8; dy++) {
        const int y = row * 8 + dy < image->height ? row * 8 + dy : image->height - 1;
        const uint8_t *line = image->data + y * image->stride;
        for (int i = 0; i < width * 8; i++) {
            const int x = x0 * 8 + i < image->width ? x0 * 8 + i : image->width - 1;
            const uint8_t *p = line + (ptrdiff_t)x * image->channels * bytes;
            float *to = out + (ptrdiff_t)(i >> 3) * 192 + (dy * 8 + (i & 7)) * 3;
            for (int c = 0; c < 3; c++)
                to[c] = centred(p + c * step, bytes);
        }
    }
}

static void stem_row(void *context, int index, int thread)
{
    const StemJob *j = context;
    const MicaFloatNetwork *n = j->runner->network;
    const int width = mica_rect_width(&j->rect), f = n->config.features;
    float *samples = mica_float_runner_scratch(j->runner, thread);
    float *out = j->stream + (ptrdiff_t)index * width * f;
    unshuffle_row(j->image, j->rect.y0 + index, j->rect.x0, width, samples);
    n->kernels.product(&n->stem.forward, samples, 192, out, f, (size_t)width, 0);
    for (int x = 0; x < width; x++)
        for (int c = 0; c < f; c++)
            out[x * f + c] *= j->gain[c];
}

MicaRect mica_float_analysis_reach(const MicaFloatNetwork *network, MicaRect rect, MicaRect whole)
{
    return mica_rect_grow(rect, (network->config.analysis + 1) / 2, whole);
}

void mica_float_analyse(const MicaFloatRunner *runner, const MicaImage *image, const float *gain,
                        MicaRect reach, float *stream, float *y)
{
    const MicaFloatNetwork *n = runner->network;
    const int width = mica_rect_width(&reach), rows = mica_rect_height(&reach);
    StemJob job = {.runner = runner,
                   .image = image,
                   .gain = gain,
                   .stream = stream,
                   .rect = mica_rect_scale(reach, 2)};
    mica_pool_run(runner->pool, 2 * rows, stem_row, &job);
    for (int i = 0; i < n->config.analysis; i++)
        mica_float_block(runner, &n->analysis[i], stream, 2 * width, 2 * rows, NULL, 0);
    mica_float_down(runner, &n->to_latent, stream, y, width, rows);
}
