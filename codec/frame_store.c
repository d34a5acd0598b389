#include "codec/frame_store.h"

#include <string.h>

MicaStatus mica_frame_store_create(MicaFrameStore *store, int width, int height, int channels,
                                   uint32_t cpu_flags)
{
    memset(store, 0, sizeof *store);
    mica_motion_kernels_init(&store->kernels, cpu_flags);
    store->width = width;
    store->height = height;
    MicaStatus status = mica_motion_field_create(&store->field, width, height);
    if (status == MICA_OK)
        status = mica_image_alloc(&store->prediction, width, height, channels);
    if (status != MICA_OK)
        mica_frame_store_free(store);
    return status;
}

void mica_frame_store_free(MicaFrameStore *store)
{
    for (int i = 0; i < MICA_REFERENCE_SLOTS; i++)
        mica_reference_free(&store->slot[i]);
    mica_motion_field_free(&store->field);
    mica_image_free(&store->prediction);
    memset(store, 0, sizeof *store);
}

MicaStatus mica_frame_store_references(MicaFrameStore *store, const MicaFrameHeader *header,
                                       const MicaReference *reference[MICA_MOTION_REFERENCES])
{
    if (header->number != store->kept)
        store->filled = 0;
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++) {
        reference[i] = NULL;
        if (i >= header->references)
            continue;
        if (!(store->filled >> header->slot[i] & 1))
            return MICA_ERROR_BITSTREAM;
        reference[i] = &store->slot[header->slot[i]];
    }
    return MICA_OK;
}

MicaStatus mica_frame_store_keep(MicaFrameStore *store, const MicaFrameHeader *header,
                                 const MicaImage *decoded, MicaPool *pool)
{
    if (header->type == MICA_FRAME_INTRA)
        store->filled = 0;
    for (int i = 0; i < MICA_REFERENCE_SLOTS; i++) {
        if (!(header->keep >> i & 1))
            continue;
        MicaReference *r = &store->slot[i];
        if (!r->memory) {
            const MicaStatus status = mica_reference_create(r, store->width, store->height);
            if (status != MICA_OK)
                return status;
        }
        mica_reference_set(r, &store->kernels, decoded, pool);
        store->filled |= 1u << i;
    }
    store->kept = (uint8_t)(header->number + (header->keep != 0));
    return MICA_OK;
}
