#include "models/restoration.h"

#include <stdatomic.h>
#include <string.h>

#include "transforms/ycocg.h"

#define REACH MICA_RESTORATION_REACH
#define BLOCK MICA_RESTORATION_BLOCK

/* Pixels beside the cells of a window: those that the filter sees, and those that kernels may read.
 */
#define BEFORE 8
#define AFTER 24

/* Planes of a row of a window: the three of colour, and the luma of the classes. */
enum { COLOURS = 3, CLASS_LUMA = 3, PLANES = 4 };

/* A block's class depends on the Laplacians from so many pixels before to as many after it, which
 * are added up in squares of 2x2. */
#define AROUND 2
#define WINDOW_SQUARES ((BLOCK + 2 * AROUND) / 2)
#define CELL_SQUARES ((8 + 2 * AROUND) / 2) /* rows of squares of a row of cells */

#define ACTIVITY_SHIFT 10 /* sums of luma in 1/16 over 64 pixels */
#define PRODUCT_SHIFT 4   /* so that products of two sums fit 32 bits */

_Static_assert(BEFORE > AROUND && AFTER > AROUND + 2 * MICA_LAPLACIAN_SQUARES,
               "the margins hold the squares, and a pixel around them");
_Static_assert(8 * MICA_RESTORATION_CELLS >= REACH && 8 * MICA_RESTORATION_CELLS > AROUND,
               "the filter sees no more than the cells around");

MICA_INLINE int row_pixels(int columns)
{
    return BEFORE + 8 * columns + AFTER;
}

size_t mica_sample_row_elements(int columns)
{
    return 8 * PLANES * (size_t)row_pixels(columns);
}

/* Squares of a row, as many as the kernel writes. */
static size_t square_columns(int columns)
{
    return ((size_t)(8 * columns + 2 * AROUND) / 2 + MICA_LAPLACIAN_SQUARES - 1) &
           ~(size_t)(MICA_LAPLACIAN_SQUARES - 1);
}

static size_t class_elements(size_t blocks)
{
    return blocks + MICA_RESTORATION_MORE_BLOCKS;
}

size_t mica_restoration_scratch(int columns)
{
    return CELL_SQUARES * MICA_DIRECTIONS * square_columns(columns) * sizeof(int32_t) +
           2 * COLOURS * (size_t)row_pixels(columns) * sizeof(int16_t) +
           class_elements(2 * (size_t)columns);
}

MicaSampleWindow mica_sample_window(int16_t *data, MicaRect cells)
{
    return (MicaSampleWindow){data, cells, PLANES * row_pixels(mica_rect_width(&cells))};
}

/* Pixel (x, y) of the picture in a plane. */
static int16_t *plane_at(const MicaSampleWindow *w, int plane, int x, int y)
{
    return w->data + (y - 8 * w->cells.y0) * w->stride +
           plane * row_pixels(mica_rect_width(&w->cells)) + BEFORE + x - 8 * w->cells.x0;
}

const int16_t *mica_sample_window_row(const MicaSampleWindow *window, int colour, int y)
{
    return plane_at(window, colour, 8 * window->cells.x0, y);
}

/* Pixel (x, y) of the picture in the planes of colour. */
static void colours_at(const MicaSampleWindow *w, int x, int y, const int16_t *plane[COLOURS])
{
    for (int c = 0; c < COLOURS; c++)
        plane[c] = plane_at(w, c, x, y);
}

/* Pixel x of the planes of a row -> RGB. */
MICA_INLINE void pixel_rgb(const int16_t *const *plane, int x, int rgb[3])
{
    const int ycocg[COLOURS] = {plane[0][x], plane[1][x], plane[2][x]};
    mica_ycocg_to_rgb(ycocg, rgb);
}

void mica_sample_window_get(const MicaSampleWindow *window, int x, int y, int count, int16_t *rgb)
{
    const int16_t *plane[COLOURS];
    colours_at(window, x, y, plane);
    for (int i = 0; i < count; i++) {
        int v[3];
        pixel_rgb(plane, i, v);
        for (int c = 0; c < 3; c++)
            rgb[3 * i + c] = (int16_t)v[c];
    }
}

/* Repeat pixel `from` in from..to-1 of row y, or in to+1..from where `to` is before it. */
static void repeat_pixel(const MicaSampleWindow *w, int y, int from, int to)
{
    const int step = to < from ? -1 : 1;
    for (int p = 0; p < PLANES; p++) {
        int16_t *row = plane_at(w, p, from, y);
        for (int i = step; i != to - from; i += step)
            row[i] = *row;
    }
}

MICA_INLINE int limited_sample(int16_t v)
{
    return v < 0 ? 0 : v > MICA_RESTORATION_MAX ? MICA_RESTORATION_MAX : v;
}

/* A row of a cell. */
static void put_pixels(const int16_t in[24], int16_t *const plane[PLANES])
{
    for (int i = 0; i < 8; i++) {
        int rgb[3], ycocg[COLOURS];
        for (int c = 0; c < 3; c++)
            rgb[c] = limited_sample(in[3 * i + c]);
        mica_rgb_to_ycocg(rgb, ycocg);
        for (int c = 0; c < COLOURS; c++)
            plane[c][i] = (int16_t)ycocg[c];
        plane[CLASS_LUMA][i] = (int16_t)(ycocg[0] >> 2);
    }
}

void mica_sample_window_put(const MicaSampleWindow *w, const MicaGeometry *g, int y,
                            const int16_t *samples)
{
    const int columns = mica_rect_width(&w->cells), x0 = 8 * w->cells.x0;
    for (int dy = 0; dy < 8; dy++) {
        const int16_t *in = samples + dy * 24;
        for (int i = 0; i < columns; i++, in += MICA_CELL_SAMPLES) {
            int16_t *plane[PLANES];
            for (int p = 0; p < PLANES; p++)
                plane[p] = plane_at(w, p, x0 + 8 * i, 8 * y + dy);
            put_pixels(in, plane);
        }
        if (x0 == 0)
            repeat_pixel(w, 8 * y + dy, 0, -BEFORE - 1);
        if (8 * w->cells.x1 >= g->width)
            repeat_pixel(w, 8 * y + dy, g->width - 1, 8 * w->cells.x1 + AFTER);
    }
}

/* ---- classes ---- */

/* Where the larger of two sums is clearly larger: 1, very clearly: 2. */
static int clearly(uint32_t large, uint32_t small)
{
    return 2 * large > 9 * small ? 2 : large > 2 * small ? 1 : 0;
}

/* From sums over the window of a block: above and below, left and right, both diagonals. */
static uint8_t classify(const int32_t sum[MICA_DIRECTIONS])
{
    const int32_t activity = (sum[0] + sum[1]) >> ACTIVITY_SHIFT;
    const int a = (activity >= 2) + (activity >= 6) + (activity >= 14) + (activity >= 30);
    uint32_t s[MICA_DIRECTIONS];
    for (int d = 0; d < MICA_DIRECTIONS; d++)
        s[d] = (uint32_t)sum[d] >> PRODUCT_SHIFT;
    const uint32_t large = s[0] > s[1] ? s[0] : s[1], small = s[0] > s[1] ? s[1] : s[0];
    const uint32_t large2 = s[2] > s[3] ? s[2] : s[3], small2 = s[2] > s[3] ? s[3] : s[2];
    const int diagonal = large2 * small > large * small2;
    const int strength = diagonal ? clearly(large2, small2) : clearly(large, small);
    const int which = diagonal ? 2 + (s[2] <= s[3]) : s[0] <= s[1];
    return (uint8_t)(MICA_RESTORATION_DIRECTIONS * a + (strength ? 2 * which + strength : 0));
}

/* Of a row of blocks, from the rows of squares of its windows. */
static void classify_row(const int32_t *squares, size_t columns, int blocks, uint8_t *classes)
{
    for (int i = 0; i < blocks; i++) {
        int32_t sum[MICA_DIRECTIONS] = {0};
        for (int d = 0; d < MICA_DIRECTIONS; d++)
            for (size_t y = 0; y < WINDOW_SQUARES; y++) {
                const int32_t *row = squares + (y * MICA_DIRECTIONS + (size_t)d) * columns +
                                     (ptrdiff_t)i * (BLOCK / 2);
                sum[d] += row[0] + row[1] + row[2] + row[3];
            }
        classes[i] = classify(sum);
    }
}

/* ---- filter ---- */

void mica_restoration_weights(const int16_t *anchors, int quality, int strength,
                              int16_t weight[MICA_RESTORATION_SET])
{
    mica_gains_interpolate(anchors, MICA_RESTORATION_SET, quality, weight);
    for (int i = 0; i < MICA_RESTORATION_SET; i++)
        weight[i] = (int16_t)((weight[i] * strength + MICA_RESTORATION_UNIT / 2) >>
                              MICA_RESTORATION_UNIT_SHIFT);
}

typedef struct RestoreJob {
    const MicaRunner *runner;
    const MicaSampleWindow *window;
    MicaRect cells;
    const int16_t *weight;
    MicaRestoredFn *fn;
    void *context;
} RestoreJob;

static void find_squares(const RestoreJob *j, int x0, int y0, size_t columns, int32_t *squares)
{
    for (int s = 0; s < CELL_SQUARES; s++) {
        const int16_t *rows[4];
        int32_t *sums[MICA_DIRECTIONS];
        for (int i = 0; i < 4; i++)
            rows[i] =
                plane_at(j->window, CLASS_LUMA, x0 - AROUND,
                         mica_repeated_row(&j->runner->geometry, y0 - AROUND + 2 * s + i - 1));
        for (int d = 0; d < MICA_DIRECTIONS; d++)
            sums[d] = squares + (size_t)(s * MICA_DIRECTIONS + d) * columns;
        j->runner->network->kernels.laplacians(rows, columns, sums);
    }
}

/* RGB of planes of their own in one row. */
static void interleave(const int16_t *const plane[COLOURS], int count, int16_t *rgb)
{
    for (int i = 0; i < count; i++)
        for (int c = 0; c < COLOURS; c++)
            rgb[COLOURS * i + c] = plane[c][i];
}

static void restore_cells(void *context, int index, int thread)
{
    const RestoreJob *j = context;
    const MicaGeometry *g = &j->runner->geometry;
    const int x0 = 8 * j->cells.x0, y0 = 8 * (j->cells.y0 + index);
    const int count = 8 * j->cells.x1 < g->width ? 8 * j->cells.x1 - x0 : g->width - x0;
    const int blocks = (count + BLOCK - 1) / BLOCK;
    const int pixels = row_pixels(mica_rect_width(&j->cells));
    const size_t columns = square_columns(mica_rect_width(&j->cells));
    int32_t *squares = mica_runner_scratch(j->runner, thread);
    int16_t *rgb = (int16_t *)(squares + CELL_SQUARES * MICA_DIRECTIONS * columns);
    int16_t *out[COLOURS];
    for (int c = 0; c < COLOURS; c++)
        out[c] = rgb + (COLOURS + c) * pixels;
    uint8_t *classes = (uint8_t *)(rgb + 2 * COLOURS * pixels);
    memset(classes, 0, class_elements((size_t)blocks));
    find_squares(j, x0, y0, columns, squares);
    for (int y = y0; y < y0 + 8 && y < g->height; y++) {
        const int16_t *rows[COLOURS][2 * REACH + 1];
        if (y % BLOCK == 0)
            classify_row(squares + (size_t)(y - y0) / 2 * MICA_DIRECTIONS * columns, columns,
                         blocks, classes);
        for (int c = 0; c < COLOURS; c++)
            for (int i = 0; i <= 2 * REACH; i++)
                rows[c][i] = plane_at(j->window, c, x0, mica_repeated_row(g, y + i - REACH));
        j->runner->network->kernels.restore(rows, j->weight, classes, (size_t)blocks, out);
        interleave((const int16_t *const *)out, count, rgb);
        const MicaRestoredRow row = {x0, y, count, j->window, rgb, classes};
        j->fn(j->context, &row);
    }
}

void mica_restore(const MicaRunner *runner, const MicaSampleWindow *window, MicaRect cells,
                  const int16_t *weight, MicaRestoredFn *fn, void *context)
{
    RestoreJob job = {runner, window, cells, weight, fn, context};
    mica_pool_run(runner->pool, mica_rect_height(&cells), restore_cells, &job);
}

/* ---- how well it does ---- */

/* Sample c of pixel x of a row of the picture, in 1/64. */
MICA_INLINE int original(const MicaImage *image, const uint8_t *row, int x, int c)
{
    const int i = x * image->channels + (image->channels < 3 ? 0 : c);
    return image->depth == 16 ? (((const uint16_t *)(const void *)row)[i] * 64 + 128) / 257
                              : row[i] * 64;
}

void mica_restoration_measure(void *context, const MicaRestoredRow *r)
{
    MicaRestorationGain *gain = context;
    const MicaImage *image = gain->image;
    const uint8_t *row = (const uint8_t *)image->data + r->y * image->stride;
    const int16_t *plane[COLOURS];
    colours_at(r->window, r->x, r->y, plane);
    int64_t product = 0, square = 0;
    for (int i = 0; i < r->count; i++) {
        int decoded[3];
        pixel_rgb(plane, i, decoded);
        for (int c = 0; c < 3; c++) {
            const int change = r->filtered[3 * i + c] - decoded[c];
            product += (int64_t)change * (original(image, row, r->x + i, c) - decoded[c]);
            square += (int64_t)change * change;
        }
    }
    atomic_fetch_add(&gain->product, product);
    atomic_fetch_add(&gain->square, square);
}

/* Encoder only, so doubles do no harm. The error falls by 2 s product - s^2 square at s times the
 * weights. */
int mica_restoration_strength(const MicaRestorationGain *gain)
{
    if (gain->product <= 0 || gain->square <= 0)
        return 0;
    const double best = (double)gain->product / (double)gain->square * MICA_RESTORATION_UNIT;
    return best < MICA_RESTORATION_STRONGEST ? (int)(best + 0.5) : MICA_RESTORATION_STRONGEST;
}
