/* The decoder of a sequence with predicted frames: one packet after the other, with all threads;
 * frames leave in the order in which they are shown. */
#ifndef MICA_CODEC_DEC_PREDICTED_H
#define MICA_CODEC_DEC_PREDICTED_H

#include "codec/frame_store.h"
#include "codec/session.h"
#include "codec/yuv.h"

/* Frames that may wait for one that is shown before them, and the one that ends the wait. */
#define MICA_MAX_HELD (MICA_REFERENCE_SLOTS + 1)

/* A decoded frame, or an error in its place. */
typedef struct MicaHeldFrame {
    MicaVideoPacket packet; /* time stamps */
    uint64_t order;         /* if not known: of the last one before, in decoding order */
    int known;              /* whether the packet told its order */
    uint8_t *block;         /* the samples */
    int key;
    MicaStatus status;
    MicaError error;
} MicaHeldFrame;

typedef struct MicaPredictedDecoder {
    const MicaVideoInfo *info;
    const uint8_t *model_id; /* of intra frames */
    const MicaSession *intra;
    MicaSession predicted;
    MicaYuv *yuv;

    MicaFrameStore store;
    MicaHeldFrame held[MICA_MAX_HELD]; /* the first `count`; the others have memory */
    int count, draining;
    uint64_t key_order, last_order; /* of the last key frame, of the last frame in time */
    uint64_t shown_order;           /* up to which frames were shown, or lost ones in their place */
} MicaPredictedDecoder;

/* Set the members down to `yuv` first, except `predicted`. */
MicaStatus mica_predicted_decoder_open(MicaPredictedDecoder *d, const MicaModel *model, int threads,
                                       uint32_t cpu_mask, MicaError *error);
void mica_predicted_decoder_close(MicaPredictedDecoder *d);

/* Decode a packet, NULL at the end. MICA_ERROR_AGAIN, MICA_ERROR_EOF; errors of the packet come out
 * in its place. */
MicaStatus mica_predicted_decoder_send(MicaPredictedDecoder *d, const MicaVideoPacket *packet,
                                       MicaError *error);

/* The next frame to show, or error to report, NULL if more packets are needed; it stays until the
 * next call. */
MicaHeldFrame *mica_predicted_decoder_receive(MicaPredictedDecoder *d);

void mica_predicted_decoder_flush(MicaPredictedDecoder *d);

#endif
