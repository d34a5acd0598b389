/* The decoder of a sequence: packets go through workers, each with a session of its own. */
#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/dec_picture.h"
#include "codec/frame_queue.h"
#include "codec/frame_threads.h"
#include "codec/settings.h"
#include "codec/stream.h"
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
};

void mica_video_decode_defaults(MicaVideoDecodeSettings *settings, size_t struct_size)
{
    const MicaVideoDecodeSettings full = {
        .struct_size = struct_size, .cpu_mask = UINT32_MAX, .max_pixels = (uint64_t)1 << 28};
    memcpy(settings, &full, struct_size < sizeof full ? struct_size : sizeof full);
}

static MicaStatus decode_packet(const MicaVideoDecoder *d, DecoderSlot *slot, MicaFrameWorker *w)
{
    MicaFrameType type;
    MicaError *error = &slot->error;
    size_t head;
    MicaStatus status =
        mica_video_read_frame(slot->packet.data, slot->packet.size, &type, &head, error);
    if (status != MICA_OK)
        return status;
    MicaStream stream;
    memset(&stream, 0, sizeof stream);
    memcpy(stream.header.model_id, d->model_id, sizeof stream.header.model_id);
    status = mica_stream_read_sections(&stream, slot->packet.data + head, slot->packet.size - head,
                                       head, error);
    if (status != MICA_OK)
        return status;
    const MicaStreamHeader *h = &stream.header;
    if (h->width != d->info.width || h->height != d->info.height ||
        h->channels != mica_yuv_channels(d->info.format))
        return mica_fail(error, MICA_ERROR_BITSTREAM,
                         "a frame of %dx%d does not belong to this video", h->width, h->height);
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
    d->last = d->conceal ? mica_alloc(1, bytes) : NULL;
    if (d->conceal && !d->last)
        return out_of_memory(error);
    const MicaStatus status = mica_frame_queue_create(&d->queue, d->threads.count, decode_slot, d);
    return status == MICA_OK ? status : mica_fail(error, status, "cannot start threads");
}

static MicaStatus open_decoder(MicaVideoDecoder *d, const void *extradata, size_t size,
                               const MicaVideoDecodeSettings *given, MicaError *error)
{
    MicaVideoDecodeSettings s;
    mica_video_decode_defaults(&s, sizeof s);
    MicaStatus status = mica_settings_overlay(&s, sizeof s, given, error);
    if (status == MICA_OK)
        status = mica_check_threads(s.threads, error);
    if (status == MICA_OK)
        status = mica_check_threads(s.frame_threads, error);
    d->info.struct_size = sizeof d->info;
    if (status == MICA_OK)
        status = mica_video_info_read(extradata, size, &d->info, d->model_id, error);
    if (status != MICA_OK)
        return status;
    if ((uint64_t)d->info.width * (uint64_t)d->info.height > s.max_pixels)
        return mica_fail(error, MICA_ERROR_LIMIT, "%dx%d pixels are more than the limit",
                         d->info.width, d->info.height);
    d->conceal = s.conceal != 0;
    MicaModel *own = NULL;
    if (!s.model)
        status = mica_model_builtin_by_id(&own, d->model_id, error);
    else if (memcmp(mica_model_id(s.model), d->model_id, MICA_MODEL_ID_SIZE) != 0)
        status =
            mica_fail(error, MICA_ERROR_MODEL_MISMATCH, "the video was written with another model");
    if (status == MICA_OK)
        status = mica_frame_threads_open(&d->threads, &d->info, s.model ? s.model : own, s.threads,
                                         s.frame_threads, s.cpu_mask, 0, error);
    mica_model_unref(&own);
    return status == MICA_OK ? open_slots(d, error) : status;
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
    mica_frame_threads_close(&d->threads);
    mica_free(d);
    *decoder = NULL;
}

MicaStatus mica_video_decoder_send(MicaVideoDecoder *d, const MicaVideoPacket *packet,
                                   MicaError *error)
{
    if (!d)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no decoder");
    mica_frame_queue_release(d->queue);
    if (d->draining)
        return mica_fail(error, MICA_ERROR_EOF, "the end was sent already");
    if (!packet) {
        d->draining = 1;
        return MICA_OK;
    }
    if (packet->struct_size < MIN_PACKET_SIZE || packet->struct_size > 4096 ||
        (!packet->data && packet->size))
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "not a valid packet");
    const int index = mica_frame_queue_acquire(d->queue);
    if (index < 0)
        return mica_fail(error, MICA_ERROR_AGAIN, "a frame must be received first");
    DecoderSlot *slot = &d->slot[index];
    memset(&slot->packet, 0, sizeof slot->packet);
    memcpy(&slot->packet, packet,
           packet->struct_size < sizeof *packet ? packet->struct_size : sizeof *packet);
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

MicaStatus mica_video_decoder_receive(MicaVideoDecoder *d, MicaVideoFrame *frame, MicaError *error)
{
    if (!d || !frame || frame->struct_size < sizeof(size_t) || frame->struct_size > 4096)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no place for a frame");
    mica_frame_queue_release(d->queue);
    const int full = mica_frame_queue_acquire(d->queue) < 0;
    const int index = mica_frame_queue_take(d->queue, d->draining || full);
    if (index < 0)
        return d->draining ? mica_fail(error, MICA_ERROR_EOF, "no more frames")
                           : mica_fail(error, MICA_ERROR_AGAIN, "a packet must be sent first");
    DecoderSlot *slot = &d->slot[index];
    MicaStatus status = slot->status;
    MicaVideoFrame f = {.struct_size = frame->struct_size,
                        .pts = slot->packet.pts,
                        .duration = slot->packet.duration,
                        .opaque = slot->packet.opaque};
    if (status != MICA_OK && error)
        *error = slot->error;
    const size_t bytes = mica_frame_bytes(&d->info);
    if (status == MICA_OK) {
        f.flags = MICA_VIDEO_KEY;
        if (d->conceal)
            memcpy(d->last, slot->block, bytes);
        d->has_last = d->conceal;
    } else if (d->has_last) {
        /* A copy, because the caller may change what it gets. */
        memcpy(slot->block, d->last, bytes);
        f.flags = MICA_VIDEO_CONCEALED;
        status = MICA_OK;
    }
    if (status == MICA_OK)
        mica_frame_place(&d->info, slot->block, &f);
    memcpy(frame, &f, f.struct_size < sizeof f ? f.struct_size : sizeof f);
    return status;
}

void mica_video_decoder_flush(MicaVideoDecoder *d)
{
    if (!d)
        return;
    mica_frame_queue_flush(d->queue);
    d->draining = 0;
    d->has_last = 0;
}
