/* The decoder of a sequence. Packets of intra frames go through workers, each with a session of its
 * own; with predicted frames, dec_predicted.c decodes one after the other. */
#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/dec_picture.h"
#include "codec/dec_predicted.h"
#include "codec/frame_packet.h"
#include "codec/frame_queue.h"
#include "codec/frame_threads.h"
#include "codec/settings.h"
#include "codec/video_header.h"

#define MIN_PACKET_SIZE (2 * sizeof(size_t) + sizeof(void *))

/* A packet on its way to a frame. */
typedef struct DecoderSlot {
    MicaVideoPacket packet; /* with several workers, its bytes are in `copy` */
    MicaWriter copy;
    uint8_t *block; /* the samples of the frame */
    MicaStatus status;
    MicaError error;
} DecoderSlot;

struct MicaVideoDecoder {
    MicaVideoInfo info;
    uint8_t model_id[MICA_MODEL_ID_SIZE];
    MicaFrameThreads threads;
    MicaFrameQueue *queue;
    DecoderSlot *slot;
    int slot_count;
    uint8_t *last; /* the last good frame, for concealment */
    int conceal, has_last, draining;
    MicaPredictedDecoder *predicted; /* NULL: intra frames only, and no queue otherwise */
};

void mica_video_decode_defaults(MicaVideoDecodeSettings *settings, size_t struct_size)
{
    const MicaVideoDecodeSettings full = {
        .struct_size = struct_size, .cpu_mask = UINT32_MAX, .max_pixels = (uint64_t)1 << 28};
    memcpy(settings, &full, struct_size < sizeof full ? struct_size : sizeof full);
}

static MicaStatus decode_packet(const MicaVideoDecoder *d, DecoderSlot *slot, MicaFrameWorker *w)
{
    MicaFrameHeader header;
    MicaMotionData motion;
    MicaStream stream;
    MicaError *error = &slot->error;
    MicaStatus status = mica_frame_packet_read(slot->packet.data, slot->packet.size, &d->info,
                                               &header, &stream, &motion, error);
    if (status != MICA_OK)
        return status;
    if (header.type != MICA_FRAME_INTRA)
        return mica_fail(error, MICA_ERROR_BITSTREAM,
                         "a predicted frame in a video that has no model for it");
    memcpy(stream.header.model_id, d->model_id, sizeof stream.header.model_id);
    MicaImage image;
    MicaTimes times;
    MicaDecodeSettings settings;
    mica_decode_defaults(&settings, sizeof settings);
    settings.depth = 8;
    status = mica_picture_decode(&w->session, &stream, NULL, &settings, &image, &times, error);
    if (status != MICA_OK)
        return status;
    MicaVideoFrame frame;
    mica_frame_place(&d->info, slot->block, &frame);
    mica_yuv_set_room(&w->yuv, header.room);
    mica_yuv_from_image(&w->yuv, w->session.pool, &image, frame.data, frame.stride);
    mica_image_free(&image);
    return MICA_OK;
}

static void decode_slot(void *context, int index, int worker)
{
    MicaVideoDecoder *d = context;
    d->slot[index].status = decode_packet(d, &d->slot[index], &d->threads.worker[worker]);
}

static MicaStatus out_of_memory(MicaError *error)
{
    return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the frames");
}

static MicaStatus open_slots(MicaVideoDecoder *d, MicaError *error)
{
    const size_t bytes = mica_frame_bytes(&d->info);
    d->slot_count = mica_frame_queue_slots(d->threads.count);
    d->slot = mica_alloc_zero((size_t)d->slot_count, sizeof *d->slot);
    if (!d->slot)
        return out_of_memory(error);
    for (int i = 0; i < d->slot_count; i++) {
        d->slot[i].block = mica_alloc(1, bytes);
        if (!d->slot[i].block)
            return out_of_memory(error);
    }
    const MicaStatus status = mica_frame_queue_create(&d->queue, d->threads.count, decode_slot, d);
    return status == MICA_OK ? status : mica_fail(error, status, "cannot start threads");
}

/* The caller's model, which must have the id that the stream names, or else a built-in one, of
 * which *own is a reference. */
static MicaStatus find_model(const MicaModel *given, const uint8_t *id, MicaModel **own,
                             const MicaModel **model, MicaError *error)
{
    if (given && memcmp(mica_model_id(given), id, MICA_MODEL_ID_SIZE) != 0)
        return mica_fail(error, MICA_ERROR_MODEL_MISMATCH,
                         "the video was written with another model");
    const MicaStatus status = given ? MICA_OK : mica_model_builtin_by_id(own, id, error);
    *model = given ? given : *own;
    return status;
}

static MicaStatus open_predicted(MicaVideoDecoder *d, const MicaVideoDecodeSettings *s,
                                 MicaError *error)
{
    MicaModel *own = NULL;
    const MicaModel *model = NULL;
    MicaStatus status =
        find_model(s->predicted_model, d->info.predicted_model, &own, &model, error);
    if (status != MICA_OK)
        return status;
    d->predicted = mica_alloc_zero(1, sizeof *d->predicted);
    if (d->predicted) {
        d->predicted->info = &d->info;
        d->predicted->model_id = d->model_id;
        d->predicted->intra = &d->threads.worker[0].session;
        d->predicted->yuv = &d->threads.worker[0].yuv;
        status = mica_predicted_decoder_open(d->predicted, model, s->threads, s->cpu_mask, error);
    }
    mica_model_unref(&own);
    return d->predicted ? status : out_of_memory(error);
}

static MicaStatus read_decoder_settings(MicaVideoDecoder *d, const void *extradata, size_t size,
                                        const MicaVideoDecodeSettings *given,
                                        MicaVideoDecodeSettings *s, MicaError *error)
{
    mica_video_decode_defaults(s, sizeof *s);
    MicaStatus status = mica_settings_overlay(s, sizeof *s, given, error);
    if (status == MICA_OK)
        status = mica_check_threads(s->threads, error);
    if (status == MICA_OK)
        status = mica_check_threads(s->frame_threads, error);
    d->info.struct_size = sizeof d->info;
    if (status == MICA_OK)
        status = mica_video_info_read(extradata, size, &d->info, d->model_id, error);
    if (status != MICA_OK)
        return status;
    if ((uint64_t)d->info.width * (uint64_t)d->info.height > s->max_pixels)
        return mica_fail(error, MICA_ERROR_LIMIT, "%dx%d pixels are more than the limit",
                         d->info.width, d->info.height);
    return MICA_OK;
}

static MicaStatus open_decoder(MicaVideoDecoder *d, const void *extradata, size_t size,
                               const MicaVideoDecodeSettings *given, MicaError *error)
{
    MicaVideoDecodeSettings s;
    MicaModel *own = NULL;
    const MicaModel *model = NULL;
    MicaStatus status = read_decoder_settings(d, extradata, size, given, &s, error);
    if (status == MICA_OK)
        status = find_model(s.model, d->model_id, &own, &model, error);
    if (status == MICA_OK)
        status =
            mica_frame_threads_open(&d->threads, &d->info, model, s.threads,
                                    d->info.predicted ? 1 : s.frame_threads, s.cpu_mask, 0, error);
    mica_model_unref(&own);
    if (status != MICA_OK)
        return status;
    d->conceal = s.conceal != 0;
    d->last = d->conceal ? mica_alloc(1, mica_frame_bytes(&d->info)) : NULL;
    if (d->conceal && !d->last)
        return out_of_memory(error);
    return d->info.predicted ? open_predicted(d, &s, error) : open_slots(d, error);
}

MicaStatus mica_video_decoder_open(MicaVideoDecoder **decoder, const void *extradata, size_t size,
                                   const MicaVideoDecodeSettings *settings, MicaError *error)
{
    if (!decoder)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no place for the decoder");
    *decoder = NULL;
    MicaVideoDecoder *d = mica_alloc_zero(1, sizeof *d);
    if (!d)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the decoder");
    const MicaStatus status = open_decoder(d, extradata, size, settings, error);
    if (status != MICA_OK)
        mica_video_decoder_close(&d);
    *decoder = d;
    return status;
}

void mica_video_decoder_close(MicaVideoDecoder **decoder)
{
    if (!decoder || !*decoder)
        return;
    MicaVideoDecoder *d = *decoder;
    mica_frame_queue_destroy(&d->queue);
    for (int i = 0; d->slot && i < d->slot_count; i++) {
        mica_writer_free(&d->slot[i].copy);
        mica_free(d->slot[i].block);
    }
    mica_free(d->slot);
    mica_free(d->last);
    if (d->predicted)
        mica_predicted_decoder_close(d->predicted);
    mica_free(d->predicted);
    mica_frame_threads_close(&d->threads);
    mica_free(d);
    *decoder = NULL;
}

static MicaStatus queue_packet(MicaVideoDecoder *d, const MicaVideoPacket *packet, MicaError *error)
{
    mica_frame_queue_release(d->queue);
    if (d->draining)
        return mica_fail(error, MICA_ERROR_EOF, "the end was sent already");
    if (!packet) {
        d->draining = 1;
        return MICA_OK;
    }
    const int index = mica_frame_queue_acquire(d->queue);
    if (index < 0)
        return mica_fail(error, MICA_ERROR_AGAIN, "a frame must be received first");
    DecoderSlot *slot = &d->slot[index];
    slot->packet = *packet;
    if (d->threads.count > 1) {
        slot->copy.size = 0;
        mica_write_bytes(&slot->copy, packet->data, packet->size);
        if (slot->copy.failed) {
            mica_writer_free(&slot->copy);
            return out_of_memory(error);
        }
        slot->packet.data = slot->copy.data;
    }
    mica_frame_queue_submit(d->queue);
    return MICA_OK;
}

MicaStatus mica_video_decoder_send(MicaVideoDecoder *d, const MicaVideoPacket *packet,
                                   MicaError *error)
{
    if (!d)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no decoder");
    if (packet && (packet->struct_size < MIN_PACKET_SIZE || packet->struct_size > 4096 ||
                   (!packet->data && packet->size)))
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "not a valid packet");
    MicaVideoPacket full;
    memset(&full, 0, sizeof full);
    if (packet)
        memcpy(&full, packet,
               packet->struct_size < sizeof full ? packet->struct_size : sizeof full);
    return d->predicted ? mica_predicted_decoder_send(d->predicted, packet ? &full : NULL, error)
                        : queue_packet(d, packet ? &full : NULL, error);
}

/* What comes out next, whichever way it was decoded. */
typedef struct DecodedFrame {
    const MicaVideoPacket *packet;
    uint8_t *block;
    int key;
    MicaStatus status;
    const MicaError *error;
} DecodedFrame;

static MicaStatus take_frame(MicaVideoDecoder *d, DecodedFrame *out, MicaError *error)
{
    const MicaStatus none =
        (d->predicted ? d->predicted->draining : d->draining) ? MICA_ERROR_EOF : MICA_ERROR_AGAIN;
    if (d->predicted) {
        MicaHeldFrame *held = mica_predicted_decoder_receive(d->predicted);
        if (held)
            *out =
                (DecodedFrame){&held->packet, held->block, held->key, held->status, &held->error};
        else
            return mica_fail(error, none, "a packet must be sent first");
        return MICA_OK;
    }
    mica_frame_queue_release(d->queue);
    const int full = mica_frame_queue_acquire(d->queue) < 0;
    const int index = mica_frame_queue_take(d->queue, d->draining || full);
    if (index < 0)
        return mica_fail(error, none, "a packet must be sent first");
    DecoderSlot *slot = &d->slot[index];
    *out = (DecodedFrame){&slot->packet, slot->block, 1, slot->status, &slot->error};
    return MICA_OK;
}

MicaStatus mica_video_decoder_receive(MicaVideoDecoder *d, MicaVideoFrame *frame, MicaError *error)
{
    if (!d || !frame || frame->struct_size < sizeof(size_t) || frame->struct_size > 4096)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no place for a frame");
    DecodedFrame out = {0};
    MicaStatus status = take_frame(d, &out, error);
    if (status != MICA_OK)
        return status;
    status = out.status;
    MicaVideoFrame f = {.struct_size = frame->struct_size,
                        .pts = out.packet->pts,
                        .duration = out.packet->duration,
                        .opaque = out.packet->opaque};
    if (status != MICA_OK && error)
        *error = *out.error;
    const size_t bytes = mica_frame_bytes(&d->info);
    if (status == MICA_OK) {
        f.flags = out.key ? MICA_VIDEO_KEY : 0;
        if (d->conceal)
            memcpy(d->last, out.block, bytes);
        d->has_last = d->conceal;
    } else if (d->has_last) {
        /* A copy, because the caller may change what it gets. */
        memcpy(out.block, d->last, bytes);
        f.flags = MICA_VIDEO_CONCEALED;
        status = MICA_OK;
    }
    if (status == MICA_OK)
        mica_frame_place(&d->info, out.block, &f);
    memcpy(frame, &f, f.struct_size < sizeof f ? f.struct_size : sizeof f);
    return status;
}

void mica_video_decoder_flush(MicaVideoDecoder *d)
{
    if (!d)
        return;
    if (d->predicted)
        mica_predicted_decoder_flush(d->predicted);
    else
        mica_frame_queue_flush(d->queue);
    d->draining = 0;
    d->has_last = 0;
}
