#include "codec/reference.h"

#include <string.h>

#include "codec/base/mem.h"

#define BORDER MICA_REFERENCE_BORDER

static size_t plane_bytes(int width, int height)
{
    return (size_t)(width + 2 * BORDER) * (size_t)(height + 2 * BORDER);
}

size_t mica_reference_memory(int width, int height)
{
    return MICA_REFERENCE_PLANES * plane_bytes(width, height);
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
    for (int p = 0; p < MICA_REFERENCE_PLANES; p++) {
        memset(row[p] - BORDER, row[p][0], BORDER);
        memset(row[p] + width, row[p][width - 1], BORDER);
    }
}

void mica_reference_set(MicaReference *reference, const MicaMotionKernels *kernels,
                        const MicaImage *image, MicaPool *pool)
{
    SetJob job = {reference, kernels, image};
    mica_pool_run(pool, reference->height, set_row, &job);
    for (int p = 0; p < MICA_REFERENCE_PLANES; p++) {
        uint8_t *top = reference->plane[p] - BORDER;
        uint8_t *bottom = top + (reference->height - 1) * reference->stride;
        for (int i = 1; i <= BORDER; i++) {
            memcpy(top - i * reference->stride, top, (size_t)reference->stride);
            memcpy(bottom + i * reference->stride, bottom, (size_t)reference->stride);
        }
    }
    reference->serial++;
}
