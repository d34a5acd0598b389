/* The restoration filter on real numbers, and its gradients, for training on a processor: what
 * _Change of restoration_layer.py computes, several times faster, as the weights of a block need
 * not be written out for each of its pixels. */
#include "transforms/restoration_places.h"

#include <stdlib.h>
#include <string.h>

enum {
    COLOURS = 3,
    BLOCK = MICA_RESTORATION_BLOCK,
    MARGIN = MICA_RESTORATION_REACH,
    TERMS = 4, /* of a pair of neighbours: their differences, whole and limited */
};

static const float limits[TERMS - 1] = {MICA_RESTORATION_WIDE, MICA_RESTORATION_MIDDLE,
                                        MICA_RESTORATION_NARROW};

/* Pictures whose sides are multiples of BLOCK. */
typedef struct Pictures {
    const float *planes;   /* [COLOURS][count][height][width], in 1/64 */
    const uint8_t *blocks; /* [count][height / BLOCK][width / BLOCK], their classes */
    const float *weights;  /* [count][classes][MICA_RESTORATION_WEIGHTS] */
    int count, height, width, classes;
} Pictures;

/* Changes [COLOURS][count][height][width] that the filter makes. Returns 0, or another value
 * without memory. */
int mica_train_restore(const Pictures *p, float *changes, int threads);

/* From the gradient by the changes, that by the planes and that by the weights, both 0 before. What
 * pixels beyond the border, which repeat those at it, owe to these is left out. */
int mica_train_restore_back(const Pictures *p, const float *by_changes, float *by_planes,
                            float *by_weights, int threads);

/* What a thread works with: a plane of floats with a margin of MARGIN on all sides, another one for
 * its gradient, and rows. */
typedef struct Room {
    float *plane, *back, *weight[TERMS], *sum[TERMS], *own[BLOCK];
    ptrdiff_t stride;
} Room;

static float *room_create(Room *room, const Pictures *p)
{
    room->stride = p->width + 2 * MARGIN;
    const size_t plane = (size_t)room->stride * (size_t)(p->height + 2 * MARGIN);
    const size_t width = (size_t)p->width;
    float *at = malloc((2 * plane + (2 * TERMS + BLOCK) * width) * sizeof *at);
    if (!at)
        return NULL;
    room->plane = at + MARGIN * room->stride + MARGIN;
    room->back = room->plane + plane;
    float *rows = at + 2 * plane;
    for (size_t i = 0; i < TERMS; i++) {
        room->weight[i] = rows + i * width;
        room->sum[i] = rows + (TERMS + i) * width;
    }
    for (size_t i = 0; i < BLOCK; i++)
        room->own[i] = rows + (2 * TERMS + i) * width;
    return at;
}

/* The plane with its border repeated. */
static void extend(const Room *room, const float *plane, int height, int width)
{
    for (int y = -MARGIN; y < height + MARGIN; y++) {
        const float *from = plane + (ptrdiff_t)(y < 0 ? 0 : y < height ? y : height - 1) * width;
        float *to = room->plane + y * room->stride;
        memcpy(to, from, (size_t)width * sizeof *to);
        for (int x = 1; x <= MARGIN; x++) {
            to[-x] = from[0];
            to[width - 1 + x] = from[width - 1];
        }
    }
}

/* The weights of a pair, for each pixel of a row of blocks. */
static void spread(const Room *room, const uint8_t *blocks, const float *weights, int width)
{
    for (int x = 0; x < width; x += BLOCK) {
        const float *of = weights + (ptrdiff_t)blocks[x / BLOCK] * MICA_RESTORATION_WEIGHTS;
        for (int t = 0; t < TERMS; t++)
            for (int k = 0; k < BLOCK; k++)
                room->weight[t][x + k] = of[t];
    }
}

static inline float limited(float v, float limit)
{
    return v < -limit ? -limit : v > limit ? limit : v;
}

/* What one neighbour of each pixel adds. */
static void change(const Room *room, const float *restrict pixel, const float *restrict neighbour,
                   float *restrict sum, int width)
{
    const float *restrict w0 = room->weight[0], *restrict w1 = room->weight[1];
    const float *restrict w2 = room->weight[2], *restrict w3 = room->weight[3];
#pragma omp simd
    for (int x = 0; x < width; x++) {
        const float d = neighbour[x] - pixel[x];
        sum[x] += w0[x] * d + w1[x] * limited(d, limits[0]) + w2[x] * limited(d, limits[1]) +
                  w3[x] * limited(d, limits[2]);
    }
}

/* What the gradient by the change of each pixel says of the pixel itself, of one neighbour, and of
 * the weights. */
static void change_back(const Room *room, const float *restrict pixel,
                        const float *restrict neighbour, const float *restrict by_change,
                        float *restrict own, float *restrict other, int width)
{
    const float *restrict w0 = room->weight[0], *restrict w1 = room->weight[1];
    const float *restrict w2 = room->weight[2], *restrict w3 = room->weight[3];
    float *restrict s0 = room->sum[0], *restrict s1 = room->sum[1];
    float *restrict s2 = room->sum[2], *restrict s3 = room->sum[3];
#pragma omp simd
    for (int x = 0; x < width; x++) {
        const float g = by_change[x], d = neighbour[x] - pixel[x], apart = d < 0 ? -d : d;
        const float slope = g * (w0[x] + (apart < limits[0] ? w1[x] : 0) +
                                 (apart < limits[1] ? w2[x] : 0) + (apart < limits[2] ? w3[x] : 0));
        own[x] -= slope;
        other[x] += slope;
        s0[x] += g * d;
        s1[x] += g * limited(d, limits[0]);
        s2[x] += g * limited(d, limits[1]);
        s3[x] += g * limited(d, limits[2]);
    }
}

/* One plane of picture n: changes if by_changes is NULL, else gradients. */
static void filter_plane(const Pictures *p, const Room *room, int n, int colour, float *changes,
                         const float *by_changes, float *by_planes, float *by_weights)
{
    const int width = p->width,
              pairs = colour ? MICA_RESTORATION_CHROMA_PAIRS : MICA_RESTORATION_LUMA_PAIRS;
    const ptrdiff_t plane = ((ptrdiff_t)colour * p->count + n) * p->height * width;
    const ptrdiff_t first = (ptrdiff_t)n * p->classes * MICA_RESTORATION_WEIGHTS +
                            (colour ? MICA_RESTORATION_LUMA_WEIGHTS : 0);
    extend(room, p->planes + plane, p->height, width);
    if (by_changes)
        for (int y = -MARGIN; y < p->height + MARGIN; y++)
            memset(room->back + y * room->stride - MARGIN, 0,
                   (size_t)room->stride * sizeof *room->back);
    for (int y0 = 0; y0 < p->height; y0 += BLOCK) {
        const uint8_t *blocks =
            p->blocks + ((ptrdiff_t)n * (p->height / BLOCK) + y0 / BLOCK) * (width / BLOCK);
        for (int i = 0; i < BLOCK; i++)
            memset(room->own[i], 0, (size_t)width * sizeof(float));
        for (int pair = 0; pair < pairs; pair++) {
            spread(room, blocks, p->weights + first + (ptrdiff_t)pair * TERMS, width);
            if (by_changes)
                for (int t = 0; t < TERMS; t++)
                    memset(room->sum[t], 0, (size_t)width * sizeof(float));
            for (int i = 0; i < 2 * BLOCK; i++) {
                const int sign = i & 1 ? -1 : 1, row = i / 2;
                const ptrdiff_t at = (y0 + row) * room->stride;
                const ptrdiff_t there =
                    at + sign * (mica_restoration_places[pair].dy * room->stride +
                                 mica_restoration_places[pair].dx);
                if (by_changes)
                    change_back(room, room->plane + at, room->plane + there,
                                by_changes + plane + (ptrdiff_t)(y0 + row) * width, room->own[row],
                                room->back + there, width);
                else
                    change(room, room->plane + at, room->plane + there, room->own[row], width);
            }
            for (int t = 0; by_changes && t < TERMS; t++)
                for (int x = 0; x < width; x += BLOCK) {
                    const float *s = room->sum[t] + x;
                    by_weights[first + (ptrdiff_t)blocks[x / BLOCK] * MICA_RESTORATION_WEIGHTS +
                               (ptrdiff_t)pair * TERMS + t] += s[0] + s[1] + s[2] + s[3];
                }
        }
        for (int i = 0; i < BLOCK; i++) {
            float *back = room->back + (y0 + i) * room->stride;
            float *out = changes + plane + (ptrdiff_t)(y0 + i) * width;
            for (int x = 0; x < width; x++)
                if (by_changes)
                    back[x] += room->own[i][x];
                else
                    out[x] = limited(room->own[i][x], MICA_RESTORATION_MOST_CHANGE);
        }
    }
    for (int y = 0; by_changes && y < p->height; y++)
        memcpy(by_planes + plane + (ptrdiff_t)y * width, room->back + y * room->stride,
               (size_t)width * sizeof(float));
}

static int filter(const Pictures *p, float *changes, const float *by_changes, float *by_planes,
                  float *by_weights, int threads)
{
    int failed = 0;
#pragma omp parallel for num_threads(threads) reduction(| : failed)
    for (int n = 0; n < p->count; n++) {
        Room room;
        float *memory = room_create(&room, p);
        for (int c = 0; memory && c < COLOURS; c++)
            filter_plane(p, &room, n, c, changes, by_changes, by_planes, by_weights);
        failed |= !memory;
        free(memory);
    }
    return failed;
}

int mica_train_restore(const Pictures *p, float *changes, int threads)
{
    return filter(p, changes, NULL, NULL, NULL, threads);
}

int mica_train_restore_back(const Pictures *p, const float *by_changes, float *by_planes,
                            float *by_weights, int threads)
{
    return filter(p, NULL, by_changes, by_planes, by_weights, threads);
}
