#include "codec/enc_search_restoration.h"

#include <string.h>

#include "transforms/restoration_places.h"

#define REACH MICA_RESTORATION_REACH
#define BLOCK MICA_RESTORATION_BLOCK
#define MARGIN 4 /* pixels of a row on both sides, which the filter reaches */

_Static_assert(MARGIN >= REACH, "neighbours of the first and the last pixel have a place");

enum { COLOURS = 3 };

static ptrdiff_t plane_width(int columns)
{
    return 16 * columns + 2 * MARGIN;
}

size_t mica_search_plane_elements(int columns, int rows)
{
    return COLOURS * (size_t)plane_width(columns) * (size_t)(16 * rows + 2 * REACH);
}

/* The first pixel of row y in a plane. */
static float *gradient_at(const MicaSearchWindow *win, float *planes, int plane, int y)
{
    return planes + ((ptrdiff_t)(y + REACH) * COLOURS + plane) * plane_width(win->w) + MARGIN;
}

void mica_search_keep_gradient(MicaSearchWindow *win, int index, const float *samples)
{
    for (int dy = 0; dy < 8; dy++) {
        float *plane[COLOURS];
        for (int c = 0; c < COLOURS; c++)
            plane[c] = gradient_at(win, win->by_filtered, c, 8 * index + dy);
        for (int x = 0; x < 16 * win->w; x++) {
            const float *rgb = samples + (ptrdiff_t)(x / 8) * 192 + dy * 24 + (x & 7) * 3;
            plane[0][x] = rgb[0] + rgb[1] + rgb[2];
            plane[1][x] = (rgb[0] - rgb[2]) * 0.5f;
            plane[2][x] = rgb[1] - plane[0][x] * 0.5f;
        }
        for (int c = 0; c < COLOURS; c++)
            memcpy(gradient_at(win, win->by_decoded, c, 8 * index + dy), plane[c],
                   16 * (size_t)win->w * sizeof *plane[c]);
    }
}

void mica_search_get_gradient(const MicaSearchWindow *win, const MicaGeometry *geometry, int index,
                              float *samples)
{
    memset(samples, 0, (size_t)2 * (size_t)win->w * 192 * sizeof *samples);
    for (int dy = 0; dy < 8 && 8 * index + dy < geometry->height; dy++) {
        const float *plane[COLOURS];
        for (int c = 0; c < COLOURS; c++)
            plane[c] = gradient_at(win, win->by_decoded, c, 8 * index + dy);
        for (int x = 0; x < geometry->width; x++) {
            float *rgb = samples + (ptrdiff_t)(x / 8) * 192 + dy * 24 + (x & 7) * 3;
            const float middle = plane[0][x] * 0.25f - plane[2][x] * 0.5f;
            rgb[0] = middle + plane[1][x];
            rgb[1] = plane[0][x] * 0.5f + plane[2][x];
            rgb[2] = middle - plane[1][x];
        }
    }
}

typedef struct BackJob {
    MicaSearchWindow *window;
    const MicaSampleWindow *samples;
    const MicaGeometry *geometry;
    float factor[MICA_RESTORATION_SET];
    int first; /* row of cells, of every second one */
} BackJob;

/* What a row of blocks works with, each of the window's width. */
typedef struct Room {
    float *factor[4], *own[BLOCK];
} Room;

static Room room_at(float *scratch, int width)
{
    Room room;
    for (int i = 0; i < 4; i++)
        room.factor[i] = scratch + (ptrdiff_t)i * width;
    for (int i = 0; i < BLOCK; i++)
        room.own[i] = scratch + (ptrdiff_t)(4 + i) * width;
    return room;
}

/* The four weights of a pair, for each pixel. */
static void spread_factors(const uint8_t *classes, int blocks, const float *factor,
                           const Room *room)
{
    for (int b = 0; b < blocks; b++)
        for (int i = 0; i < 4; i++) {
            const float f = factor[(ptrdiff_t)classes[b] * MICA_RESTORATION_WEIGHTS + i];
            for (int k = 0; k < BLOCK; k++)
                room->factor[i][b * BLOCK + k] = f;
        }
}

/* What the pixels of a row of blocks owe to themselves and to those around them. */
static void blocks_back(const BackJob *j, int c, int y0, const Room *room)
{
    const MicaSearchWindow *win = j->window;
    /* The last of these have no gradient. */
    const int width =
        (j->geometry->width + MICA_FLOAT_PIXELS - 1) / MICA_FLOAT_PIXELS * MICA_FLOAT_PIXELS;
    const int rows = j->geometry->height - y0 < BLOCK ? j->geometry->height - y0 : BLOCK;
    const uint8_t *classes = win->classes + (ptrdiff_t)(y0 / BLOCK) * 4 * win->w;
    const float *factor = j->factor + (c ? MICA_RESTORATION_LUMA_WEIGHTS : 0);
    const int pairs = c ? MICA_RESTORATION_CHROMA_PAIRS : MICA_RESTORATION_LUMA_PAIRS;
    for (int i = 0; i < rows; i++)
        memset(room->own[i], 0, (size_t)width * sizeof(float));
    for (int p = 0; p < pairs; p++, factor += 4) {
        spread_factors(classes, width / BLOCK, factor, room);
        for (int i = 0; i < 2 * rows; i++) {
            const int sign = i & 1 ? -1 : 1, own = i / 2, y = y0 + own;
            const int dy = sign * mica_restoration_places[p].dy,
                      dx = sign * mica_restoration_places[p].dx;
            win->picture->network->kernels.pull(
                mica_sample_window_row(j->samples, c, y),
                mica_sample_window_row(j->samples, c, mica_repeated_row(j->geometry, y + dy)) + dx,
                (const float *const *)room->factor, gradient_at(win, win->by_filtered, c, y),
                room->own[own], gradient_at(win, win->by_decoded, c, y + dy) + dx, (size_t)width);
        }
    }
    for (int i = 0; i < rows; i++) {
        float *decoded = gradient_at(win, win->by_decoded, c, y0 + i);
        for (int x = 0; x < width; x++)
            decoded[x] += room->own[i][x];
    }
}

static void cells_back(void *context, int index, int thread)
{
    const BackJob *j = context;
    const int y0 = 8 * (2 * index + j->first);
    const Room room =
        room_at(mica_float_runner_scratch(&j->window->runner, thread), 16 * j->window->w);
    for (int y = y0; y < y0 + 8 && y < j->geometry->height; y += BLOCK)
        for (int c = 0; c < COLOURS; c++)
            blocks_back(j, c, y, &room);
}

void mica_search_restoration_back(MicaSearchWindow *win, const MicaSampleWindow *samples,
                                  const MicaGeometry *geometry, const int16_t *weight)
{
    BackJob job = {.window = win, .samples = samples, .geometry = geometry};
    for (int i = 0; i < MICA_RESTORATION_SET; i++)
        job.factor[i] = (float)weight[i] * (1.0f / (1 << MICA_RESTORATION_FRACTION));
    /* A row of cells reaches half of the next ones: every second row at a time, so that no two
     * threads add to one pixel, and sums have one order. */
    for (job.first = 0; job.first < 2; job.first++)
        mica_pool_run(win->runner.pool, win->h, cells_back, &job);
}
