#include <string.h>

#include "models/condition.h"
#include "models/nets.h"

typedef struct HeadJob {
    const MicaRunner *runner;
    const MicaGains *gains;
    const MicaPlane *in;
    MicaRect cells;                 /* of it */
    const MicaSampleWindow *window; /* for the filter; NULL: to the canvas at once */
    const MicaCanvas *canvas;
    MicaRestorationGain *gain; /* to measure instead of storing; or NULL */
    int16_t *means;            /* what the restored pixels of smaller pictures are summed up in */
    int means_row;             /* of cells, that it begins with */
} HeadJob;

/* Row y of cells of samples in 1/64 on the canvas. */
static void store_cells(const HeadJob *j, const int16_t *samples, int stride, int y)
{
    const MicaCondition *condition = j->runner->condition;
    const int log2_side = 3 - j->canvas->log2_scale, side = 1 << log2_side;
    for (int dy = 0; dy < side; dy++) {
        const MicaCellRow row = {samples + dy * side * 3, log2_side, stride};
        mica_canvas_store(j->canvas, &row, j->cells.x0 * side, y * side + dy,
                          mica_rect_width(&j->cells) * side,
                          condition ? condition->prediction : NULL);
    }
}

static void head_row(void *context, int index, int thread)
{
    const HeadJob *j = context;
    const MicaNetwork *n = j->runner->network;
    const int width = mica_rect_width(&j->cells), channels = n->config.features;
    const int y = j->cells.y0 + index;
    int16_t *gained = mica_runner_scratch(j->runner, thread);
    int16_t *samples = gained + (ptrdiff_t)width * channels;
    n->kernels.gain(mica_plane_at(j->in, j->cells.x0, y), gained, (size_t)width, channels,
                    j->gains->mantissa, j->gains->shift);
    const MicaPointwise *head = &n->scaled_head[j->window ? 0 : j->canvas->log2_scale];
    n->kernels.pointwise(head, gained, channels, samples, head->outputs, NULL, (size_t)width);
    if (j->window)
        mica_sample_window_put(j->window, &j->runner->geometry, y, samples);
    else
        store_cells(j, samples, head->outputs, y);
}

/* int16 elements of `means` for a row of cells: sums of int32, and the means of them. Even, so that
 * the next sums are aligned. */
static size_t means_elements(int cells, int log2_scale)
{
    return log2_scale ? ((size_t)cells * (size_t)(8 >> log2_scale) * 3 * 3 + 1) & ~(size_t)1 : 0;
}

/* A smaller picture has the means of the restored pixels; those of a row of cells come from above
 * to below. */
static void average_restored(void *context, const MicaRestoredRow *row)
{
    const HeadJob *j = context;
    const int log2 = j->canvas->log2_scale, side = 1 << log2, line = row->y & (side - 1);
    const int cells = mica_rect_width(&j->cells), count = (row->count + side - 1) >> log2;
    int16_t *mean = j->means + (size_t)(row->y / 8 - j->means_row) * means_elements(cells, log2);
    int32_t *sum = (int32_t *)(void *)mean;
    mean += 2 * 3 * (8 >> log2) * cells;
    if (line == 0)
        memset(sum, 0, 3 * (size_t)count * sizeof *sum);
    for (int x = 0; x < row->count; x++)
        for (int c = 0; c < 3; c++)
            sum[3 * (x >> log2) + c] += row->filtered[3 * x + c];
    if (line + 1 < side && row->y + 1 < j->runner->geometry.height)
        return;
    for (int x = 0; x < count; x++) {
        const int columns = row->count - (x << log2) < side ? row->count - (x << log2) : side;
        const int pixels = columns * (line + 1);
        for (int c = 0; c < 3; c++)
            mean[3 * x + c] = (int16_t)((sum[3 * x + c] + pixels / 2) / pixels);
    }
    const MicaCellRow means = {mean, 3 - log2, 3 * (8 >> log2)};
    mica_canvas_store(j->canvas, &means, row->x >> log2, row->y >> log2, count, NULL);
}

static void store_restored(void *context, const MicaRestoredRow *row)
{
    const HeadJob *j = context;
    const MicaCellRow cells = {row->filtered, 3, 24};
    mica_canvas_store(j->canvas, &cells, row->x, row->y, row->count, NULL);
}

/* Features of these cells, and around them as far as the filter looks, to pixels: as many rows at a
 * time as there is room for samples. */
static void restore_band(const HeadJob *head, MicaRect cells, MicaPlane room, const int16_t *weight)
{
    const MicaRunner *runner = head->runner;
    const MicaRect whole = mica_whole8(&runner->geometry);
    const MicaRect most = mica_rect_grow(cells, MICA_RESTORATION_CELLS, whole);
    const size_t row = mica_sample_row_elements(mica_rect_width(&most));
    const int log2 = head->canvas ? head->canvas->log2_scale : 0;
    const size_t each = row + means_elements(mica_rect_width(&most), log2);
    const int step = (int)(runner->work_elements / each) - 2 * MICA_RESTORATION_CELLS;
    for (int last = cells.y1; cells.y0 < last; cells.y0 = cells.y1) {
        cells.y1 = last - cells.y0 > step ? cells.y0 + step : last;
        HeadJob job = *head;
        job.cells = mica_rect_grow(cells, MICA_RESTORATION_CELLS, whole);
        const MicaSampleWindow window = mica_sample_window(room.data, job.cells);
        job.window = &window;
        job.means = room.data + (size_t)(step + 2 * MICA_RESTORATION_CELLS) * row;
        job.means_row = cells.y0;
        mica_pool_run(runner->pool, mica_rect_height(&job.cells), head_row, &job);
        if (head->gain)
            mica_restore(runner, &window, cells, weight, mica_restoration_measure, head->gain);
        else
            mica_restore(runner, &window, cells, weight, log2 ? average_restored : store_restored,
                         &job);
    }
}

int mica_synthesis_rows(const MicaRunner *runner, int last)
{
    const MicaGeometry *g = &runner->geometry;
    return last >= g->h16 ? g->h8 : 2 * last - mica_latents_kept_rows(runner->network);
}

MicaRect mica_synthesis_latents(const MicaNetwork *network, const MicaGeometry *geometry,
                                MicaRect cells)
{
    return mica_rect_halve(
        mica_rect_grow(cells, mica_synthesis_reach(&network->config), mica_whole8(geometry)));
}

/*
 * Band by band, each band with as many rows above and below as blocks and filter reach (one row
 * each), so the bands never show in the pixels.
 */
static void synthesise(const MicaLatents *latents, MicaRect cells, HeadJob job, int strength)
{
    const MicaRunner *runner = latents->runner;
    const MicaNetwork *n = runner->network;
    const MicaRect whole = mica_whole8(&runner->geometry);
    const int channels = n->config.features, blocks = n->config.synthesis;
    /* The first layer makes rows in pairs, so the window may start one row early and end one late.
     */
    const int band = runner->rows8 - 2 * mica_synthesis_reach(&n->config) - 2;
    MicaGains gains;
    mica_gains_at(n->head_gain, channels, latents->quality, 1, &gains);
    int16_t weight[MICA_RESTORATION_SET];
    if (strength)
        mica_restoration_weights(n->restoration, latents->quality, strength, weight);
    job.runner = runner;
    job.gains = &gains;
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
        const MicaRect needed =
            strength ? mica_rect_grow(rows, MICA_RESTORATION_CELLS, whole) : rows;
        const MicaPlane f = mica_run_blocks(runner, n->synthesis, blocks, a, needed, whole);
        job.in = &f;
        job.cells = rows;
        if (strength) /* the blocks leave the other work plane free */
            restore_band(&job, rows, mica_runner_plane(runner, !(blocks & 1), rows, 1), weight);
        else
            mica_pool_run(runner->pool, mica_rect_height(&rows), head_row, &job);
        cells.y0 = rows.y1;
    }
}

void mica_synthesise(const MicaLatents *latents, MicaRect cells, const MicaCanvas *canvas)
{
    synthesise(latents, cells, (HeadJob){.canvas = canvas}, latents->restoration);
}

void mica_synthesis_gain(const MicaLatents *latents, MicaRect cells, MicaRestorationGain *gain)
{
    synthesise(latents, cells, (HeadJob){.gain = gain}, MICA_RESTORATION_UNIT);
}

MicaRect mica_synthesis_known(const MicaLatents *latents, int is_last, MicaRect cells)
{
    const int rows = mica_synthesis_rows(latents->runner, latents->rect.y1);
    if (!is_last && rows < cells.y1)
        cells.y1 = rows;
    return cells;
}

void mica_synthesise_known(const MicaLatents *latents, int is_last, MicaRect *cells,
                           const MicaCanvas *canvas)
{
    const MicaRect known = mica_synthesis_known(latents, is_last, *cells);
    if (known.y1 <= known.y0)
        return;
    mica_synthesise(latents, known, canvas);
    cells->y0 = known.y1;
}
