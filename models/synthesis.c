#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "models/nets.h"

/*
 * Synthesis runs band by band, each band with as many rows of context above and below as the blocks
 * reach (one row per block), so the bands never show in the pixels and the feature planes stay
 * small for large pictures.
 */
#define BAND_ROWS 128 /* rows at 1/8, even */

typedef struct HeadJob {
    const MicaRunner *runner;
    const MicaGains *gains;
    const int16_t *in;
    MicaImage *image;
    int row; /* row at 1/8 of the picture that the first row of `in` is */
} HeadJob;

static uint8_t pixel(int v)
{
    v = (v + 32) >> 6;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* The same on the scale of 0..65535. */
static uint16_t pixel16(int v)
{
    v = (v * 257 + 32) >> 6;
    return (uint16_t)(v < 0 ? 0 : v > 65535 ? 65535 : v);
}

/* One row of pixels into 8-bit samples; a place for alpha is skipped. */
static void store_row(const int16_t *block, const MicaImage *image, uint8_t *line)
{
    if (image->channels == 3) {
        const int samples = image->width * 3, whole = samples / 24;
        for (int b = 0; b < whole; b++, block += 192, line += 24)
            for (int i = 0; i < 24; i++)
                line[i] = pixel(block[i]);
        for (int i = 0; i < samples - whole * 24; i++)
            line[i] = pixel(block[i]);
        return;
    }
    for (int x = 0; x < image->width; x++, line += image->channels) {
        const int16_t *p = block + (ptrdiff_t)(x >> 3) * 192 + (x & 7) * 3;
        if (image->channels < 3)
            line[0] = (uint8_t)((pixel(p[0]) + pixel(p[1]) + pixel(p[2]) + 1) / 3);
        else
            for (int c = 0; c < 3; c++)
                line[c] = pixel(p[c]);
    }
}

static void store_row16(const int16_t *block, const MicaImage *image, uint16_t *line)
{
    for (int x = 0; x < image->width; x++, line += image->channels) {
        const int16_t *p = block + (ptrdiff_t)(x >> 3) * 192 + (x & 7) * 3;
        if (image->channels < 3)
            line[0] = (uint16_t)((pixel16(p[0]) + pixel16(p[1]) + pixel16(p[2]) + 1) / 3);
        else
            for (int c = 0; c < 3; c++)
                line[c] = pixel16(p[c]);
    }
}

/* One row of 8x8 blocks of samples in 1/64 into the picture, clipped to its sides. */
static void shuffle_row(const int16_t *in, int row, MicaImage *image)
{
    for (int dy = 0; dy < 8 && row * 8 + dy < image->height; dy++) {
        uint8_t *line = image->data + (row * 8 + dy) * image->stride;
        if (image->depth == 16)
            store_row16(in + dy * 24, image, (uint16_t *)(void *)line);
        else
            store_row(in + dy * 24, image, line);
    }
}

static void head_row(void *context, int index, int thread)
{
    const HeadJob *j = context;
    const MicaNetwork *n = j->runner->network;
    const int width = j->runner->geometry.w8, channels = n->config.features;
    int16_t *gained = mica_runner_scratch(j->runner, thread);
    int16_t *samples = gained + (ptrdiff_t)width * channels;
    n->kernels.gain(j->in + (ptrdiff_t)index * width * channels, gained, (size_t)width, channels,
                    j->gains->mantissa, j->gains->shift);
    n->kernels.pointwise(&n->head, gained, channels, samples, 192, NULL, (size_t)width);
    shuffle_row(samples, j->row + index, j->image);
}

MicaStatus mica_synthesise(const MicaLatents *latents, MicaImage *image, MicaError *error)
{
    const MicaRunner *runner = latents->runner;
    const MicaNetwork *n = runner->network;
    const MicaGeometry *g = &runner->geometry;
    const int channels = n->config.features;
    const int halo = (n->config.synthesis + 1) & ~1;
    const int most = BAND_ROWS + 2 * halo < g->h8 ? BAND_ROWS + 2 * halo : g->h8;
    const size_t plane = (size_t)g->w8 * (size_t)most * (size_t)channels;
    int16_t *a = mica_alloc(plane, sizeof *a), *b = mica_alloc(plane, sizeof *b);
    MicaStatus status = MICA_OK;
    if (!a || !b)
        status = mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the synthesis");

    MicaGains gains;
    mica_gains_at(n->head_gain, channels, latents->quality, 1, &gains);
    for (int first = 0; first < g->h8 && status == MICA_OK; first += BAND_ROWS) {
        const int last = first + BAND_ROWS < g->h8 ? first + BAND_ROWS : g->h8;
        const int from = first - halo > 0 ? first - halo : 0;
        const int to = last + halo < g->h8 ? last + halo : g->h8;
        const int16_t *y =
            latents->features + (ptrdiff_t)(from / 2) * g->w16 * latents->stride + n->config.prior;
        mica_run_up(runner, &n->from_latent, y, latents->stride, a, g->w16, (to - from) / 2);
        const int16_t *f =
            mica_run_blocks(runner, n->synthesis, n->config.synthesis, a, b, g->w8, to - from);
        HeadJob job = {.runner = runner,
                       .gains = &gains,
                       .in = f + (ptrdiff_t)(first - from) * g->w8 * channels,
                       .image = image,
                       .row = first};
        mica_pool_run(runner->pool, last - first, head_row, &job);
    }
    mica_free(a);
    mica_free(b);
    return status;
}
