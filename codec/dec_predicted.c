#include "codec/dec_predicted.h"

#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/dec_picture.h"
#include "codec/frame_threads.h"
#include "codec/motion_code.h"
#include "codec/prediction.h"
#include "codec/settings.h"

static MicaStatus out_of_memory(MicaError *error)
{
    return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the frames");
}

/* The first key frame has order 1, also if it is lost. */
static void begin_order(MicaPredictedDecoder *d)
{
    d->last_order = d->shown_order = 0;
    d->key_order = 1;
}

MicaStatus mica_predicted_decoder_open(MicaPredictedDecoder *d, const MicaModel *model, int threads,
                                       uint32_t cpu_mask, MicaError *error)
{
    MicaStatus status = mica_session_open(&d->predicted, model, threads, cpu_mask, error);
    if (status == MICA_OK)
        status = mica_prediction_check_kind(d->predicted.network, 1, error);
    if (status != MICA_OK)
        return status;
    begin_order(d);
    for (int i = 0; i <= d->info->reorder + 1; i++) {
        d->held[i].block = mica_alloc(1, mica_frame_bytes(d->info));
        if (!d->held[i].block)
            return out_of_memory(error);
    }
    status = mica_frame_store_create(&d->store, d->info->width, d->info->height,
                                     mica_yuv_channels(d->info->format), d->predicted.cpu_flags);
    return status == MICA_OK ? status : out_of_memory(error);
}

void mica_predicted_decoder_close(MicaPredictedDecoder *d)
{
    for (int i = 0; i < MICA_MAX_HELD; i++)
        mica_free(d->held[i].block);
    mica_frame_store_free(&d->store);
    mica_session_close(&d->predicted);
}

/* ---- one packet ---- */

static MicaStatus predict(MicaPredictedDecoder *d, const MicaFrameHeader *h, MicaMotionData motion,
                          MicaError *error)
{
    const MicaReference *reference[MICA_MOTION_REFERENCES];
    const MicaMotionField *before;
    MicaStatus status = mica_frame_store_references(&d->store, h, reference, &before);
    if (status != MICA_OK)
        return mica_fail(error, status, "a frame that this one is predicted from is missing");
    status = mica_motion_decode(&d->store.field, before, motion.data, motion.size);
    if (status == MICA_ERROR_OUT_OF_MEMORY)
        return out_of_memory(error);
    if (status != MICA_OK)
        return mica_fail(error, status, "the motion is damaged");
    mica_motion_predict(&d->store.field, &d->store.kernels, reference, d->predicted.pool,
                        &d->store.prediction);
    return MICA_OK;
}

static MicaStatus decode_packet(MicaPredictedDecoder *d, MicaHeldFrame *held, MicaFrameHeader *h)
{
    const MicaVideoPacket *packet = &held->packet;
    MicaError *error = &held->error;
    MicaStream stream;
    MicaMotionData motion;
    MicaStatus status =
        mica_frame_packet_read(packet->data, packet->size, d->info, h, &stream, &motion, error);
    if (status != MICA_OK)
        return status;
    const int predicted = h->type == MICA_FRAME_PREDICTED;
    memcpy(stream.header.model_id, predicted ? d->info->predicted_model : d->model_id,
           sizeof stream.header.model_id);
    if (predicted)
        status = predict(d, h, motion, error);
    else
        mica_yuv_set_room(d->yuv, h->room);
    MicaImage image;
    MicaTimes times;
    MicaDecodeSettings settings;
    mica_decode_defaults(&settings, sizeof settings);
    settings.depth = 8;
    if (status == MICA_OK)
        status = mica_picture_decode(predicted ? &d->predicted : d->intra, &stream,
                                     predicted ? &d->store.prediction : NULL, &settings, &image,
                                     &times, error);
    if (status != MICA_OK)
        return status;
    MicaVideoFrame frame;
    mica_frame_place(d->info, held->block, &frame);
    mica_yuv_from_image(d->yuv, d->predicted.pool, &image, frame.data, frame.stride);
    status = mica_frame_store_keep(&d->store, h, &image, d->predicted.pool);
    mica_image_free(&image);
    return status == MICA_OK ? status : out_of_memory(error);
}

/* ---- send and receive ---- */

static int is_of_last_group(const MicaPredictedDecoder *d, const MicaHeldFrame *held)
{
    return held->order >= d->key_order;
}

/* Whether a frame whose order is lost is shown before one whose order is known: by the time stamps,
 * which tell unless the container lost them too, or else if there is a gap for it. */
static int fills_gap(const MicaPredictedDecoder *d, const MicaHeldFrame *lost,
                     const MicaHeldFrame *known)
{
    const int64_t a = lost->packet.pts, b = known->packet.pts;
    return a != b ? a < b : d->shown_order + 1 < known->order;
}

static int precedes(const MicaPredictedDecoder *d, const MicaHeldFrame *a, const MicaHeldFrame *b)
{
    if (is_of_last_group(d, a) != is_of_last_group(d, b))
        return !is_of_last_group(d, a);
    if (a->known && b->known)
        return a->order < b->order;
    if (!a->known && !b->known)
        return a->packet.pts < b->packet.pts;
    return b->known ? fills_gap(d, a, b) : !fills_gap(d, b, a);
}

/* Of the frames held, the one that is shown first; among equals the one that came first. */
static int first_held(const MicaPredictedDecoder *d)
{
    int first = 0;
    for (int i = 1; i < d->count; i++)
        if (precedes(d, &d->held[i], &d->held[first]))
            first = i;
    return first;
}

/* Whether nothing that comes later is shown before the first frame held. */
static int is_due(const MicaPredictedDecoder *d)
{
    return d->count > 0 && (d->draining || d->count > d->info->reorder ||
                            !is_of_last_group(d, &d->held[first_held(d)]));
}

/* Whether a frame was at this place already. */
static int is_taken(const MicaPredictedDecoder *d, const MicaHeldFrame *except, uint64_t order)
{
    int taken = order <= d->shown_order;
    for (int i = 0; i < d->count; i++)
        taken |= &d->held[i] != except && d->held[i].known && d->held[i].order == order;
    return taken;
}

/* The place of a frame in the order of time. */
static void place(MicaPredictedDecoder *d, MicaHeldFrame *held, const MicaFrameHeader *h)
{
    held->known = h->known;
    held->order = d->last_order > d->key_order ? d->last_order : d->key_order;
    if (!h->known)
        return;
    /* A frame that misses what it is predicted from may miss its key frame too: its place is then
     * counted from that one, which the order of the frames before shows if they have come as far.
     */
    if (h->type == MICA_FRAME_INTRA ||
        (held->status != MICA_OK && is_taken(d, held, d->key_order + h->order)))
        d->key_order = d->last_order + 1;
    held->order = d->key_order + h->order;
    if (held->order > d->last_order)
        d->last_order = held->order;
}

MicaStatus mica_predicted_decoder_send(MicaPredictedDecoder *d, const MicaVideoPacket *packet,
                                       MicaError *error)
{
    if (d->draining)
        return mica_fail(error, MICA_ERROR_EOF, "the end was sent already");
    if (!packet) {
        d->draining = 1;
        return MICA_OK;
    }
    if (is_due(d))
        return mica_fail(error, MICA_ERROR_AGAIN, "a frame must be received first");
    MicaHeldFrame *held = &d->held[d->count++];
    MicaFrameHeader header;
    memset(&header, 0, sizeof header);
    held->packet = *packet;
    memset(&held->error, 0, sizeof held->error);
    held->status = decode_packet(d, held, &header);
    held->packet.data = NULL; /* the caller's */
    held->key = header.type == MICA_FRAME_INTRA;
    place(d, held, &header);
    return MICA_OK;
}

MicaHeldFrame *mica_predicted_decoder_receive(MicaPredictedDecoder *d)
{
    if (!is_due(d))
        return NULL;
    const int first = first_held(d), last = d->count - 1;
    const MicaHeldFrame out = d->held[first];
    /* The others stay as they came: among equals, as errors are, the first one is next. */
    memmove(d->held + first, d->held + first + 1, (size_t)(last - first) * sizeof out);
    d->held[last] = out; /* its memory is used again */
    d->count--;
    if (out.known && out.order > d->shown_order)
        d->shown_order = out.order;
    else if (!out.known && !is_taken(d, NULL, d->shown_order + 1))
        d->shown_order++;
    return &d->held[last];
}

void mica_predicted_decoder_flush(MicaPredictedDecoder *d)
{
    d->count = d->draining = 0;
    begin_order(d);
    d->store.filled = 0;
}
