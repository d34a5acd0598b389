/* The encoder of a sequence with predicted frames: one frame after the other, each with all
 * threads, because each needs what the ones before decode to. */
#ifndef MICA_CODEC_ENC_PREDICTED_H
#define MICA_CODEC_ENC_PREDICTED_H

#include "codec/enc_bitrate.h"
#include "codec/enc_gop.h"
#include "codec/enc_motion.h"
#include "codec/enc_scenecut.h"
#include "codec/enc_temporal_filter.h"
#include "codec/enc_waiting.h"
#include "codec/frame_store.h"
#include "codec/session.h"
#include "codec/yuv.h"
#include "mica/codec.h"

typedef struct MicaPredictedEncoder {
    const MicaVideoInfo *info;
    const MicaEncodeSettings *picture; /* quality of key frames, effort */
    const MicaSession *intra;
    MicaSession predicted;
    MicaYuv *yuv;
    MicaBitrate *rate; /* NULL: constant quality */
    int gop, bframes, lookahead, scenecut;

    MicaGop plan;
    MicaWaitingFrames waiting;
    int group;     /* of the frames that wait, those that the plan is about */
    int since_key; /* frames since the last key frame among those sent */
    uint8_t room;  /* of that key frame */
    int draining;

    MicaSceneCut scene;
    MicaFrameStore store;
    MicaReference current;
    MicaMotionSearch search;
    MicaTemporalFilter filter;
    MicaMotionModels motion_models; /* what those of the frame before learnt */
    MicaImage decoded;
    MicaWriter packet;

    int64_t pts[2 * MICA_MAX_WAITING]; /* of the frames sent, in their order: a ring */
    uint64_t sent, received;
} MicaPredictedEncoder;

/* Set the members down to `scenecut` first, except `predicted`. */
MicaStatus mica_predicted_encoder_open(MicaPredictedEncoder *e, const MicaModel *model, int threads,
                                       uint32_t cpu_mask, MicaError *error);
void mica_predicted_encoder_close(MicaPredictedEncoder *e);

/* As mica_video_encoder_send() and ..._receive(), for a checked frame. */
MicaStatus mica_predicted_encoder_send(MicaPredictedEncoder *e, const MicaVideoFrame *frame,
                                       MicaError *error);
MicaStatus mica_predicted_encoder_receive(MicaPredictedEncoder *e, MicaVideoPacket *packet,
                                          MicaError *error);
void mica_predicted_encoder_flush(MicaPredictedEncoder *e);

#endif
