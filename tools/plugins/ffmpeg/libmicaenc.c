/*
 * mica encoder for libavcodec, by libmica.
 * BSD 2-Clause, as the rest of mica; see the LICENSE file of its sources.
 */

#include <mica/video.h>

#include "libavutil/file.h"
#include "libavutil/mem.h"
#include "libavutil/opt.h"

#include "avcodec.h"
#include "codec_internal.h"
#include "encode.h"
#include "internal.h"
#include "libmica.h"

typedef struct LibMicaEncodeContext {
    const AVClass *class;
    MicaVideoEncoder *encoder;
    AVFrame *frame;
    char *model, *predicted_model;
    double quality;
    int effort;
    int frame_threads;
    int lookahead, preset, scenecut;
} LibMicaEncodeContext;

static void describe(const AVCodecContext *avctx, MicaVideoInfo *info)
{
    mica_video_info_defaults(info, sizeof(*info));
    info->width = avctx->width;
    info->height = avctx->height;
    info->format = libmica_format(avctx->pix_fmt);
    info->full_range =
        avctx->color_range == AVCOL_RANGE_JPEG || avctx->pix_fmt == AV_PIX_FMT_YUVJ420P ||
        avctx->pix_fmt == AV_PIX_FMT_YUVJ422P || avctx->pix_fmt == AV_PIX_FMT_YUVJ444P;
    info->primaries = avctx->color_primaries;
    info->transfer = avctx->color_trc;
    info->matrix = info->format == MICA_PIXEL_RGB24 ? 0 : avctx->colorspace;
    if (avctx->chroma_sample_location >= AVCHROMA_LOC_LEFT &&
        avctx->chroma_sample_location <= AVCHROMA_LOC_TOPLEFT)
        info->chroma_site = (MicaChromaSite)avctx->chroma_sample_location;
    if (avctx->framerate.num > 0 && avctx->framerate.den > 0) {
        info->frame_rate[0] = avctx->framerate.num;
        info->frame_rate[1] = avctx->framerate.den;
    }
    if (avctx->sample_aspect_ratio.num > 0 && avctx->sample_aspect_ratio.den > 0) {
        info->sample_aspect[0] = avctx->sample_aspect_ratio.num;
        info->sample_aspect[1] = avctx->sample_aspect_ratio.den;
    }
}

/* The nearest number of B frames that libmica knows, not above what was asked for. */
static int bframes(int most)
{
    return most < 1 ? 0 : most < 3 ? 1 : most < 7 ? 3 : 7;
}

static av_cold int mica_encode_init(AVCodecContext *avctx)
{
    LibMicaEncodeContext *s = avctx->priv_data;
    MicaVideoInfo info;
    MicaVideoEncodeSettings settings;
    MicaModel *model = NULL, *predicted = NULL;
    MicaError error = {0};
    MicaStatus status;
    const uint8_t *extradata;
    size_t size;
    int ret;

    s->frame = av_frame_alloc();
    if (!s->frame)
        return AVERROR(ENOMEM);
    describe(avctx, &info);
    mica_video_encode_defaults(&settings, sizeof(settings));
    settings.quality = s->quality;
    settings.effort = s->effort;
    settings.threads = FFMIN(FFMAX(avctx->thread_count, 0), 256);
    settings.frame_threads = avctx->flags & AV_CODEC_FLAG_LOW_DELAY ? 1 : s->frame_threads;
    settings.gop = FFMAX(avctx->gop_size, 1);
    settings.bframes = bframes(avctx->max_b_frames);
    settings.lookahead = avctx->flags & AV_CODEC_FLAG_LOW_DELAY ? 0 : s->lookahead;
    settings.preset = s->preset;
    settings.scenecut = s->scenecut;
    settings.bitrate = FFMAX(avctx->bit_rate, 0);
    if (settings.bitrate && avctx->rc_buffer_size > 0)
        settings.buffer_ms = av_clip64(avctx->rc_buffer_size * 1000LL / avctx->bit_rate, 1, 60000);
    if (s->model && (ret = libmica_open_model(avctx, s->model, &model)) < 0)
        return ret;
    if (s->predicted_model &&
        (ret = libmica_open_model(avctx, s->predicted_model, &predicted)) < 0) {
        mica_model_unref(&model);
        return ret;
    }
    settings.model = model;
    settings.predicted_model = predicted;
    status = mica_video_encoder_open(&s->encoder, &info, &settings, &error);
    mica_model_unref(&model);
    mica_model_unref(&predicted);
    if (status != MICA_OK)
        return libmica_error(avctx, status, &error);

    mica_video_encoder_extradata(s->encoder, &extradata, &size);
    status = mica_video_info_read(extradata, size, &info, NULL, &error);
    if (status != MICA_OK)
        return libmica_error(avctx, status, &error);
    avctx->has_b_frames = info.reorder;
    avctx->extradata = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!avctx->extradata)
        return AVERROR(ENOMEM);
    memcpy(avctx->extradata, extradata, size);
    avctx->extradata_size = size;
    return 0;
}

/* In units of the encoder's time base. Before 6.0 frames had none of these. */
static int64_t frame_duration(const AVCodecContext *avctx, const AVFrame *frame)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    if (frame->duration > 0)
        return frame->duration;
#endif
    if (avctx->framerate.num <= 0 || avctx->framerate.den <= 0)
        return 0;
    return av_rescale_q(1, av_inv_q(avctx->framerate), avctx->time_base);
}

static int send_frame(AVCodecContext *avctx, const AVFrame *frame)
{
    LibMicaEncodeContext *s = avctx->priv_data;
    MicaVideoFrame f = {.struct_size = sizeof(f)};
    MicaError error = {0};
    MicaStatus status;
    for (int i = 0; i < MICA_PLANES; i++) {
        f.data[i] = frame->data[i];
        f.stride[i] = frame->linesize[i];
    }
    f.pts = frame->pts;
    f.duration = frame_duration(avctx, frame);
    if (frame->pict_type == AV_PICTURE_TYPE_I)
        f.flags = MICA_VIDEO_KEY;
    status = mica_video_encoder_send(s->encoder, &f, &error);
    return status == MICA_OK ? 0 : libmica_error(avctx, status, &error);
}

static int mica_receive_packet(AVCodecContext *avctx, AVPacket *packet)
{
    LibMicaEncodeContext *s = avctx->priv_data;
    for (;;) {
        MicaVideoPacket p = {.struct_size = sizeof(p)};
        MicaError error = {0};
        MicaStatus status = mica_video_encoder_receive(s->encoder, &p, &error);
        int ret;
        if (status == MICA_OK) {
            if (p.size > INT_MAX - AV_INPUT_BUFFER_PADDING_SIZE)
                return AVERROR(ERANGE);
            if ((ret = ff_get_encode_buffer(avctx, packet, p.size, 0)) < 0)
                return ret;
            memcpy(packet->data, p.data, p.size);
            packet->pts = p.pts;
            packet->dts = p.dts;
            packet->duration = p.duration;
            if (p.flags & MICA_VIDEO_KEY)
                packet->flags |= AV_PKT_FLAG_KEY;
            return 0;
        }
        if (status != MICA_ERROR_AGAIN)
            return libmica_error(avctx, status, &error);

        ret = ff_encode_get_frame(avctx, s->frame);
        if (ret == AVERROR_EOF) {
            mica_video_encoder_send(s->encoder, NULL, NULL);
            continue;
        }
        if (ret < 0)
            return ret;
        ret = send_frame(avctx, s->frame);
        av_frame_unref(s->frame);
        if (ret < 0)
            return ret;
    }
}

static av_cold int mica_encode_close(AVCodecContext *avctx)
{
    LibMicaEncodeContext *s = avctx->priv_data;
    mica_video_encoder_close(&s->encoder);
    av_frame_free(&s->frame);
    return 0;
}

#define OFFSET(x) offsetof(LibMicaEncodeContext, x)
#define VE AV_OPT_FLAG_VIDEO_PARAM | AV_OPT_FLAG_ENCODING_PARAM
static const AVOption options[] = {
    {"quality",
     "0 (fewest bits) to 100; not used with a bit rate",
     OFFSET(quality),
     AV_OPT_TYPE_DOUBLE,
     {.dbl = 50},
     0,
     100,
     VE},
    {"effort", "1 (fastest) to 9", OFFSET(effort), AV_OPT_TYPE_INT, {.i64 = 2}, 1, 9, VE},
    {"model",
     "Model file; default: the built-in S",
     OFFSET(model),
     AV_OPT_TYPE_STRING,
     {.str = NULL},
     0,
     0,
     VE},
    {"predicted_model",
     "Model file of predicted frames; default: that of the preset",
     OFFSET(predicted_model),
     AV_OPT_TYPE_STRING,
     {.str = NULL},
     0,
     0,
     VE},
    {"lookahead",
     "Frames that wait behind one, for the temporal filter",
     OFFSET(lookahead),
     AV_OPT_TYPE_INT,
     {.i64 = 8},
     0,
     8,
     VE},
    {"preset",
     "Built-in model of predicted frames",
     OFFSET(preset),
     AV_OPT_TYPE_INT,
     {.i64 = MICA_PRESET_MAIN},
     MICA_PRESET_MAIN,
     MICA_PRESET_FAST,
     VE,
     "preset"},
    {"main", "V", 0, AV_OPT_TYPE_CONST, {.i64 = MICA_PRESET_MAIN}, 0, 0, VE, "preset"},
    {"fast",
     "V-fast: faster, more bits",
     0,
     AV_OPT_TYPE_CONST,
     {.i64 = MICA_PRESET_FAST},
     0,
     0,
     VE,
     "preset"},
    {"scenecut", "Key frames at cuts", OFFSET(scenecut), AV_OPT_TYPE_BOOL, {.i64 = 1}, 0, 1, VE},
    {"frame_threads",
     "With -g 1: frames coded at once, which delay packets; 0: one per thread",
     OFFSET(frame_threads),
     AV_OPT_TYPE_INT,
     {.i64 = 0},
     0,
     64,
     VE},
    {NULL},
};

static const FFCodecDefault defaults[] = {
    {"b", "0"},
    {"g", "120"},
    {"bf", "0"},
    {NULL},
};

static const AVClass libmica_encoder_class = {
    .class_name = "libmica encoder",
    .item_name = av_default_item_name,
    .option = options,
    .version = LIBAVUTIL_VERSION_INT,
};

static const enum AVPixelFormat formats[] = {
    AV_PIX_FMT_YUV420P,   AV_PIX_FMT_YUV422P,  AV_PIX_FMT_YUV444P,   AV_PIX_FMT_YUVJ420P,
    AV_PIX_FMT_YUVJ422P,  AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUV422P10,
    AV_PIX_FMT_YUV444P10, AV_PIX_FMT_RGB24,    AV_PIX_FMT_GRAY8,     AV_PIX_FMT_NONE,
};

const FFCodec ff_libmica_encoder = {
    .p.name = "libmica",
    CODEC_LONG_NAME("libmica mica"),
    .p.type = AVMEDIA_TYPE_VIDEO,
    .p.id = AV_CODEC_ID_MICA,
    .priv_data_size = sizeof(LibMicaEncodeContext),
    .init = mica_encode_init,
    .close = mica_encode_close,
    FF_CODEC_RECEIVE_PACKET_CB(mica_receive_packet),
    .p.capabilities = AV_CODEC_CAP_DELAY | AV_CODEC_CAP_OTHER_THREADS | AV_CODEC_CAP_DR1,
    .caps_internal = FF_CODEC_CAP_AUTO_THREADS | FF_CODEC_CAP_INIT_CLEANUP,
    .p.pix_fmts = formats,
    .defaults = defaults,
    .p.priv_class = &libmica_encoder_class,
    .p.wrapper_name = "libmica",
};
