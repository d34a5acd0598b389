#include "codec/enc_coarse.h"

#include <stdlib.h>
#include <string.h>

#include "codec/base/mem.h"

#define SCALE MICA_COARSE_SCALE
#define WINDOW MICA_COARSE_WINDOW
#define RANGE MICA_COARSE_RANGE
#define BORDER (WINDOW + RANGE)

MicaStatus mica_coarse_create(MicaCoarse *c, int width, int height)
{
    memset(c, 0, sizeof *c);
    c->width = (width + SCALE - 1) / SCALE;
    c->height = (height + SCALE - 1) / SCALE;
    c->stride = c->width + 2 * BORDER;
    c->memory = mica_alloc((size_t)(c->height + 2 * BORDER), (size_t)c->stride);
    if (!c->memory)
        return MICA_ERROR_OUT_OF_MEMORY;
    c->data = c->memory + BORDER * c->stride + BORDER;
    return MICA_OK;
}

void mica_coarse_free(MicaCoarse *c)
{
    mica_free(c->memory);
    memset(c, 0, sizeof *c);
}

typedef struct SetJob {
    const MicaCoarse *coarse;
    const uint8_t *plane;
    ptrdiff_t stride;
} SetJob;

static void set_row(void *context, int y, int thread)
{
    const SetJob *j = context;
    const MicaCoarse *c = j->coarse;
    const uint8_t *in = j->plane + SCALE * y * j->stride;
    uint8_t *out = c->data + y * c->stride;
    (void)thread;
    for (int x = 0; x < c->width; x++, in += SCALE) {
        unsigned sum = 0;
        for (int i = 0; i < SCALE; i++)
            for (int k = 0; k < SCALE; k++)
                sum += in[i * j->stride + k];
        out[x] = (uint8_t)((sum + 8) >> 4);
    }
    mica_extend_row(out, c->width, BORDER);
}

void mica_coarse_set(MicaCoarse *c, const uint8_t *plane, ptrdiff_t stride, MicaPool *pool)
{
    SetJob job = {c, plane, stride};
    mica_pool_run(pool, c->height, set_row, &job);
    mica_extend_rows(c->data, c->stride, c->height, BORDER);
}

/* Where the middle of the search is, so that a window at `at` finds the whole range in the border.
 */
static int confine(int at, int centre, int size)
{
    const int least = -BORDER + RANGE - at, most = size + BORDER - RANGE - WINDOW - at;
    centre = centre > most ? most : centre;
    return centre < least ? least : centre;
}

MicaCoarseMatch mica_coarse_search(const MicaCoarse *current, const MicaCoarse *reference,
                                   const MicaMotionKernels *kernels, int column, int row,
                                   MicaVector centre)
{
    const int around = (WINDOW - MICA_COARSE_SQUARE) / 2;
    const int x = column * MICA_COARSE_SQUARE - around, y = row * MICA_COARSE_SQUARE - around;
    const int cx = confine(x, centre.x, reference->width);
    const int cy = confine(y, centre.y, reference->height);
    const uint8_t *block = current->data + y * current->stride + x;
    /* SAD, length and, so that the order does not matter, the place. From the middle on: where that
     * is good, most rows have nothing better. */
    unsigned best = UINT32_MAX;
    for (int i = 0; i < MICA_SAD_POSITIONS; i++) {
        const int dy = i & 1 ? -(i + 1) / 2 : i / 2;
        uint16_t sum[MICA_SAD_POSITIONS];
        const uint8_t *at = reference->data + (y + cy + dy) * reference->stride + x + cx - RANGE;
        if (kernels->sad_row(block, current->stride, at, reference->stride, sum) > best >> 16)
            continue;
        for (int k = 0; k < MICA_SAD_POSITIONS; k++) {
            const int length = abs(k - RANGE) + abs(dy);
            const int place = (dy + RANGE) * MICA_SAD_POSITIONS + k;
            const unsigned cost = (unsigned)sum[k] << 16 | (unsigned)length << 10 | (unsigned)place;
            best = cost < best ? cost : best;
        }
    }
    const int place = (int)(best & 1023);
    return (MicaCoarseMatch){{(int16_t)(cx + place % MICA_SAD_POSITIONS - RANGE),
                              (int16_t)(cy + place / MICA_SAD_POSITIONS - RANGE)},
                             best >> 16};
}
