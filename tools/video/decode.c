#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libavutil/imgutils.h>
#include <libavutil/md5.h>
#include <libavutil/mem.h>

#include "tools/report.h"
#include "tools/video/av.h"
#include "tools/video/video.h"

typedef struct Decode {
    const VideoDecodeJob *job;
    AVFormatContext *input;
    AVStream *stream;
    MicaVideoInfo info;
    MicaVideoDecoder *decoder;
    AVPacket *packet;
    FileBytes file;
    OutputFile output;
    AvProgress progress;
    int64_t from; /* frames before this time are not wanted, in the stream's time base */
    long frames, concealed;
    bool output_failed;
    /* One of these: */
    struct AVMD5 *md5;
    bool y4m;
    AvOutput out;
    AVCodecContext *encoder; /* FFV1 */
    AVFrame *frame;
    struct SwsContext *scaler;
} Decode;

/* Where time begins: containers may have moved it, so that no decoding time is negative. The first
 * packet is a key frame, which nothing precedes; it is read only to be sought back to. */
static int64_t first_time(Decode *d)
{
    int64_t first = d->stream->start_time;
    while (first == AV_NOPTS_VALUE && av_read_frame(d->input, d->packet) >= 0) {
        if (d->packet->stream_index == d->stream->index && d->packet->pts != AV_NOPTS_VALUE)
            first = d->packet->pts;
        av_packet_unref(d->packet);
    }
    return first == AV_NOPTS_VALUE ? 0 : first;
}

static MicaStatus open_decoder(Decode *d, MicaError *error)
{
    for (unsigned i = 0; i < d->input->nb_streams && !d->stream; i++)
        if (d->input->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_VIDEO &&
            d->input->streams[i]->codecpar->codec_tag == AV_TAG_MICA)
            d->stream = d->input->streams[i];
    if (!d->stream)
        return report_fail(error, MICA_ERROR_BITSTREAM, "holds no mica video");
    const AVCodecParameters *par = d->stream->codecpar;
    d->info.struct_size = sizeof d->info;
    MicaStatus status =
        mica_video_info_read(par->extradata, (size_t)par->extradata_size, &d->info, NULL, error);
    if (status != MICA_OK)
        return status;
    MicaVideoDecodeSettings s;
    mica_video_decode_defaults(&s, sizeof s);
    s.model = d->job->codec->model;
    s.threads = d->job->codec->threads;
    if (d->job->codec->cpu)
        s.cpu_mask = d->job->codec->cpu_mask;
    s.conceal = d->job->conceal;
    MicaModel *predicted = NULL;
    if (d->job->predicted_name)
        status = model_open(&predicted, d->job->predicted_name, error);
    s.predicted_model = predicted;
    if (status == MICA_OK)
        status = mica_video_decoder_open(&d->decoder, par->extradata, (size_t)par->extradata_size,
                                         &s, error);
    mica_model_unref(&predicted);
    if (status != MICA_OK || d->job->start <= 0)
        return status;
    d->from = first_time(d) + (int64_t)llrint(d->job->start / av_q2d(d->stream->time_base));
    const int code = av_seek_frame(d->input, d->stream->index, d->from, AVSEEK_FLAG_BACKWARD);
    return code < 0 ? av_fail(error, code, "cannot seek") : MICA_OK;
}

/* ---- y4m ---- */

static const char *y4m_format(const MicaVideoInfo *info)
{
    switch (info->format) {
    case MICA_PIXEL_GRAY8:
        return "mono";
    case MICA_PIXEL_YUV420P:
        return info->chroma_site == MICA_CHROMA_CENTER     ? "420jpeg"
               : info->chroma_site == MICA_CHROMA_TOP_LEFT ? "420paldv"
                                                           : "420mpeg2";
    case MICA_PIXEL_YUV422P:
        return "422";
    case MICA_PIXEL_YUV444P:
        return "444";
    case MICA_PIXEL_YUV420P10:
        return "420p10 XYSCSS=420P10";
    case MICA_PIXEL_YUV422P10:
        return "422p10 XYSCSS=422P10";
    case MICA_PIXEL_YUV444P10:
        return "444p10 XYSCSS=444P10";
    default:
        return NULL;
    }
}

static MicaStatus y4m_begin(Decode *d, MicaError *error)
{
    const MicaVideoInfo *v = &d->info;
    const char *format = y4m_format(v);
    if (!format)
        return report_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                           "the video is RGB, which y4m cannot hold; .mkv or .nut can");
    AVRational rate = {(int)v->frame_rate[0], (int)v->frame_rate[1]};
    if (!v->frame_rate[0])
        rate = d->stream->avg_frame_rate.num > 0 ? d->stream->avg_frame_rate : (AVRational){25, 1};
    char header[192];
    snprintf(header, sizeof header, "YUV4MPEG2 W%d H%d F%d:%d Ip A%u:%u C%s XCOLORRANGE=%s\n",
             v->width, v->height, rate.num, rate.den, (unsigned)v->sample_aspect[0],
             (unsigned)v->sample_aspect[1], format, v->full_range ? "FULL" : "LIMITED");
    d->y4m = true;
    output_file_write(&d->output, header, strlen(header));
    return MICA_OK;
}

/* The samples plane by plane, rows without padding; more than 8 bits little-endian. */
static void each_row(Decode *d, const MicaVideoFrame *f,
                     void (*use)(Decode *d, const uint8_t *row, size_t size))
{
    for (int p = 0; p < mica_pixel_planes(d->info.format); p++) {
        const size_t size = mica_pixel_row_bytes(d->info.format, d->info.width, p);
        for (int y = 0; y < mica_pixel_rows(d->info.format, d->info.height, p); y++) {
            uint8_t *row = f->data[p] + y * f->stride[p];
            const uint16_t one = 1;
            if (d->info.format >= MICA_PIXEL_YUV420P10 && *(const uint8_t *)&one == 0)
                for (size_t i = 0; i + 1 < size; i += 2) { /* a big-endian machine */
                    const uint8_t low = row[i + 1];
                    row[i + 1] = row[i];
                    row[i] = low;
                }
            use(d, row, size);
        }
    }
}

static void write_row(Decode *d, const uint8_t *row, size_t size)
{
    output_file_write(&d->output, row, size);
}

static void sum_row(Decode *d, const uint8_t *row, size_t size)
{
    av_md5_update(d->md5, row, size);
}

/* ---- FFV1 in a container ---- */

static MicaStatus open_ffv1(Decode *d, MicaError *error)
{
    const VideoDecodeJob *job = d->job;
    const char *container = job->format ? job->format : strrchr(job->output_name, '.') + 1;
    MicaStatus status = av_output_open(&d->out, &d->output, container, error);
    if (status == MICA_OK && !job->video_only)
        status = av_output_copy_streams(&d->out, d->input, error);
    if (status != MICA_OK)
        return status;
    const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_FFV1);
    if (!codec)
        return report_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                           "this FFmpeg has no FFV1 encoder; .y4m needs none");
    const MicaVideoInfo *v = &d->info;
    AVCodecContext *c = d->encoder = avcodec_alloc_context3(codec);
    d->frame = av_frame_alloc();
    if (!c || !d->frame)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    c->width = v->width;
    c->height = v->height;
    c->pix_fmt = v->format == MICA_PIXEL_RGB24 ? AV_PIX_FMT_BGR0 : av_format_of(v->format);
    c->time_base = d->stream->time_base;
    c->color_range = v->full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    c->color_primaries = (enum AVColorPrimaries)v->primaries;
    c->color_trc = (enum AVColorTransferCharacteristic)v->transfer;
    c->colorspace = (enum AVColorSpace)v->matrix;
    c->chroma_sample_location = (enum AVChromaLocation)v->chroma_site;
    if (v->sample_aspect[0])
        c->sample_aspect_ratio = (AVRational){(int)v->sample_aspect[0], (int)v->sample_aspect[1]};
    c->gop_size = 1;
    c->thread_count = 1;
    if (d->out.context->oformat->flags & AVFMT_GLOBALHEADER)
        c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    c->flags |= AV_CODEC_FLAG_BITEXACT;
    int code = avcodec_open2(c, codec, NULL);
    if (code < 0)
        return av_fail(error, code, "cannot encode FFV1");
    d->frame->width = c->width;
    d->frame->height = c->height;
    d->frame->format = c->pix_fmt;
    code = av_frame_get_buffer(d->frame, 0);
    if (code >= 0)
        code = avcodec_parameters_from_context(d->out.video->codecpar, c);
    if (code < 0)
        return av_fail(error, code, "cannot encode FFV1");
    if (c->pix_fmt == AV_PIX_FMT_BGR0) {
        d->scaler = sws_getContext(c->width, c->height, AV_PIX_FMT_RGB24, c->width, c->height,
                                   c->pix_fmt, SWS_POINT | SWS_BITEXACT, NULL, NULL, NULL);
        if (!d->scaler)
            return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    d->out.video->time_base = d->stream->time_base;
    d->out.video->avg_frame_rate = d->stream->avg_frame_rate;
    d->out.video->sample_aspect_ratio = c->sample_aspect_ratio;
    av_dict_copy(&d->out.video->metadata, d->stream->metadata, 0);
    av_dict_copy(&d->out.context->metadata, d->input->metadata, 0);
    status = av_output_copy_rotation(&d->out, d->stream, error);
    return status == MICA_OK ? av_output_begin(&d->out, error) : status;
}

static MicaStatus encode_ffv1(Decode *d, const MicaVideoFrame *f, MicaError *error)
{
    int code = 0;
    if (f) {
        const uint8_t *data[4] = {f->data[0], f->data[1], f->data[2], NULL};
        const int stride[4] = {(int)f->stride[0], (int)f->stride[1], (int)f->stride[2], 0};
        code = av_frame_make_writable(d->frame);
        if (code >= 0 && d->scaler)
            sws_scale(d->scaler, data, stride, 0, d->frame->height, d->frame->data,
                      d->frame->linesize);
        else if (code >= 0)
            av_image_copy(d->frame->data, d->frame->linesize, data, stride, d->frame->format,
                          d->frame->width, d->frame->height);
        d->frame->pts = f->pts;
    }
    if (code >= 0)
        code = avcodec_send_frame(d->encoder, f ? d->frame : NULL);
    while (code >= 0) {
        AVPacket *packet = av_packet_alloc();
        code = packet ? avcodec_receive_packet(d->encoder, packet) : AVERROR(ENOMEM);
        MicaStatus status = MICA_OK;
        if (code >= 0)
            status = av_output_video_packet(&d->out, d->stream->time_base, packet, error);
        av_packet_free(&packet);
        if (status != MICA_OK)
            return status;
    }
    return code == AVERROR(EAGAIN) || code == AVERROR_EOF ? MICA_OK
                                                          : av_fail(error, code, "cannot encode");
}

/* ---- */

static MicaStatus open_output(Decode *d, MicaError *error)
{
    const VideoDecodeJob *job = d->job;
    const bool md5 = job->format && strcasecmp(job->format, "md5") == 0;
    const bool y4m = job->format
                         ? strcasecmp(job->format, "y4m") == 0
                         : video_is_raw(job->output_name) || strcmp(job->output_name, "-") == 0;
    d->output_failed = true;
    MicaStatus status = output_file_open(&d->output, job->output_name, &d->file, !md5, error);
    if (status != MICA_OK)
        return status;
    if (md5) {
        d->md5 = av_md5_alloc();
        if (d->md5)
            av_md5_init(d->md5);
        else
            status = report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    } else {
        status = y4m ? y4m_begin(d, error) : open_ffv1(d, error);
    }
    d->output_failed = status != MICA_OK;
    return status;
}

static bool enough(const Decode *d)
{
    return d->job->frames && d->frames >= d->job->frames;
}

static MicaStatus use_frame(Decode *d, const MicaVideoFrame *f, MicaError *error)
{
    if (d->job->start > 0 && f->pts < d->from)
        return MICA_OK;
    MicaStatus status = MICA_OK;
    d->frames++;
    d->concealed += (f->flags & MICA_VIDEO_CONCEALED) != 0;
    if (d->md5) {
        each_row(d, f, sum_row);
    } else if (d->y4m) {
        output_file_write(&d->output, "FRAME\n", 6);
        each_row(d, f, write_row);
        if (d->output.error)
            status = report_fail_errno(error, d->output.error);
    } else {
        status = encode_ffv1(d, f, error);
    }
    d->output_failed = status != MICA_OK;
    av_progress_frame(&d->progress, 0);
    return status;
}

/* Take what is ready; at the end of the input, everything. */
static MicaStatus take_frames(Decode *d, MicaError *error)
{
    while (!enough(d)) {
        MicaVideoFrame f = {.struct_size = sizeof f};
        MicaError reason = {MICA_OK, ""};
        MicaStatus status = mica_video_decoder_receive(d->decoder, &f, &reason);
        if (status == MICA_ERROR_AGAIN || status == MICA_ERROR_EOF)
            return MICA_OK;
        if (status != MICA_OK)
            return report_fail(error, status, "frame at %.3f s: %s",
                               (double)f.pts * av_q2d(d->stream->time_base), reason.text);
        status = use_frame(d, &f, error);
        if (status != MICA_OK)
            return status;
    }
    return MICA_OK;
}

static MicaStatus decode_packet(Decode *d, MicaError *error)
{
    const AVPacket *from = d->packet;
    const MicaVideoPacket p = {.struct_size = sizeof p,
                               .data = from->data,
                               .size = (size_t)from->size,
                               .pts = from->pts != AV_NOPTS_VALUE ? from->pts : from->dts,
                               .duration = from->duration};
    for (;;) {
        const MicaStatus status = mica_video_decoder_send(d->decoder, &p, error);
        if (status != MICA_OK && status != MICA_ERROR_AGAIN)
            return status;
        const MicaStatus taken = take_frames(d, error);
        if (taken != MICA_OK || status == MICA_OK || enough(d))
            return taken;
    }
}

static MicaStatus run(Decode *d, MicaError *error)
{
    MicaStatus status = MICA_OK;
    while (status == MICA_OK && !enough(d)) {
        const int code = av_read_frame(d->input, d->packet);
        if (code == AVERROR_EOF)
            break;
        if (code < 0)
            return av_fail(error, code, "the file is damaged");
        if (d->packet->stream_index == d->stream->index) {
            status = decode_packet(d, error);
        } else if (d->encoder) {
            status = av_output_copy_packet(&d->out, d->input, d->packet, error);
            d->output_failed = status != MICA_OK;
        }
        av_packet_unref(d->packet);
    }
    if (status == MICA_OK && !enough(d)) {
        mica_video_decoder_send(d->decoder, NULL, NULL);
        status = take_frames(d, error);
    }
    if (status != MICA_OK)
        return status;
    if (d->frames == 0)
        return report_fail(error, MICA_ERROR_BITSTREAM, "no frame at or after %g s", d->job->start);
    d->output_failed = true;
    if (d->encoder) {
        status = encode_ffv1(d, NULL, error);
        if (status == MICA_OK)
            status = av_output_end(&d->out, error);
    } else if (d->md5) {
        uint8_t sum[16];
        char text[34];
        av_md5_final(d->md5, sum);
        for (int i = 0; i < 16; i++)
            snprintf(text + 2 * i, 3, "%02x", sum[i]);
        text[32] = '\n';
        output_file_write(&d->output, text, 33);
    }
    return status == MICA_OK ? output_file_commit(&d->output, error) : status;
}

int video_decode(const VideoDecodeJob *job)
{
    const char *input = report_input_name(job->input_name);
    const char *output = report_output_name(job->output_name);
    Decode d = {.job = job};
    MicaError error = {MICA_OK, ""};
    av_be_quiet();
    d.packet = av_packet_alloc();
    MicaStatus status = d.packet ? MICA_OK : MICA_ERROR_OUT_OF_MEMORY;
    if (status == MICA_OK)
        status = av_input_open(&d.input, job->input_name, &d.file, &error);
    if (status == MICA_OK)
        status = open_decoder(&d, &error);
    if (status == MICA_OK)
        status = open_output(&d, &error);
    av_progress_begin(&d.progress, job->codec->verbose);
    if (status == MICA_OK)
        status = run(&d, &error);
    if (status == MICA_OK) {
        av_progress_end(&d.progress, output, 0);
        if (job->codec->verbose && d.concealed)
            report_note(input, "%ld damaged frames concealed", d.concealed);
    }
    const bool at_output = d.output_failed && status != MICA_OK;
    mica_video_decoder_close(&d.decoder);
    av_output_free(&d.out);
    output_file_discard(&d.output);
    sws_freeContext(d.scaler);
    av_frame_free(&d.frame);
    avcodec_free_context(&d.encoder);
    av_free(d.md5);
    av_packet_free(&d.packet);
    avformat_close_input(&d.input);
    error.status = status;
    return status == MICA_OK ? EXIT_DONE : report_error(at_output ? output : input, &error);
}
