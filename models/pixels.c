#include "models/pixels.h"

#include <string.h>

typedef struct PixelJob {
    const MicaRunner *runner;
    const MicaPointwise *layer;
    const MicaImage *first, *second;
    int top; /* row of the picture that `first` begins with */
    const MicaGains *gains;
    const MicaPlane *out;
} PixelJob;

/* A 16-bit sample on the scale of 2 p - 255 for 8 bits: one bit more than 8 bits have. */
static int16_t centred16(const uint8_t *sample)
{
    uint16_t v;
    memcpy(&v, sample, sizeof v);
    return (int16_t)(((uint32_t)v * 510 + 32767) / 65535 - 255);
}

/* One row of cells of 8x8 pixels, `stride` elements from one to the next, each as centred samples
 * (dy, dx, channel): 2 p - 255. Gray takes the place of all three colours, alpha none. The image
 * begins with row `top` of the picture. */
static void unshuffle_row(const MicaImage *image, int top, int row, int width, int16_t *out,
                          ptrdiff_t stride)
{
    const int bytes = image->depth == 16 ? 2 : 1;
    const int step = image->channels >= 3 ? bytes : 0;
    for (int dy = 0; dy < 8; dy++) {
        const int at = row * 8 + dy - top, y = at < image->height ? at : image->height - 1;
        const uint8_t *line = image->data + y * image->stride;
        int x = 0;
        /* Whole cells of RGB, as nearly all are. */
        for (; image->channels == 3 && bytes == 1 && x + 8 <= image->width; x += 8) {
            const uint8_t *p = line + 3 * x;
            int16_t *to = out + (x >> 3) * stride + dy * 24;
            for (int i = 0; i < 24; i++)
                to[i] = (int16_t)(2 * p[i] - 255);
        }
        for (; x < width * 8; x++) {
            const int clipped = x < image->width ? x : image->width - 1;
            const uint8_t *p = line + (ptrdiff_t)clipped * image->channels * bytes;
            int16_t *to = out + (x >> 3) * stride + (dy * 8 + (x & 7)) * 3;
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

static void pixel_row(void *context, int index, int thread)
{
    const PixelJob *j = context;
    const MicaKernels *k = &j->runner->network->kernels;
    const int width = j->runner->geometry.w8, row = j->out->rect.y0 + index;
    const ptrdiff_t inputs = j->layer->inputs, outputs = j->layer->outputs;
    int16_t *samples = mica_runner_scratch(j->runner, thread);
    int16_t *out = mica_plane_at(j->out, 0, row);
    unshuffle_row(j->first, j->top, row, width, samples, inputs);
    if (j->second)
        unshuffle_row(j->second, 0, row, width, samples + MICA_CELL_SAMPLES, inputs);
    k->pointwise(j->layer, samples, inputs, out, outputs, NULL, (size_t)width);
    if (j->gains)
        k->gain(out, out, (size_t)width, (int)outputs, j->gains->mantissa, j->gains->shift);
}

void mica_run_pixels(const MicaRunner *runner, const MicaPointwise *layer, const MicaImage *first,
                     int top, const MicaImage *second, const MicaGains *gains, const MicaPlane *out)
{
    PixelJob job = {.runner = runner,
                    .layer = layer,
                    .first = first,
                    .top = top,
                    .second = second,
                    .gains = gains,
                    .out = out};
    mica_pool_run(runner->pool, mica_rect_height(&out->rect), pixel_row, &job);
}
