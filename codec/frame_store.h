/* The decoded frames that others are predicted from, in numbered slots, and the prediction itself:
 * what encoder and decoder do alike. */
#ifndef MICA_CODEC_FRAME_STORE_H
#define MICA_CODEC_FRAME_STORE_H

#include "codec/frame_packet.h"

typedef struct MicaFrameStore {
    MicaMotionKernels kernels;
    int width, height;
    MicaReference slot[MICA_REFERENCE_SLOTS];
    MicaMotionField motion[MICA_REFERENCE_SLOTS]; /* of the frames in the slots */
    uint32_t order[MICA_REFERENCE_SLOTS];
    unsigned filled;       /* bit i: slot i holds a frame */
    uint8_t kept;          /* frames since the start, modulo 256 */
    MicaMotionField field; /* of the frame at hand */
    MicaImage prediction;
} MicaFrameStore;

/* Frames of `channels` 1 or 3. Slots get their memory when they are first filled.
 * MICA_ERROR_OUT_OF_MEMORY; the store is zeroed then. */
MicaStatus mica_frame_store_create(MicaFrameStore *store, int width, int height, int channels,
                                   uint32_t cpu_flags);
void mica_frame_store_free(MicaFrameStore *store);

/* The references of a predicted frame, NULL for one that it has not, how far away they are (in
 * store->field), and `before`, the field that its motion is coded with. MICA_ERROR_BITSTREAM if a
 * slot is empty, or if the frame's number says that one is missing: then all slots are emptied, so
 * that everything up to the next key frame is refused. */
MicaStatus mica_frame_store_references(MicaFrameStore *store, const MicaFrameHeader *header,
                                       const MicaReference *reference[MICA_MOTION_REFERENCES],
                                       const MicaMotionField **before);

/* Keep a decoded frame and its motion (store->field) as its header says; a key frame empties all
 * slots first, and has no motion.
 * MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_frame_store_keep(MicaFrameStore *store, const MicaFrameHeader *header,
                                 const MicaImage *decoded, MicaPool *pool);

#endif
