#include "codec/reference.h"

#include <string.h>

#include "codec/base/mem.h"

#define BORDER MICA_REFERENCE_BORDER

static size_t plane_bytes(int width, int height)
{
    return (size_t)(width + 2 * BORDER) * (size_t)(height + 2 * BORDER);
}

MicaStatus mica_reference_create(MicaReference *r, int width, int height)
{
    const size_t bytes = plane_bytes(width, height);
    memset(r, 0, sizeof *r);
    r->memory = mica_alloc(MICA_REFERENCE_PLANES, bytes);
    if (!r->memory)
        return MICA_ERROR_OUT_OF_MEMORY;
    r->width = width;
    r->height = height;
    r->stride = width + 2 * BORDER;
    for (int p = 0; p < MICA_REFERENCE_PLANES; p++)
        r->plane[p] = r->memory + (size_t)p * bytes + BORDER * r->stride + BORDER;
    return MICA_OK;
}

void mica_reference_free(MicaReference *reference)
{
    mica_free(reference->memory);
    memset(reference, 0, sizeof *reference);
}

void mica_extend_row(uint8_t *row, int width, int border)
{
    memset(row - border, row[0], (size_t)border);
    memset(row + width, row[width - 1], (size_t)border);
}

void mica_extend_rows(uint8_t *origin, ptrdiff_t stride, int height, int border)
{
    uint8_t *top = origin - border, *bottom = top + (height - 1) * stride;
    for (int i = 1; i <= border; i++) {
        memcpy(top - i * stride, top, (size_t)stride);
        memcpy(bottom + i * stride, bottom, (size_t)stride);
    }
}

typedef struct SetJob {
    const MicaReference *reference;
    const MicaMotionKernels *kernels;
    const MicaImage *image;
} SetJob;

static void set_row(void *context, int y, int thread)
{
    const SetJob *j = context;
    const MicaReference *r = j->reference;
    const uint8_t *pixel = j->image->data + y * j->image->stride;
    const size_t width = (size_t)r->width;
    uint8_t *row[MICA_REFERENCE_PLANES];
    (void)thread;
    for (int p = 0; p < MICA_REFERENCE_PLANES; p++)
        row[p] = r->plane[p] + y * r->stride;
    if (j->image->channels == 3)
        j->kernels->split_rgb(pixel, width, row);
    else
        for (int p = 0; p < MICA_REFERENCE_PLANES; p++)
            memcpy(row[p], pixel, width);
    for (int p = 0; p < MICA_REFERENCE_PLANES; p++)
        mica_extend_row(row[p], r->width, BORDER);
}

void mica_reference_set(MicaReference *reference, const MicaMotionKernels *kernels,
                        const MicaImage *image, MicaPool *pool)
{
    SetJob job = {reference, kernels, image};
    mica_pool_run(pool, reference->height, set_row, &job);
    for (int p = 0; p < MICA_REFERENCE_PLANES; p++)
        mica_extend_rows(reference->plane[p], reference->stride, reference->height, BORDER);
    reference->serial++;
}
