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

MicaStatus mica_predicted_decoder_open(MicaPredictedDecoder *d, const MicaModel *model, int threads,
                                       uint32_t cpu_mask, MicaError *error)
{
    MicaStatus status = mica_session_open(&d->predicted, model, threads, cpu_mask, error);
    if (status == MICA_OK)
        status = mica_prediction_check_kind(d->predicted.network, 1, error);
    if (status != MICA_OK)
        return status;
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
    MicaStatus status = mica_frame_store_references(&d->store, h, reference);
    if (status != MICA_OK)
        return mica_fail(error, status, "a frame that this one is predicted from is missing");
    status = mica_motion_decode(&d->store.field, h->references, motion.data, motion.size);
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

/* Of the frames held, the one that is shown first. */
static int first_held(const MicaPredictedDecoder *d)
{
    int first = 0;
    for (int i = 1; i < d->count; i++)
        if (d->held[i].order < d->held[first].order)
            first = i;
    return first;
}

/* Whether nothing that comes later is shown before the first frame held. */
static int is_due(const MicaPredictedDecoder *d)
{
    return d->count > 0 && (d->draining || d->count > d->info->reorder ||
                            d->held[first_held(d)].order < d->key_order);
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
    if (held->status != MICA_OK) {
        /* Its place is not known for sure: after all before. What depends on it is refused, because
         * its number is missing. */
        held->order = d->last_order;
        return MICA_OK;
    }
    if (held->key)
        d->key_order = d->last_order + 1;
    held->order = d->key_order + header.order;
    if (held->order > d->last_order)
        d->last_order = held->order;
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
    return &d->held[last];
}

void mica_predicted_decoder_flush(MicaPredictedDecoder *d)
{
    d->count = d->draining = 0;
    d->key_order = d->last_order = 0;
    d->store.filled = 0;
}
