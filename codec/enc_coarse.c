#include "codec/enc_coarse.h"

#include <stdlib.h>
#include <string.h>

#include "codec/base/mem.h"

#define SCALE 4
#define WINDOW 8 /* 32x32 pixels around the square */
#define RANGE (MICA_SAD_POSITIONS / 2)
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
    const MicaReference *reference;
} SetJob;

static void set_row(void *context, int y, int thread)
{
    const SetJob *j = context;
    const MicaCoarse *c = j->coarse;
    const ptrdiff_t stride = j->reference->stride;
    const uint8_t *in = j->reference->plane[MICA_REFERENCE_LUMA] + SCALE * y * stride;
    uint8_t *out = c->data + y * c->stride;
    (void)thread;
    for (int x = 0; x < c->width; x++, in += SCALE) {
        unsigned sum = 0;
        for (int i = 0; i < SCALE; i++)
            for (int k = 0; k < SCALE; k++)
                sum += in[i * stride + k];
        out[x] = (uint8_t)((sum + 8) >> 4);
    }
    mica_extend_row(out, c->width, BORDER);
}

void mica_coarse_set(MicaCoarse *c, const MicaReference *reference, MicaPool *pool)
{
    SetJob job = {c, reference};
    mica_pool_run(pool, c->height, set_row, &job);
    mica_extend_rows(c->data, c->stride, c->height, BORDER);
}

/* The window around a square begins at most two samples outside the picture, and ends less than
 * WINDOW outside, so the border holds all places. */
MicaVector mica_coarse_search(const MicaCoarse *current, const MicaCoarse *reference,
                              const MicaMotionKernels *kernels, int column, int row)
{
    const int square = MICA_MOTION_SQUARE / SCALE, around = (WINDOW - square) / 2;
    const int x = column * square - around, y = row * square - around;
    const uint8_t *block = current->data + y * current->stride + x;
    /* SAD, length and, so that the order does not matter, the place. From the middle on: where that
     * is good, most rows have nothing better. */
    unsigned best = UINT32_MAX;
    for (int i = 0; i < MICA_SAD_POSITIONS; i++) {
        const int dy = i & 1 ? -(i + 1) / 2 : i / 2;
        uint16_t sum[MICA_SAD_POSITIONS];
        const uint8_t *at = reference->data + (y + dy) * reference->stride + x - RANGE;
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
    const int best_x = place % MICA_SAD_POSITIONS - RANGE;
    const int best_y = place / MICA_SAD_POSITIONS - RANGE;
    return (MicaVector){(int16_t)(best_x * SCALE * 4), (int16_t)(best_y * SCALE * 4)};
}
