/* The encoder of a sequence. Intra frames go through workers, each with a session of its own; with
 * predicted frames, enc_predicted.c codes one after the other. */
#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/enc_bitrate.h"
#include "codec/enc_picture.h"
#include "codec/enc_predicted.h"
#include "codec/enc_room.h"
#include "codec/frame_queue.h"
#include "codec/frame_threads.h"
#include "codec/settings.h"
#include "codec/video_header.h"
#include "codec/yuv.h"
#include "models/gains.h"

#define MIN_FRAME_SIZE (sizeof(size_t) + MICA_PLANES * (sizeof(void *) + sizeof(ptrdiff_t)))

/* A frame on its way to a packet. */
typedef struct EncoderSlot {
    MicaVideoFrame frame; /* with several workers, its samples are in `copy` */
    uint8_t *copy;
    MicaWriter packet;
    double quality;
    MicaStatus status;
    MicaError error;
} EncoderSlot;

struct MicaVideoEncoder {
    MicaVideoInfo info;
    MicaEncodeSettings picture;
    MicaFrameThreads threads;
    MicaFrameQueue *queue;
    EncoderSlot *slot;
    int slot_count;
    MicaWriter extradata;
    MicaBitrate rate;
    int has_rate, draining;
    MicaPredictedEncoder *predicted; /* NULL: intra frames only, and no queue otherwise */
};

void mica_video_encode_defaults(MicaVideoEncodeSettings *settings, size_t struct_size)
{
    const MicaVideoEncodeSettings full = {.struct_size = struct_size,
                                          .quality = 50,
                                          .effort = 2,
                                          .cpu_mask = UINT32_MAX,
                                          .gop = 120,
                                          .buffer_ms = 1000,
                                          .scenecut = 1,
                                          .lookahead = MICA_MAX_LOOKAHEAD};
    memcpy(settings, &full, struct_size < sizeof full ? struct_size : sizeof full);
}

static MicaStatus read_settings(const MicaVideoEncodeSettings *given, MicaVideoEncodeSettings *s,
                                MicaError *error)
{
    mica_video_encode_defaults(s, sizeof *s);
    MicaStatus status = mica_settings_overlay(s, sizeof *s, given, error);
    if (status == MICA_OK)
        status = mica_check_threads(s->threads, error);
    if (status == MICA_OK)
        status = mica_check_threads(s->frame_threads, error);
    if (status != MICA_OK)
        return status;
    if (s->gop < 1)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "a gop has 1 frame or more");
    if (s->bframes != 0 && s->bframes != 1 && s->bframes != 3 && s->bframes != MICA_MAX_BFRAMES)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "bframes is 0, 1, 3 or 7");
    if (s->preset != MICA_PRESET_MAIN && s->preset != MICA_PRESET_FAST)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "there is no such preset");
    if (s->lookahead < 0 || s->lookahead > MICA_MAX_LOOKAHEAD)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "lookahead is 0 to %d frames",
                         MICA_MAX_LOOKAHEAD);
    if (s->bitrate > (uint64_t)1 << 40 || s->buffer_ms < 1 || s->buffer_ms > 60000)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                         "bit rate or size of the buffer is out of range");
    return MICA_OK;
}

static MicaStatus read_picture_settings(const MicaVideoEncodeSettings *s, MicaEncodeSettings *p,
                                        MicaError *error)
{
    MicaEncodeSettings given;
    mica_encode_defaults(&given, sizeof given);
    given.quality = s->quality;
    given.effort = s->effort;
    return mica_encode_settings_read(&given, p, error);
}

static MicaStatus out_of_memory(MicaError *error)
{
    return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the frame");
}

/* One picture to a packet: what a file has after its prefix, behind the frame section. */
static MicaStatus encode_picture(EncoderSlot *slot, MicaFrameWorker *w,
                                 const MicaEncodeSettings *settings, uint8_t room)
{
    MicaBuffer file;
    MicaTimes times;
    MicaStatus status = mica_picture_encode(&w->session, &w->image, NULL, settings, &file, NULL,
                                            &times, &slot->error);
    if (status != MICA_OK)
        return status;
    const MicaFrameHeader header = {.type = MICA_FRAME_INTRA, .room = room};
    slot->packet.size = 0;
    status = mica_frame_packet_write(&slot->packet, &header, &file, (MicaMotionData){NULL, 0},
                                     &slot->error);
    mica_buffer_free(&file);
    slot->quality = settings->quality;
    return status;
}

static void encode_slot(void *context, int index, int worker)
{
    MicaVideoEncoder *e = context;
    EncoderSlot *slot = &e->slot[index];
    MicaFrameWorker *w = &e->threads.worker[worker];
    MicaEncodeSettings settings = e->picture;
    int step = e->has_rate ? mica_bitrate_begin(&e->rate, MICA_BITRATE_KEY)
                           : mica_quality_step(e->picture.quality);
    const uint8_t room = mica_room_choose(&w->yuv, w->session.pool, slot->frame.data,
                                          slot->frame.stride, &w->image, step);
    do {
        settings.quality = mica_room_raise(step, room) * 100.0 / MICA_MAX_QUALITY;
        slot->status = encode_picture(slot, w, &settings, room);
    } while (e->has_rate && slot->status == MICA_OK &&
             mica_bitrate_end(&e->rate, slot->packet.size, &step));
}

static MicaStatus open_slots(MicaVideoEncoder *e, MicaError *error)
{
    e->slot_count = mica_frame_queue_slots(e->threads.count);
    e->slot = mica_alloc_zero((size_t)e->slot_count, sizeof *e->slot);
    if (!e->slot)
        return out_of_memory(error);
    for (int i = 0; i < e->slot_count && e->threads.count > 1; i++) {
        e->slot[i].copy = mica_alloc(1, mica_frame_bytes(&e->info));
        if (!e->slot[i].copy)
            return out_of_memory(error);
    }
    const MicaStatus status = mica_frame_queue_create(&e->queue, e->threads.count, encode_slot, e);
    return status == MICA_OK ? status : mica_fail(error, status, "cannot start threads");
}

/* Intra frames only: workers side by side. */
static MicaStatus open_workers(MicaVideoEncoder *e, const MicaModel *model,
                               const MicaVideoEncodeSettings *s, MicaError *error)
{
    mica_video_write_extradata(&e->extradata, &e->info, mica_model_id(model), NULL);
    if (e->extradata.failed)
        return out_of_memory(error);
    /* With a bit rate each frame's quality depends on the size of the one before. */
    const int frame_threads = s->bitrate ? 1 : s->frame_threads;
    const MicaStatus status = mica_frame_threads_open(&e->threads, &e->info, model, s->threads,
                                                      frame_threads, s->cpu_mask, 1, error);
    return status == MICA_OK ? open_slots(e, error) : status;
}

static MicaStatus open_predicted(MicaVideoEncoder *e, const MicaModel *model,
                                 const MicaModel *predicted, const MicaVideoEncodeSettings *s,
                                 MicaError *error)
{
    e->info.predicted = 1;
    e->info.reorder = mica_gop_reorder(s->bframes);
    memcpy(e->info.predicted_model, mica_model_id(predicted), MICA_MODEL_ID_SIZE);
    mica_video_write_extradata(&e->extradata, &e->info, mica_model_id(model),
                               e->info.predicted_model);
    MicaPredictedEncoder *p = mica_alloc_zero(1, sizeof *p);
    e->predicted = p;
    if (!p || e->extradata.failed)
        return out_of_memory(error);
    MicaStatus status =
        mica_frame_threads_open(&e->threads, &e->info, model, s->threads, 1, s->cpu_mask, 0, error);
    if (status != MICA_OK)
        return status;
    p->info = &e->info;
    p->picture = &e->picture;
    p->intra = &e->threads.worker[0].session;
    p->yuv = &e->threads.worker[0].yuv;
    p->rate = e->has_rate ? &e->rate : NULL;
    p->gop = s->gop;
    p->bframes = s->bframes;
    p->lookahead = s->lookahead;
    p->scenecut = s->scenecut;
    return mica_predicted_encoder_open(p, predicted, s->threads, s->cpu_mask, error);
}

static MicaStatus open_encoder(MicaVideoEncoder *e, const MicaVideoInfo *info,
                               const MicaVideoEncodeSettings *given, MicaError *error)
{
    MicaVideoEncodeSettings s;
    MicaStatus status = mica_video_info_check(info, &e->info, error);
    if (status == MICA_OK)
        status = read_settings(given, &s, error);
    if (status == MICA_OK)
        status = read_picture_settings(&s, &e->picture, error);
    if (status != MICA_OK)
        return status;
    if (s.bitrate) {
        const uint32_t *r = e->info.frame_rate;
        if (!r[0] || r[0] / 1000 > r[1] || r[1] / 1000 > r[0])
            return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                             "a bit rate needs a frame rate between 1/1000 and 1000");
        mica_bitrate_init(&e->rate, s.bitrate, r, s.buffer_ms);
        e->has_rate = 1;
    }
    MicaModel *own = NULL, *own_predicted = NULL;
    if (!s.model)
        status = mica_model_builtin(&own, "S", error);
    if (status == MICA_OK && s.gop > 1 && !s.predicted_model)
        status = mica_model_builtin(&own_predicted, s.preset == MICA_PRESET_FAST ? "V-fast" : "V",
                                    error);
    if (status == MICA_OK) {
        const MicaModel *model = s.model ? s.model : own;
        const MicaModel *predicted = s.predicted_model ? s.predicted_model : own_predicted;
        status = s.gop > 1 ? open_predicted(e, model, predicted, &s, error)
                           : open_workers(e, model, &s, error);
    }
    mica_model_unref(&own);
    mica_model_unref(&own_predicted);
    return status;
}

MicaStatus mica_video_encoder_open(MicaVideoEncoder **encoder, const MicaVideoInfo *info,
                                   const MicaVideoEncodeSettings *settings, MicaError *error)
{
    if (!encoder)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no place for the encoder");
    *encoder = NULL;
    MicaVideoEncoder *e = mica_alloc_zero(1, sizeof *e);
    if (!e)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the encoder");
    const MicaStatus status = open_encoder(e, info, settings, error);
    if (status != MICA_OK)
        mica_video_encoder_close(&e);
    *encoder = e;
    return status;
}

void mica_video_encoder_close(MicaVideoEncoder **encoder)
{
    if (!encoder || !*encoder)
        return;
    MicaVideoEncoder *e = *encoder;
    mica_frame_queue_destroy(&e->queue);
    for (int i = 0; e->slot && i < e->slot_count; i++) {
        mica_free(e->slot[i].copy);
        mica_writer_free(&e->slot[i].packet);
    }
    mica_free(e->slot);
    if (e->predicted)
        mica_predicted_encoder_close(e->predicted);
    mica_free(e->predicted);
    mica_frame_threads_close(&e->threads);
    mica_writer_free(&e->extradata);
    mica_free(e);
    *encoder = NULL;
}

void mica_video_encoder_extradata(const MicaVideoEncoder *encoder, const uint8_t **data,
                                  size_t *size)
{
    *data = encoder->extradata.data;
    *size = encoder->extradata.size;
}

static MicaStatus check_frame(const MicaVideoEncoder *e, const MicaVideoFrame *given,
                              MicaVideoFrame *frame, MicaError *error)
{
    memset(frame, 0, sizeof *frame);
    if (given->struct_size < MIN_FRAME_SIZE || given->struct_size > 4096)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "struct_size is not set");
    memcpy(frame, given, given->struct_size < sizeof *frame ? given->struct_size : sizeof *frame);
    for (int p = 0; p < mica_pixel_planes(e->info.format); p++) {
        const ptrdiff_t row = (ptrdiff_t)mica_pixel_row_bytes(e->info.format, e->info.width, p);
        const ptrdiff_t stride = frame->stride[p];
        if (!frame->data[p] || (stride < row && stride > -row))
            return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                             "plane %d of the frame is missing or too narrow", p);
    }
    return MICA_OK;
}

MicaStatus mica_video_encoder_send(MicaVideoEncoder *e, const MicaVideoFrame *frame,
                                   MicaError *error)
{
    if (!e)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no encoder");
    if (e->predicted) {
        MicaVideoFrame checked;
        const MicaStatus status = frame ? check_frame(e, frame, &checked, error) : MICA_OK;
        return status != MICA_OK
                   ? status
                   : mica_predicted_encoder_send(e->predicted, frame ? &checked : NULL, error);
    }
    mica_frame_queue_release(e->queue);
    if (e->draining)
        return mica_fail(error, MICA_ERROR_EOF, "the end was sent already");
    if (!frame) {
        e->draining = 1;
        return MICA_OK;
    }
    const int index = mica_frame_queue_acquire(e->queue);
    if (index < 0)
        return mica_fail(error, MICA_ERROR_AGAIN, "a packet must be received first");
    EncoderSlot *slot = &e->slot[index];
    const MicaStatus status = check_frame(e, frame, &slot->frame, error);
    if (status != MICA_OK)
        return status;
    if (slot->copy)
        mica_frame_copy(&e->info, slot->copy, &slot->frame);
    mica_frame_queue_submit(e->queue);
    return MICA_OK;
}

MicaStatus mica_video_encoder_receive(MicaVideoEncoder *e, MicaVideoPacket *packet,
                                      MicaError *error)
{
    if (!e || !packet || packet->struct_size < sizeof(size_t) || packet->struct_size > 4096)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no place for a packet");
    MicaVideoPacket p = {.struct_size = packet->struct_size};
    if (e->predicted) {
        const MicaStatus status = mica_predicted_encoder_receive(e->predicted, &p, error);
        if (status != MICA_ERROR_AGAIN && status != MICA_ERROR_EOF)
            memcpy(packet, &p, p.struct_size < sizeof p ? p.struct_size : sizeof p);
        return status;
    }
    mica_frame_queue_release(e->queue);
    const int full = mica_frame_queue_acquire(e->queue) < 0;
    const int index = mica_frame_queue_take(e->queue, e->draining || full);
    if (index < 0)
        return e->draining ? mica_fail(error, MICA_ERROR_EOF, "no more packets")
                           : mica_fail(error, MICA_ERROR_AGAIN, "a frame must be sent first");
    EncoderSlot *slot = &e->slot[index];
    p.pts = p.dts = slot->frame.pts;
    p.duration = slot->frame.duration;
    p.opaque = slot->frame.opaque;
    if (slot->status == MICA_OK) {
        p.data = slot->packet.data;
        p.size = slot->packet.size;
        p.flags = MICA_VIDEO_KEY;
        p.quality = slot->quality;
    } else if (error) {
        *error = slot->error;
    }
    memcpy(packet, &p, p.struct_size < sizeof p ? p.struct_size : sizeof p);
    return slot->status;
}

void mica_video_encoder_flush(MicaVideoEncoder *e)
{
    if (!e)
        return;
    if (e->predicted)
        mica_predicted_encoder_flush(e->predicted);
    else
        mica_frame_queue_flush(e->queue);
    e->draining = 0;
    mica_bitrate_restart(&e->rate);
}
