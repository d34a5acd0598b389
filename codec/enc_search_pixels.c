#include "codec/enc_search_pixels.h"

#include <string.h>

#include "codec/enc_search_restoration.h"

/* Where a sample of the picture is, and what its error does to the loss. */
typedef struct PixelRow {
    const MicaImage *image, *prediction; /* the second may be NULL */
    float lambda;
    int x, y; /* first pixel of the row of 8x8 blocks */
} PixelRow;

/* Colour c of a pixel on the scale 0..255. */
static float sample(const MicaImage *image, const uint8_t *line, int x, int c)
{
    const size_t at = (size_t)x * (size_t)image->channels + (size_t)c;
    if (image->depth != 16)
        return (float)line[at];
    uint16_t v;
    memcpy(&v, line + 2 * at, sizeof v);
    return (float)v * (1.0f / 257);
}

static float clamped(float v)
{
    return v < 0.0f ? 0.0f : v > 255.0f ? 255.0f : v;
}

/* Samples of one row of blocks -> their gradients, in place; returns the loss. */
static double compare_row(const PixelRow *row, float *samples, int blocks)
{
    const MicaImage *image = row->image;
    const int gray = image->channels < 3;
    double loss = 0;
    for (int dy = 0; dy < 8; dy++) {
        const int y = row->y + dy;
        const uint8_t *line = y < image->height ? image->data + y * image->stride : NULL;
        const MicaImage *from = line ? row->prediction : NULL;
        const uint8_t *before = from ? from->data + y * from->stride : NULL;
        for (int b = 0; b < blocks; b++)
            for (int dx = 0; dx < 8; dx++) {
                float *v = samples + (ptrdiff_t)b * 192 + (dy * 8 + dx) * 3;
                const int x = row->x + b * 8 + dx;
                if (!line || x >= image->width) {
                    v[0] = v[1] = v[2] = 0;
                    continue;
                }
                float value[3], error[3];
                for (int c = 0; c < 3; c++)
                    value[c] = v[c] * (1.0f / 64) +
                               (before ? sample(from, before, x, gray ? 0 : c) : 0.0f);
                for (int c = 0; c < 3; c++)
                    error[c] = clamped(value[c]) - sample(image, line, x, gray ? 0 : c);
                if (gray)
                    error[0] = error[1] = error[2] =
                        (clamped(value[0]) + clamped(value[1]) + clamped(value[2])) * (1.0f / 3) -
                        sample(image, line, x, 0);
                loss += (double)(row->lambda *
                                 (error[0] * error[0] + error[1] * error[1] + error[2] * error[2]));
                for (int c = 0; c < 3; c++) {
                    /* The mean of three: each has a third of the effect, of an error that counts
                     * three times. */
                    const int free = value[c] > 0.0f && value[c] < 255.0f;
                    v[c] = free ? row->lambda * 2.0f * error[c] * (1.0f / 64) : 0.0f;
                }
            }
    }
    return loss;
}

/* The feature stream of a row of cells. */
static float *stream_row(const MicaSearchWindow *win, int index)
{
    return win->synthesis + (ptrdiff_t)index * 2 * win->w * win->picture->network->config.features;
}

/* Room of a thread for the samples of a row of cells: [2 w][192]. */
static float *sample_room(const MicaSearchWindow *win, int thread)
{
    return (float *)mica_float_runner_scratch(&win->runner, thread) +
           (ptrdiff_t)2 * win->w * win->picture->network->config.features;
}

/* Room of a thread for the same as int16, behind it. */
static int16_t *rounded_room(const MicaSearchWindow *win, int thread)
{
    return (int16_t *)(sample_room(win, thread) + (ptrdiff_t)2 * win->w * 192);
}

/* Stream -> samples in 1/64. */
static void run_head(const MicaSearchWindow *win, int index, int thread)
{
    const MicaSearchPicture *pic = win->picture;
    const int width = 2 * win->w, features = pic->network->config.features;
    const float *stream = stream_row(win, index);
    float *gained = mica_float_runner_scratch(&win->runner, thread);
    for (int x = 0; x < width; x++)
        for (int c = 0; c < features; c++)
            gained[x * features + c] = stream[x * features + c] * pic->head_gain[c];
    pic->network->kernels.product(&pic->network->head.forward, gained, features,
                                  sample_room(win, thread), 192, (size_t)width, 0);
}

/* Gradient of the samples -> gradient of the stream. */
static void run_head_back(const MicaSearchWindow *win, int index, int thread)
{
    const MicaSearchPicture *pic = win->picture;
    const int width = 2 * win->w, features = pic->network->config.features;
    float *stream = stream_row(win, index);
    pic->network->kernels.product(&pic->network->head.backward, sample_room(win, thread), 192,
                                  stream, features, (size_t)width, 0);
    for (int x = 0; x < width; x++)
        for (int c = 0; c < features; c++)
            stream[x * features + c] *= pic->head_gain[c];
}

static PixelRow pixels_of(const MicaSearchWindow *win, int index)
{
    return (PixelRow){.image = win->picture->image,
                      .prediction = win->picture->prediction,
                      .lambda = win->picture->lambda,
                      .x = win->x * 16,
                      .y = win->y * 16 + index * 8};
}

/* Without a filter. */
static void plain_row(void *context, int index, int thread)
{
    MicaSearchWindow *win = context;
    const PixelRow row = pixels_of(win, index);
    run_head(win, index, thread);
    win->row_loss[index] = compare_row(&row, sample_room(win, thread), 2 * win->w);
    if (win->rounding != MICA_ROUND_HARD)
        run_head_back(win, index, thread);
}

/* ---- with the restoration filter: the decoder's own, in integers ---- */

typedef struct Restoration {
    MicaSearchWindow *window;
    MicaSampleWindow samples;
    MicaRunner runner; /* the integer encoder's, as if the window were the picture */
} Restoration;

static void put_row(void *context, int index, int thread)
{
    const Restoration *r = context;
    const MicaSearchWindow *win = r->window;
    const int count = 2 * win->w * 192;
    run_head(win, index, thread);
    const float *samples = sample_room(win, thread);
    int16_t *rounded = rounded_room(win, thread);
    for (int i = 0; i < count; i++) {
        const float v = clamped(samples[i] * (1.0f / 64));
        rounded[i] = (int16_t)(v * 64 + 0.5f);
    }
    mica_sample_window_put(&r->samples, &r->runner.geometry, index, rounded);
}

static void keep_row(void *context, const MicaRestoredRow *row)
{
    const Restoration *r = context;
    const MicaSearchWindow *win = r->window;
    memcpy(win->restored + ((ptrdiff_t)row->y * 16 * win->w + row->x) * 3, row->filtered,
           3 * (size_t)row->count * sizeof *row->filtered);
    if (row->y % MICA_RESTORATION_BLOCK == 0)
        memcpy(win->classes + (ptrdiff_t)(row->y / MICA_RESTORATION_BLOCK) * 4 * win->w,
               row->classes,
               (size_t)(row->count + MICA_RESTORATION_BLOCK - 1) / MICA_RESTORATION_BLOCK);
}

/* No gradient where decoded samples are beyond what the filter takes. */
static void stop_at_limits(const Restoration *r, int index, int16_t *room, float *samples)
{
    const int width = 2 * r->window->w;
    for (int dy = 0; dy < 8; dy++) {
        const int16_t *decoded = room;
        mica_sample_window_get(&r->samples, 0, 8 * index + dy, 8 * width, room);
        for (int b = 0; b < width; b++)
            for (int i = 0; i < 24; i++, decoded++)
                if (*decoded <= 0 || *decoded >= MICA_RESTORATION_MAX)
                    samples[(ptrdiff_t)b * 192 + dy * 24 + i] = 0;
    }
}

/* The gradient search goes back through the filter. Sweeps take the gradient by the filtered
 * samples for that by the decoded ones: classes change with the whole steps that they try, and with
 * the derivatives of one class they lose. */
static int through_filter(const MicaSearchWindow *win)
{
    return win->rounding == MICA_ROUND_RELAXED || win->rounding == MICA_ROUND_NOT;
}

static void restored_row(void *context, int index, int thread)
{
    const Restoration *r = context;
    MicaSearchWindow *win = r->window;
    const PixelRow row = pixels_of(win, index);
    const int width = 2 * win->w;
    float *samples = sample_room(win, thread);
    for (int dy = 0; dy < 8; dy++) {
        const int16_t *from = win->restored + (ptrdiff_t)(8 * index + dy) * 8 * width * 3;
        for (int b = 0; b < width; b++)
            for (int i = 0; i < 24; i++)
                samples[(ptrdiff_t)b * 192 + dy * 24 + i] = *from++;
    }
    win->row_loss[index] = compare_row(&row, samples, width);
    if (through_filter(win)) {
        mica_search_keep_gradient(win, index, samples);
    } else if (win->rounding != MICA_ROUND_HARD) {
        stop_at_limits(r, index, rounded_room(win, thread), samples);
        run_head_back(win, index, thread);
    }
}

static void decoded_row_back(void *context, int index, int thread)
{
    const Restoration *r = context;
    MicaSearchWindow *win = r->window;
    float *samples = sample_room(win, thread);
    mica_search_get_gradient(win, &r->runner.geometry, index, samples);
    stop_at_limits(r, index, rounded_room(win, thread), samples);
    run_head_back(win, index, thread);
}

/* Every window has pixels of the picture, at least one: mica_grid() makes no segments of padding.
 */
static void compare_restored(MicaSearchWindow *win)
{
    const MicaSearchPicture *pic = win->picture;
    const MicaImage *image = pic->image;
    const int right = image->width - 16 * win->x, bottom = image->height - 16 * win->y;
    Restoration r = {.window = win, .runner = *pic->latents->runner};
    MicaGeometry *g = &r.runner.geometry;
    g->width = right < 16 * win->w ? right : 16 * win->w;
    g->height = bottom < 16 * win->h ? bottom : 16 * win->h;
    r.samples = mica_sample_window(win->samples, (MicaRect){0, 0, 2 * win->w, 2 * win->h});
    const MicaRect cells = {0, 0, (g->width + 7) / 8, (g->height + 7) / 8};
    int16_t weight[MICA_RESTORATION_SET];
    mica_restoration_weights(r.runner.network->restoration, pic->latents->quality, pic->restoration,
                             weight);
    mica_pool_run(win->runner.pool, 2 * win->h, put_row, &r);
    mica_restore(&r.runner, &r.samples, cells, weight, keep_row, &r);
    mica_pool_run(win->runner.pool, 2 * win->h, restored_row, &r);
    if (through_filter(win)) {
        mica_search_restoration_back(win, &r.samples, g, weight);
        mica_pool_run(win->runner.pool, 2 * win->h, decoded_row_back, &r);
    }
}

void mica_search_compare(MicaSearchWindow *win)
{
    if (win->samples)
        compare_restored(win);
    else
        mica_pool_run(win->runner.pool, 2 * win->h, plain_row, win);
}
