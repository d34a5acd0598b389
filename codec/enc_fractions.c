#include "codec/enc_fractions.h"

#include <string.h>

#include "codec/base/mem.h"

#define OUTSIDE MICA_MOTION_OUTSIDE
#define STRIP MICA_MOTION_SQUARE

MicaStatus mica_fractions_create(MicaFractions *f, int width, int height)
{
    memset(f, 0, sizeof *f);
    f->width = width;
    f->height = height;
    /* Whole blocks, of an even number of rows, as the kernel makes them. Not a multiple of the
     * page: rows and fractions would meet in the same lines of the cache. */
    f->stride = (width + 2 * OUTSIDE + 63) / 64 * 64;
    f->plane = (height + 2 * OUTSIDE + 1) / 2 * 2 * f->stride + 64;
    f->memory = mica_alloc(MICA_FRACTIONS, (size_t)f->plane);
    if (!f->memory)
        return MICA_ERROR_OUT_OF_MEMORY;
    f->origin = f->memory + OUTSIDE * f->stride + OUTSIDE;
    return MICA_OK;
}

void mica_fractions_free(MicaFractions *f)
{
    mica_free(f->memory);
    memset(f, 0, sizeof *f);
}

typedef struct SetJob {
    const MicaFractions *fractions;
    const MicaMotionKernels *kernels;
    const MicaReference *reference;
} SetJob;

static void set_strip(void *context, int index, int thread)
{
    const SetJob *j = context;
    const MicaFractions *f = j->fractions;
    const MicaReference *r = j->reference;
    const int first = index * STRIP - OUTSIDE, end = f->height + OUTSIDE;
    const int rows = end - first < STRIP ? end - first : STRIP;
    const uint8_t *from = r->plane[MICA_REFERENCE_LUMA] + first * r->stride - OUTSIDE;
    uint8_t *to = f->origin + first * f->stride - OUTSIDE;
    (void)thread;
    for (int y = 0; y < rows; y++)
        memcpy(to + y * f->stride, from + y * r->stride, (size_t)(f->width + 2 * OUTSIDE));
    for (int x = 0; x < f->width + 2 * OUTSIDE; x += 16)
        j->kernels->fractions(from + x, r->stride, (rows + 1) & ~1, to + x, f->stride, f->plane);
}

void mica_fractions_set(MicaFractions *fractions, const MicaMotionKernels *kernels,
                        const MicaReference *reference, MicaPool *pool)
{
    SetJob job = {fractions, kernels, reference};
    mica_pool_run(pool, (fractions->height + 2 * OUTSIDE + STRIP - 1) / STRIP, set_strip, &job);
}
