/*
 * mica decoder for libavcodec, by libmica.
 * BSD 2-Clause, as the rest of mica; see the LICENSE file of its sources.
 */

#include <mica/video.h>

#include "libavutil/file.h"
#include "libavutil/imgutils.h"
#include "libavutil/mem.h"
#include "libavutil/opt.h"

#include "avcodec.h"
#include "codec_internal.h"
#include "decode.h"
#include "internal.h"
#include "libmica.h"

typedef struct LibMicaDecodeContext {
    const AVClass *class;
    MicaVideoDecoder *decoder;
    AVPacket **packet; /* the first `sent` wait for their frames, the others are empty */
    int packets, sent;
    int error; /* of a frame, to be returned */
    char *model, *predicted_model;
    int conceal;
} LibMicaDecodeContext;

static av_cold int mica_decode_init(AVCodecContext *avctx)
{
    LibMicaDecodeContext *s = avctx->priv_data;
    MicaVideoInfo info = {.struct_size = sizeof(info)};
    MicaVideoDecodeSettings settings;
    MicaModel *model = NULL, *predicted = NULL;
    MicaError error = {0};
    MicaStatus status;
    int ret;

    status = mica_video_info_read(avctx->extradata, avctx->extradata_size, &info, NULL, &error);
    if (status != MICA_OK)
        return libmica_error(avctx, status, &error);
    avctx->pix_fmt = libmica_pix_fmt(info.format);
    if ((ret = ff_set_dimensions(avctx, info.width, info.height)) < 0)
        return ret;
    avctx->color_primaries = info.primaries;
    avctx->color_trc = info.transfer;
    avctx->colorspace = info.format == MICA_PIXEL_RGB24 ? AVCOL_SPC_RGB : info.matrix;
    avctx->color_range = info.full_range               ? AVCOL_RANGE_JPEG
                         : libmica_is_yuv(info.format) ? AVCOL_RANGE_MPEG
                                                       : AVCOL_RANGE_UNSPECIFIED;
    avctx->chroma_sample_location = info.chroma_site;
    if (info.frame_rate[0] && info.frame_rate[0] <= INT_MAX && info.frame_rate[1] <= INT_MAX)
        avctx->framerate = (AVRational){info.frame_rate[0], info.frame_rate[1]};
    if (info.sample_aspect[0] && info.sample_aspect[0] <= INT_MAX &&
        info.sample_aspect[1] <= INT_MAX)
        ff_set_sar(avctx, (AVRational){info.sample_aspect[0], info.sample_aspect[1]});
    avctx->has_b_frames = info.reorder;

    if (s->model && (ret = libmica_open_model(avctx, s->model, &model)) < 0)
        return ret;
    if (s->predicted_model &&
        (ret = libmica_open_model(avctx, s->predicted_model, &predicted)) < 0) {
        mica_model_unref(&model);
        return ret;
    }
    mica_video_decode_defaults(&settings, sizeof(settings));
    settings.model = model;
    settings.predicted_model = predicted;
    settings.threads = FFMIN(FFMAX(avctx->thread_count, 0), 256);
    settings.frame_threads = avctx->flags & AV_CODEC_FLAG_LOW_DELAY ? 1 : 0;
    settings.conceal = s->conceal;
    if (avctx->max_pixels > 0)
        settings.max_pixels = FFMIN(avctx->max_pixels, settings.max_pixels);
    status = mica_video_decoder_open(&s->decoder, avctx->extradata, avctx->extradata_size,
                                     &settings, &error);
    mica_model_unref(&model);
    mica_model_unref(&predicted);
    return status == MICA_OK ? 0 : libmica_error(avctx, status, &error);
}

/* A packet to fill; it is still empty for the next call unless s->sent counts it. */
static AVPacket *empty_packet(LibMicaDecodeContext *s)
{
    AVPacket *packet;
    if (s->sent < s->packets)
        return s->packet[s->sent];
    packet = av_packet_alloc();
    if (packet && av_dynarray_add_nofree(&s->packet, &s->packets, packet) < 0)
        av_packet_free(&packet);
    return packet;
}

/* The packet that a frame was made of waits no more; it stays valid until the next is sent. */
static AVPacket *packet_of(LibMicaDecodeContext *s, const MicaVideoFrame *frame)
{
    for (int i = 0; i < s->sent; i++)
        if (s->packet[i] == frame->opaque) {
            FFSWAP(AVPacket *, s->packet[i], s->packet[s->sent - 1]);
            return s->packet[--s->sent];
        }
    return NULL;
}

/* Frames come in another order than packets, and later, so libavcodec cannot know the packet. */
static int get_buffer(AVCodecContext *avctx, AVFrame *frame, AVPacket *packet)
{
#ifdef LIBMICA_LAST_PACKET
    av_packet_unref(avctx->internal->last_pkt_props);
    av_packet_move_ref(avctx->internal->last_pkt_props, packet);
    return ff_get_buffer(avctx, frame, 0);
#else
    int ret = ff_get_buffer(avctx, frame, 0);
    if (ret >= 0 && (ret = ff_decode_frame_props_from_pkt(avctx, frame, packet)) < 0)
        av_frame_unref(frame);
    return ret;
#endif
}

static int output_frame(AVCodecContext *avctx, AVFrame *frame, const MicaVideoFrame *from,
                        AVPacket *packet)
{
    const uint8_t *data[4] = {from->data[0], from->data[1], from->data[2]};
    int stride[4] = {from->stride[0], from->stride[1], from->stride[2]};
    int ret = get_buffer(avctx, frame, packet);
    if (ret < 0)
        return ret;
    av_image_copy(frame->data, frame->linesize, data, stride, avctx->pix_fmt, avctx->width,
                  avctx->height);
    frame->pts = from->pts;
    frame->pkt_dts = from->pts;
    frame->pict_type = from->flags & MICA_VIDEO_KEY ? AV_PICTURE_TYPE_I : AV_PICTURE_TYPE_P;
    LIBMICA_FRAME_SET_KEY(frame, (from->flags & MICA_VIDEO_KEY) != 0);
    if (from->flags & MICA_VIDEO_CONCEALED)
        frame->flags |= AV_FRAME_FLAG_CORRUPT;
    return 0;
}

static int send_packet(AVCodecContext *avctx)
{
    LibMicaDecodeContext *s = avctx->priv_data;
    MicaVideoPacket p = {.struct_size = sizeof(p)};
    MicaError error = {0};
    MicaStatus status;
    AVPacket *packet = empty_packet(s);
    int ret;
    if (!packet)
        return AVERROR(ENOMEM);
    ret = ff_decode_get_packet(avctx, packet);
    if (ret == AVERROR_EOF) {
        mica_video_decoder_send(s->decoder, NULL, NULL);
        return 0;
    }
    if (ret < 0)
        return ret;
    p.data = packet->data;
    p.size = packet->size;
    p.pts = packet->pts != AV_NOPTS_VALUE ? packet->pts : packet->dts;
    p.duration = packet->duration;
    p.opaque = packet;
    status = mica_video_decoder_send(s->decoder, &p, &error);
    if (status == MICA_OK) {
        s->sent++;
        return 0;
    }
    av_packet_unref(packet);
    return libmica_error(avctx, status, &error);
}

static int take_error(LibMicaDecodeContext *s, int otherwise)
{
    int ret = s->error ? s->error : otherwise;
    s->error = 0;
    return ret;
}

/* One packet can bring several errors. They are returned as one, when there is nothing else to do:
 * with an error avcodec_send_packet() needs to have taken its packet, or there is no room for the
 * next, which programs take for a broken decoder. */
static int mica_receive_frame(AVCodecContext *avctx, AVFrame *frame)
{
    LibMicaDecodeContext *s = avctx->priv_data;
    for (;;) {
        MicaVideoFrame f = {.struct_size = sizeof(f)};
        MicaError error = {0};
        MicaStatus status = mica_video_decoder_receive(s->decoder, &f, &error);
        AVPacket *packet;
        int ret, hidden;
        if (status == MICA_ERROR_EOF)
            return take_error(s, AVERROR_EOF);
        if (status == MICA_ERROR_AGAIN) {
            ret = send_packet(avctx);
            if (ret < 0)
                return take_error(s, ret);
            continue;
        }
        packet = packet_of(s, &f);
        if (status != MICA_OK)
            s->error = libmica_error(avctx, status, &error);
        if (!packet)
            return take_error(s, AVERROR_BUG);
        /* Containers mark what they cut off, but frames that are shown need it. */
        hidden = status != MICA_OK || packet->flags & AV_PKT_FLAG_DISCARD;
        ret = hidden ? 0 : output_frame(avctx, frame, &f, packet);
        av_packet_unref(packet);
        if (!hidden)
            return ret;
    }
}

static void mica_decode_flush(AVCodecContext *avctx)
{
    LibMicaDecodeContext *s = avctx->priv_data;
    mica_video_decoder_flush(s->decoder);
    while (s->sent > 0)
        av_packet_unref(s->packet[--s->sent]);
    s->error = 0;
}

static av_cold int mica_decode_close(AVCodecContext *avctx)
{
    LibMicaDecodeContext *s = avctx->priv_data;
    mica_video_decoder_close(&s->decoder);
    for (int i = 0; i < s->packets; i++)
        av_packet_free(&s->packet[i]);
    av_freep(&s->packet);
    return 0;
}

#define OFFSET(x) offsetof(LibMicaDecodeContext, x)
#define VD AV_OPT_FLAG_VIDEO_PARAM | AV_OPT_FLAG_DECODING_PARAM
static const AVOption options[] = {
    {"model",
     "Model file; default: the built-in one that the stream names",
     OFFSET(model),
     AV_OPT_TYPE_STRING,
     {.str = NULL},
     0,
     0,
     VD},
    {"predicted_model",
     "Model file of predicted frames; default: the built-in one that the stream names",
     OFFSET(predicted_model),
     AV_OPT_TYPE_STRING,
     {.str = NULL},
     0,
     0,
     VD},
    {"conceal",
     "Repeat the last frame in place of a damaged one",
     OFFSET(conceal),
     AV_OPT_TYPE_BOOL,
     {.i64 = 0},
     0,
     1,
     VD},
    {NULL},
};

static const AVClass libmica_decoder_class = {
    .class_name = "libmica decoder",
    .item_name = av_default_item_name,
    .option = options,
    .version = LIBAVUTIL_VERSION_INT,
};

const FFCodec ff_libmica_decoder = {
    .p.name = "libmica",
    CODEC_LONG_NAME("libmica mica"),
    .p.type = AVMEDIA_TYPE_VIDEO,
    .p.id = AV_CODEC_ID_MICA,
    .priv_data_size = sizeof(LibMicaDecodeContext),
    .init = mica_decode_init,
    .close = mica_decode_close,
    .flush = mica_decode_flush,
    FF_CODEC_RECEIVE_FRAME_CB(mica_receive_frame),
    .p.capabilities = AV_CODEC_CAP_DELAY | AV_CODEC_CAP_OTHER_THREADS | AV_CODEC_CAP_DR1,
    .caps_internal =
        FF_CODEC_CAP_AUTO_THREADS | FF_CODEC_CAP_INIT_CLEANUP | LIBMICA_CAP_FRAME_PROPS,
    .p.priv_class = &libmica_decoder_class,
    .p.wrapper_name = "libmica",
};
