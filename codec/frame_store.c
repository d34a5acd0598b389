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
    for (int i = 0; i < MICA_REFERENCE_SLOTS; i++) {
        mica_reference_free(&store->slot[i]);
        mica_motion_field_free(&store->motion[i]);
    }
    mica_motion_field_free(&store->field);
    mica_image_free(&store->prediction);
    memset(store, 0, sizeof *store);
}

/* In frames, as far as motion is ever scaled. */
#define FARTHEST 128

static int distance(uint32_t order, uint32_t of)
{
    const uint32_t way = order > of ? order - of : of - order;
    const int limited = way < FARTHEST ? (int)way : FARTHEST;
    return order > of ? limited : -limited;
}

MicaStatus mica_frame_store_references(MicaFrameStore *store, const MicaFrameHeader *header,
                                       const MicaReference *reference[MICA_MOTION_REFERENCES],
                                       const MicaMotionField **before)
{
    if (header->number != store->kept)
        store->filled = 0;
    store->field.references = header->references;
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++) {
        reference[i] = NULL;
        if (i >= header->references)
            continue;
        const int slot = header->slot[i];
        if (!(store->filled >> slot & 1))
            return MICA_ERROR_BITSTREAM;
        reference[i] = &store->slot[slot];
        store->field.distance[i] = distance(header->order, store->order[slot]);
        /* A later frame's motion passes through this one. */
        if (i == 0 || store->field.distance[i] < 0)
            *before = &store->motion[slot];
    }
    return MICA_OK;
}

static void keep_motion(MicaMotionField *kept, const MicaMotionField *field, MicaFrameType type)
{
    MicaMotionBlock *block = kept->block;
    memcpy(kept, field, sizeof *kept);
    kept->block = block;
    if (type == MICA_FRAME_INTRA)
        mica_motion_field_clear(kept);
    else
        memcpy(block, field->block, (size_t)field->columns * (size_t)field->rows * sizeof *block);
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
        MicaStatus status = MICA_OK;
        if (!r->memory)
            status = mica_reference_create(r, store->width, store->height);
        if (status == MICA_OK && !store->motion[i].block)
            status = mica_motion_field_create(&store->motion[i], store->width, store->height);
        if (status != MICA_OK)
            return status;
        mica_reference_set(r, &store->kernels, decoded, pool);
        keep_motion(&store->motion[i], &store->field, header->type);
        store->order[i] = header->order;
        store->filled |= 1u << i;
    }
    store->kept = (uint8_t)(header->number + (header->keep != 0));
    return MICA_OK;
}
