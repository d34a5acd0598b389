#include "models/condition.h"
#include "models/nets.h"

typedef struct HeadJob {
    const MicaRunner *runner;
    const MicaGains *gains;
    const MicaPlane *in;
    const MicaCanvas *canvas;
} HeadJob;

static uint8_t pixel(int v)
{
    v = (v + 32) >> 6;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* The same for many samples, added to a prediction. In 16 bits, for compilers that make vectors of
 * it: (v + 64 p + 32) >> 6 is p plus v / 64 rounded, which needs no sum beyond 16 bits. */
static void add_pixels(const int16_t *v, const uint8_t *prediction, int count, uint8_t *out)
{
    for (int i = 0; i < count; i++) {
        int16_t sum = (int16_t)((v[i] >> 6) + (v[i] >> 5 & 1) + prediction[i]);
        sum = sum < 0 ? 0 : sum;
        out[i] = (uint8_t)(sum > 255 ? 255 : sum);
    }
}

/* On the scale of 0..65535. */
static uint16_t pixel16(int v)
{
    v = (v * 257 + 32) >> 6;
    return (uint16_t)(v < 0 ? 0 : v > 65535 ? 65535 : v);
}

/* A row of pixels of cells next to each other. */
typedef struct CellRow {
    const int16_t *samples; /* of the first cell */
    int log2_side;          /* of a cell, in pixels */
    int stride;             /* samples from one cell to the next */
} CellRow;

static const int16_t *cell_pixel(const CellRow *r, int x)
{
    return r->samples + (ptrdiff_t)(x >> r->log2_side) * r->stride +
           (x & ((1 << r->log2_side) - 1)) * 3;
}

/* Pixels from..to-1 of a row, into 8-bit samples; a place for alpha is skipped. */
static void store_row(const CellRow *r, int from, int to, int channels, uint8_t *out)
{
    for (int x = from; x < to; x++, out += channels) {
        if (channels == 3 && r->log2_side == 3 && !(x & 7) && x + 8 <= to) {
            /* A whole cell in full size, as nearly all are. */
            const int16_t *p = r->samples + (ptrdiff_t)(x >> 3) * r->stride;
            for (int i = 0; i < 24; i++)
                out[i] = pixel(p[i]);
            x += 7;
            out += 21;
            continue;
        }
        const int16_t *p = cell_pixel(r, x);
        if (channels < 3)
            out[0] = (uint8_t)((pixel(p[0]) + pixel(p[1]) + pixel(p[2]) + 1) / 3);
        else
            for (int c = 0; c < 3; c++)
                out[c] = pixel(p[c]);
    }
}

/* The same where the samples are differences to a prediction with the channels of `out`. */
static void add_row(const CellRow *r, int from, int to, int channels, const uint8_t *prediction,
                    uint8_t *out)
{
    for (int x = from; x < to; x++, prediction += channels, out += channels) {
        const int16_t *p = cell_pixel(r, x);
        if (channels == 3 && !(x & 7) && x + 8 <= to) {
            add_pixels(p, prediction, 24, out);
            x += 7;
            prediction += 21;
            out += 21;
        } else if (channels == 3) {
            for (int c = 0; c < 3; c++)
                out[c] = pixel(p[c] + 64 * prediction[c]);
        } else {
            const int v = 64 * prediction[0];
            out[0] = (uint8_t)((pixel(p[0] + v) + pixel(p[1] + v) + pixel(p[2] + v) + 1) / 3);
        }
    }
}

static void store_row16(const CellRow *r, int from, int to, int channels, uint16_t *out)
{
    for (int x = from; x < to; x++, out += channels) {
        const int16_t *p = cell_pixel(r, x);
        if (channels < 3)
            out[0] = (uint16_t)((pixel16(p[0]) + pixel16(p[1]) + pixel16(p[2]) + 1) / 3);
        else
            for (int c = 0; c < 3; c++)
                out[c] = pixel16(p[c]);
    }
}

/* One row of cells of samples in 1/64 on the canvas; the first cell is (cell_x, cell_y). With a
 * prediction (or NULL) the canvas has the full size. */
static void shuffle_row(const int16_t *in, int stride, int cell_x, int cell_y, int cells,
                        const MicaImage *prediction, const MicaCanvas *canvas)
{
    const MicaImage *image = canvas->image;
    const int log2_side = 3 - canvas->log2_scale, side = 1 << log2_side;
    /* Column of the image where the cells begin, and the columns of the cells that are in it. */
    const int x0 = cell_x * side - canvas->left;
    const int from = x0 < 0 ? -x0 : 0;
    const int to = image->width - x0 < cells * side ? image->width - x0 : cells * side;
    for (int dy = 0; dy < side; dy++) {
        const int y = cell_y * side + dy - canvas->top;
        if (y < 0 || y >= image->height)
            continue;
        const ptrdiff_t first = (ptrdiff_t)(x0 + from) * image->channels;
        const CellRow row = {in + dy * side * 3, log2_side, stride};
        uint8_t *line = image->data + y * image->stride;
        if (prediction)
            add_row(&row, from, to, image->channels,
                    prediction->data + (y + canvas->top) * prediction->stride +
                        (ptrdiff_t)(cell_x * side + from) * image->channels,
                    line + first);
        else if (image->depth == 16)
            store_row16(&row, from, to, image->channels, (uint16_t *)(void *)line + first);
        else
            store_row(&row, from, to, image->channels, line + first);
    }
}

static void head_row(void *context, int index, int thread)
{
    const HeadJob *j = context;
    const MicaNetwork *n = j->runner->network;
    const MicaRect *r = &j->in->rect;
    const int width = mica_rect_width(r), channels = n->config.features;
    int16_t *gained = mica_runner_scratch(j->runner, thread);
    int16_t *samples = gained + (ptrdiff_t)width * channels;
    n->kernels.gain(mica_plane_at(j->in, r->x0, r->y0 + index), gained, (size_t)width, channels,
                    j->gains->mantissa, j->gains->shift);
    const MicaPointwise *head = &n->scaled_head[j->canvas->log2_scale];
    n->kernels.pointwise(head, gained, channels, samples, head->outputs, NULL, (size_t)width);
    const MicaCondition *condition = j->runner->condition;
    shuffle_row(samples, head->outputs, r->x0, r->y0 + index, width,
                condition ? condition->prediction : NULL, j->canvas);
}

int mica_synthesis_rows(const MicaRunner *runner, int last)
{
    const MicaGeometry *g = &runner->geometry;
    return last >= g->h16 ? g->h8 : 2 * last - mica_latents_kept_rows(runner->network);
}

MicaRect mica_synthesis_latents(const MicaNetwork *network, const MicaGeometry *geometry,
                                MicaRect cells)
{
    return mica_rect_halve(mica_rect_grow(cells, network->config.synthesis, mica_whole8(geometry)));
}

/*
 * Band by band, each band with as many rows above and below as the blocks reach (one row per
 * block), so the bands never show in the pixels.
 */
void mica_synthesise(const MicaLatents *latents, MicaRect cells, const MicaCanvas *canvas)
{
    const MicaRunner *runner = latents->runner;
    const MicaNetwork *n = runner->network;
    const MicaRect whole = mica_whole8(&runner->geometry);
    const int channels = n->config.features, blocks = n->config.synthesis;
    /* The first layer makes rows in pairs, so the window may start one row early and end one late.
     */
    const int band = runner->rows8 - 2 * blocks - 2;
    MicaGains gains;
    mica_gains_at(n->head_gain, channels, latents->quality, 1, &gains);
    const MicaPlane y = {latents->features.data + latents->shown, latents->stride,
                         latents->features.rect};
    while (cells.y0 < cells.y1) {
        MicaRect rows = cells;
        MicaRect read = mica_synthesis_latents(n, &runner->geometry, rows);
        if (2 * mica_rect_height(&read) > runner->rows8) {
            rows.y1 = rows.y0 + band;
            read = mica_synthesis_latents(n, &runner->geometry, rows);
        }
        const MicaPlane a = mica_runner_plane(runner, 0, mica_rect_scale(read, 2), channels);
        mica_run_up(runner, &n->from_latent, &y, &a);
        if (runner->condition)
            mica_condition_synthesis(runner, &a);
        const MicaPlane f = mica_run_blocks(runner, n->synthesis, blocks, a, rows, whole);
        HeadJob job = {.runner = runner, .gains = &gains, .in = &f, .canvas = canvas};
        mica_pool_run(runner->pool, mica_rect_height(&rows), head_row, &job);
        cells.y0 = rows.y1;
    }
}

void mica_synthesise_known(const MicaLatents *latents, int is_last, MicaRect *cells,
                           const MicaCanvas *canvas)
{
    MicaRect known = *cells;
    const int rows = mica_synthesis_rows(latents->runner, latents->rect.y1);
    if (!is_last && rows < known.y1)
        known.y1 = rows;
    if (known.y1 <= known.y0)
        return;
    mica_synthesise(latents, known, canvas);
    cells->y0 = known.y1;
}
