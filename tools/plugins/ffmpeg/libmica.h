/*
 * What the mica decoder and encoder of libavcodec share, and where FFmpeg's releases differ.
 * BSD 2-Clause, as the rest of mica; see the LICENSE file of its sources.
 */
#ifndef AVCODEC_LIBMICA_H
#define AVCODEC_LIBMICA_H

#include <mica/video.h>

#include "libavutil/avutil.h"
#include "libavutil/common.h"
#include "libavutil/error.h"
#include "libavutil/file.h"
#include "libavutil/log.h"
#include "libavutil/pixfmt.h"
#include "libavutil/version.h"

#include "avcodec.h"
#include "version.h"

#ifndef CODEC_LONG_NAME /* before 6.0 */
#define CODEC_LONG_NAME(text) .p.long_name = NULL_IF_CONFIG_SMALL(text)
#endif

/* Since 6.0 decoders can say which packet a frame takes its properties from; before,
 * ff_get_buffer() took them from internal->last_pkt_props. */
#if LIBAVCODEC_VERSION_MAJOR >= 60
#define LIBMICA_CAP_FRAME_PROPS FF_CODEC_CAP_SETS_FRAME_PROPS
#else
#define LIBMICA_LAST_PACKET 1
#define LIBMICA_CAP_FRAME_PROPS 0
#endif

#ifdef AV_FRAME_FLAG_KEY /* 6.1 */
#define LIBMICA_FRAME_SET_KEY(frame, key)                                                          \
    ((frame)->flags = ((frame)->flags & ~AV_FRAME_FLAG_KEY) | ((key) ? AV_FRAME_FLAG_KEY : 0))
#else
#define LIBMICA_FRAME_SET_KEY(frame, key) ((frame)->key_frame = (key))
#endif

static inline int libmica_is_yuv(MicaPixelFormat format)
{
    return format != MICA_PIXEL_GRAY8 && format != MICA_PIXEL_RGB24;
}

static inline enum AVPixelFormat libmica_pix_fmt(MicaPixelFormat format)
{
    static const enum AVPixelFormat map[MICA_PIXEL_FORMATS] = {
        AV_PIX_FMT_GRAY8,   AV_PIX_FMT_RGB24,     AV_PIX_FMT_YUV420P,   AV_PIX_FMT_YUV422P,
        AV_PIX_FMT_YUV444P, AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUV422P10, AV_PIX_FMT_YUV444P10,
    };
    return map[format];
}

static inline MicaPixelFormat libmica_format(enum AVPixelFormat pix_fmt)
{
    switch (pix_fmt) {
    case AV_PIX_FMT_YUVJ420P:
        return MICA_PIXEL_YUV420P;
    case AV_PIX_FMT_YUVJ422P:
        return MICA_PIXEL_YUV422P;
    case AV_PIX_FMT_YUVJ444P:
        return MICA_PIXEL_YUV444P;
    default:
        for (int i = 0; i < MICA_PIXEL_FORMATS; i++)
            if (libmica_pix_fmt((MicaPixelFormat)i) == pix_fmt)
                return (MicaPixelFormat)i;
        return MICA_PIXEL_YUV420P; /* not reached: the encoder lists what it takes */
    }
}

static inline int libmica_error(void *log, MicaStatus status, const MicaError *error)
{
    if (status == MICA_ERROR_EOF)
        return AVERROR_EOF;
    av_log(log, AV_LOG_ERROR, "%s\n",
           error && error->text[0] ? error->text : mica_status_string(status));
    switch (status) {
    case MICA_ERROR_OUT_OF_MEMORY:
        return AVERROR(ENOMEM);
    case MICA_ERROR_INVALID_ARGUMENT:
    case MICA_ERROR_LIMIT:
        return AVERROR(EINVAL);
    case MICA_ERROR_UNSUPPORTED_VERSION:
    case MICA_ERROR_UNSUPPORTED_FEATURE:
        return AVERROR_PATCHWELCOME;
    case MICA_ERROR_INTERNAL:
        return AVERROR_EXTERNAL;
    default:
        return AVERROR_INVALIDDATA;
    }
}

static inline int libmica_open_model(void *log, const char *file, MicaModel **model)
{
    MicaError error = {0};
    MicaStatus status;
    uint8_t *data;
    size_t size;
    int ret = av_file_map(file, &data, &size, 0, log);
    if (ret < 0)
        return ret;
    status = mica_model_load(model, data, size, &error);
    av_file_unmap(data, size);
    return status == MICA_OK ? 0 : libmica_error(log, status, &error);
}

#endif
