#include "codec/enc_predicted.h"

#include <string.h>

#include "codec/base/diag.h"
#include "codec/enc_picture.h"
#include "codec/enc_room.h"
#include "codec/motion_code.h"
#include "codec/prediction.h"
#include "models/gains.h"

#define RING (2 * MICA_MAX_WAITING)

static MicaStatus out_of_memory(MicaError *error)
{
    return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the frames");
}

MicaStatus mica_predicted_encoder_open(MicaPredictedEncoder *e, const MicaModel *model, int threads,
                                       uint32_t cpu_mask, MicaError *error)
{
    const int width = e->info->width, height = e->info->height;
    const int channels = mica_yuv_channels(e->info->format);
    MicaStatus status = mica_session_open(&e->predicted, model, threads, cpu_mask, error);
    if (status == MICA_OK)
        status = mica_prediction_check_kind(e->predicted.network, 1, error);
    if (status != MICA_OK)
        return status;
    status = mica_waiting_create(&e->waiting, width, height, channels, e->bframes, e->lookahead);
    if (status == MICA_OK)
        status = mica_image_alloc(&e->decoded, width, height, channels);
    if (status == MICA_OK)
        status = mica_reference_create(&e->current, width, height);
    if (status == MICA_OK)
        status =
            mica_frame_store_create(&e->store, width, height, channels, e->predicted.cpu_flags);
    if (status == MICA_OK)
        status = mica_motion_search_create(&e->search, width, height);
    if (status == MICA_OK && e->lookahead > 0)
        status = mica_temporal_filter_create(&e->filter, width, height, channels);
    if (status == MICA_OK && e->scenecut)
        status = mica_scene_cut_create(&e->scene, width, height);
    return status == MICA_OK ? status : out_of_memory(error);
}

void mica_predicted_encoder_close(MicaPredictedEncoder *e)
{
    mica_waiting_free(&e->waiting);
    mica_image_free(&e->decoded);
    mica_reference_free(&e->current);
    mica_frame_store_free(&e->store);
    mica_motion_search_free(&e->search);
    mica_temporal_filter_free(&e->filter);
    mica_scene_cut_free(&e->scene);
    mica_session_close(&e->predicted);
    mica_writer_free(&e->packet);
}

/* ---- order ---- */

static void drop_group(MicaPredictedEncoder *e)
{
    mica_waiting_drop(&e->waiting, e->group);
    e->group = 0;
}

static MicaPlannedFrame *next_frame(MicaPredictedEncoder *e)
{
    MicaPlannedFrame *next = mica_gop_next(&e->plan);
    if (next)
        return next;
    drop_group(e);
    e->group = mica_waiting_group(&e->waiting, e->draining);
    if (e->group == 0)
        return NULL;
    if (mica_waiting_at(&e->waiting, 0)->key)
        mica_gop_plan_key(&e->plan, e->bframes == 0);
    else
        mica_gop_plan_group(&e->plan, e->group);
    return mica_gop_next(&e->plan);
}

/* ---- quality ---- */

/* That of a frame, from the one that the quality of key frames is set to. */
static int step_of(int base, const MicaPlannedFrame *p, uint8_t room)
{
    return mica_room_raise(mica_quality_step(base * 100.0 / MICA_MAX_QUALITY - p->below), room);
}

/* ---- frames ---- */

static MicaStatus find_motion(MicaPredictedEncoder *e, const MicaPlannedFrame *p,
                              const MicaImage *image, int step, MicaWriter *motion,
                              MicaError *error)
{
    MicaPool *pool = e->predicted.pool;
    const MicaReference *reference[MICA_MOTION_REFERENCES];
    const MicaMotionField *before;
    MicaStatus status = mica_frame_store_references(&e->store, &p->header, reference, &before);
    if (status != MICA_OK)
        return mica_fail(error, status, "the frame before could not be coded");
    mica_reference_set(&e->current, &e->store.kernels, image, pool);
    MicaMotionRates rates;
    mica_motion_rates_set(&rates, &e->motion_models);
    mica_motion_search(&e->search, &e->store.kernels, &e->current, reference, before, &rates,
                       mica_motion_lambda(step), pool, &e->store.field);
    status = mica_motion_encode(&e->store.field, before, motion, &e->motion_models);
    if (status != MICA_OK)
        return out_of_memory(error);
    mica_motion_predict(&e->store.field, &e->store.kernels, reference, pool, &e->store.prediction);
    return MICA_OK;
}

/* So much more is searched for a key frame: it is a large part of all bits, but one frame of many,
 * and what follows is copied from it. */
#define KEY_EFFORT 2

static int effort_of(const MicaPredictedEncoder *e, int predicted)
{
    const int effort = e->picture->effort, more = effort + KEY_EFFORT;
    if (predicted || effort == 1)
        return effort;
    return more < 9 ? more : 9;
}

/* A packet at one quality; what it decodes to is in e->decoded. */
static MicaStatus encode_frame(MicaPredictedEncoder *e, const MicaPlannedFrame *p,
                               const MicaImage *image, const MicaWriter *motion, int step,
                               MicaError *error)
{
    const int predicted = p->header.type == MICA_FRAME_PREDICTED;
    MicaEncodeSettings settings = *e->picture;
    settings.quality = step * 100.0 / MICA_MAX_QUALITY;
    settings.effort = effort_of(e, predicted);
    MicaBuffer file;
    MicaTimes times;
    const MicaStatus status = mica_picture_encode(predicted ? &e->predicted : e->intra, image,
                                                  predicted ? &e->store.prediction : NULL,
                                                  &settings, &file, &e->decoded, &times, error);
    if (status != MICA_OK)
        return status;
    e->packet.size = 0;
    const MicaStatus written = mica_frame_packet_write(
        &e->packet, &p->header, &file, (MicaMotionData){motion->data, motion->size}, error);
    mica_buffer_free(&file);
    return written;
}

/* Frames on each side that a frame is filtered with. Much depends on key frames, and they are few;
 * less on anchors between B frames and on every fourth one without B frames, each of which is
 * predicted from a filtered frame already. */
#define ANCHOR_REACH 2
_Static_assert(MICA_MAX_LOOKAHEAD <= MICA_FILTER_REACH, "as far as the filter has weights");
#define ANCHOR_EFFORT 3 /* from which on it is worth the time without B frames */

static int filter_reach(const MicaPredictedEncoder *e, const MicaPlannedFrame *p)
{
    const int limit = e->lookahead < ANCHOR_REACH ? e->lookahead : ANCHOR_REACH;
    if (p->header.type == MICA_FRAME_INTRA)
        return e->lookahead;
    if (p->depth > 0)
        return 0;
    if (e->bframes > 0)
        return limit;
    return mica_gop_is_turn(&e->plan) && e->picture->effort >= ANCHOR_EFFORT ? limit : 0;
}

/* The picture that is coded of a frame. */
static const MicaImage *picture_of(MicaPredictedEncoder *e, const MicaPlannedFrame *p)
{
    const MicaImage *image = &mica_waiting_at(&e->waiting, p->frame)->image;
    const MicaImage *before[MICA_MAX_LOOKAHEAD], *after[MICA_MAX_LOOKAHEAD];
    const int reach = filter_reach(e, p);
    const int before_count = mica_waiting_around(&e->waiting, p->frame, -1, reach, before);
    const int after_count = mica_waiting_around(&e->waiting, p->frame, 1, reach, after);
    if (before_count + after_count == 0)
        return image;
    mica_temporal_filter_run(&e->filter, &e->search, &e->store.kernels, image, before, before_count,
                             after, after_count, e->predicted.pool);
    return &e->filter.filtered;
}

static MicaStatus encode_planned(MicaPredictedEncoder *e, const MicaPlannedFrame *p, int *step,
                                 MicaError *error)
{
    const MicaImage *image = picture_of(e, p);
    const MicaBitrateKind kind =
        p->header.type == MICA_FRAME_INTRA ? MICA_BITRATE_KEY : MICA_BITRATE_PREDICTED;
    int base = e->rate ? mica_bitrate_begin(e->rate, kind) : mica_quality_step(e->picture->quality);
    const uint8_t room = mica_waiting_at(&e->waiting, p->frame)->room;
    *step = step_of(base, p, room);
    MicaWriter motion = {0};
    MicaStatus status = MICA_OK;
    if (p->header.type == MICA_FRAME_PREDICTED)
        status = find_motion(e, p, image, *step, &motion, error);
    else {
        mica_motion_field_clear(&e->store.field); /* no search begins with what was before */
        mica_motion_models_begin(&e->motion_models);
    }
    while (status == MICA_OK) {
        status = encode_frame(e, p, image, &motion, *step, error);
        if (status != MICA_OK || !e->rate || !mica_bitrate_end(e->rate, e->packet.size, &base))
            break;
        *step = step_of(base, p, room);
    }
    mica_writer_free(&motion);
    if (status == MICA_OK &&
        mica_frame_store_keep(&e->store, &p->header, &e->decoded, e->predicted.pool) != MICA_OK)
        status = out_of_memory(error);
    return status;
}

/* ---- frames that cannot be coded ---- */

/* No packet comes of it, so no other one has to be decoded at its time. */
static void forget_time(MicaPredictedEncoder *e, int64_t pts)
{
    uint64_t i = e->sent - 1;
    while (e->pts[i % RING] != pts)
        i--;
    for (e->sent--; i < e->sent; i++)
        e->pts[i % RING] = e->pts[(i + 1) % RING];
}

/* An anchor or a key frame is missing, and all that would follow depends on it: what is first in
 * time of the frames not coded yet, or the next one to come, becomes a key frame. */
static void begin_anew(MicaPredictedEncoder *e)
{
    MicaWaitingFrames *w = &e->waiting;
    mica_waiting_remove(w, e->group - 1);
    e->group = 0;
    e->plan = (MicaGop){0};
    e->store.filled = 0;
    int last_key = w->count - 1;
    while (last_key > 0 && !mica_waiting_at(w, last_key)->key)
        last_key--;
    if (w->count > 0)
        mica_waiting_at(w, 0)->key = 1;
    e->since_key = w->count > 0 ? w->count - 1 - last_key : e->gop - 1;
}

static void lose(MicaPredictedEncoder *e, const MicaPlannedFrame *p)
{
    forget_time(e, mica_waiting_at(&e->waiting, p->frame)->frame.pts);
    if (p->depth > 0)
        mica_gop_skip(&e->plan, p);
    else
        begin_anew(e);
}

/* ---- send and receive ---- */

/* Of a key frame and those that follow. */
static void choose_room(MicaPredictedEncoder *e, const MicaVideoFrame *frame, MicaWaitingFrame *w)
{
    w->room = mica_room_choose(e->yuv, e->predicted.pool, frame->data, frame->stride, &w->image,
                               mica_quality_step(e->picture->quality));
    if (w->room != e->room && e->scenecut) /* the next frame is compared with it */
        mica_scene_cut_next(&e->scene, &e->store.kernels, &w->image);
    e->room = w->room;
}

MicaStatus mica_predicted_encoder_send(MicaPredictedEncoder *e, const MicaVideoFrame *frame,
                                       MicaError *error)
{
    if (e->draining)
        return mica_fail(error, MICA_ERROR_EOF, "the end was sent already");
    if (!frame) {
        e->draining = 1;
        return MICA_OK;
    }
    if (e->plan.next < e->plan.count)
        return mica_fail(error, MICA_ERROR_AGAIN, "a packet must be received first");
    drop_group(e);
    if (mica_waiting_group(&e->waiting, 0) > 0)
        return mica_fail(error, MICA_ERROR_AGAIN, "a packet must be received first");
    MicaWaitingFrame *w = mica_waiting_add(&e->waiting);
    w->frame = *frame;
    w->room = e->room;
    mica_yuv_set_room(e->yuv, e->room);
    mica_yuv_to_image(e->yuv, e->predicted.pool, frame->data, frame->stride, &w->image);
    w->cut = e->scenecut && mica_scene_cut_next(&e->scene, &e->store.kernels, &w->image);
    w->key = e->sent == 0 || w->cut || e->since_key + 1 >= e->gop || frame->flags & MICA_VIDEO_KEY;
    e->since_key = w->key ? 0 : e->since_key + 1;
    if (w->key)
        choose_room(e, frame, w);
    e->pts[e->sent++ % RING] = frame->pts;
    return MICA_OK;
}

/* Packets are decoded as frames are shown, `reorder` frames earlier. */
static int64_t decoding_time(const MicaPredictedEncoder *e, int64_t duration)
{
    const uint64_t early = (uint64_t)e->info->reorder;
    if (e->received >= early)
        return e->pts[(e->received - early) % RING];
    return e->pts[0] - (int64_t)(early - e->received) * (duration > 0 ? duration : 1);
}

MicaStatus mica_predicted_encoder_receive(MicaPredictedEncoder *e, MicaVideoPacket *packet,
                                          MicaError *error)
{
    MicaPlannedFrame *p = next_frame(e);
    if (!p)
        return e->draining ? mica_fail(error, MICA_ERROR_EOF, "no more packets")
                           : mica_fail(error, MICA_ERROR_AGAIN, "a frame must be sent first");
    const MicaVideoFrame *frame = &mica_waiting_at(&e->waiting, p->frame)->frame;
    packet->pts = frame->pts;
    packet->dts = decoding_time(e, frame->duration);
    packet->duration = frame->duration;
    packet->opaque = frame->opaque;
    int step;
    p->header.number = e->store.kept;
    p->header.room = mica_waiting_at(&e->waiting, p->frame)->room;
    const MicaStatus status = encode_planned(e, p, &step, error);
    if (status == MICA_OK) {
        packet->data = e->packet.data;
        packet->size = e->packet.size;
        packet->flags = p->header.type == MICA_FRAME_INTRA ? MICA_VIDEO_KEY : 0;
        packet->quality = step * 100.0 / MICA_MAX_QUALITY;
        e->received++;
    } else {
        lose(e, p);
    }
    return status;
}

void mica_predicted_encoder_flush(MicaPredictedEncoder *e)
{
    e->plan = (MicaGop){0};
    mica_waiting_clear(&e->waiting);
    e->group = e->since_key = e->draining = 0;
    e->room = 0;
    e->sent = e->received = 0;
    e->store.kept = 0;
    e->store.filled = 0;
    mica_scene_cut_restart(&e->scene);
}
