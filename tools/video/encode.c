#include <stdlib.h>
#include <string.h>

#include "tools/report.h"
#include "tools/video/av.h"
#include "tools/video/video.h"

typedef struct Encode {
    const VideoEncodeJob *job;
    AVFormatContext *input;
    const AVStream *stream; /* the video of the input */
    AVCodecContext *decoder;
    AVFrame *frame, *converted;
    struct SwsContext *scaler;
    AVPacket *packet;
    MicaVideoInfo info;
    MicaVideoEncoder *encoder; /* opened with the first frame, which tells the format */
    enum AVPixelFormat source; /* of that frame */
    FileBytes file;
    OutputFile output;
    AvOutput out;
    AvProgress progress;
    int64_t last_pts;
    long frames;
    bool output_failed; /* whom the error concerns */
} Encode;

static MicaStatus open_decoder(Encode *e, MicaError *error)
{
    const AVCodec *codec = NULL;
    const int index = av_find_best_stream(e->input, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    if (index < 0 || !codec)
        return report_fail(error, MICA_ERROR_BITSTREAM, "no video that FFmpeg can decode");
    e->stream = e->input->streams[index];
    e->decoder = avcodec_alloc_context3(codec);
    if (!e->decoder || avcodec_parameters_to_context(e->decoder, e->stream->codecpar) < 0)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    e->decoder->pkt_timebase = e->stream->time_base;
    e->decoder->thread_count = e->job->codec->threads;
    const int code = avcodec_open2(e->decoder, codec, NULL);
    return code < 0 ? av_fail(error, code, "the video cannot be decoded") : MICA_OK;
}

static void set_ratio(uint32_t to[2], AVRational from)
{
    if (from.num > 0 && from.den > 0) {
        to[0] = (uint32_t)from.num;
        to[1] = (uint32_t)from.den;
    }
}

static void describe(Encode *e, const AVFrame *f)
{
    static const enum AVPixelFormat known[] = {
        AV_PIX_FMT_YUV420P,   AV_PIX_FMT_YUV422P,   AV_PIX_FMT_YUV444P,
        AV_PIX_FMT_YUV420P10, AV_PIX_FMT_YUV422P10, AV_PIX_FMT_YUV444P10,
        AV_PIX_FMT_RGB24,     AV_PIX_FMT_GRAY8,     AV_PIX_FMT_NONE};
    MicaVideoInfo *info = &e->info;
    mica_video_info_defaults(info, sizeof *info);
    e->source = f->format;
    enum AVPixelFormat format = f->format;
    if (!av_format_to_mica(format, &info->format)) {
        format = avcodec_find_best_pix_fmt_of_list(known, format, 0, NULL);
        av_format_to_mica(format, &info->format);
    }
    info->width = f->width;
    info->height = f->height;
    info->full_range = f->color_range == AVCOL_RANGE_JPEG || f->format == AV_PIX_FMT_YUVJ420P ||
                       f->format == AV_PIX_FMT_YUVJ422P || f->format == AV_PIX_FMT_YUVJ444P;
    info->primaries = (int)f->color_primaries;
    info->transfer = (int)f->color_trc;
    info->matrix = info->format == MICA_PIXEL_RGB24 ? 0 : (int)f->colorspace;
    if (f->chroma_location >= AVCHROMA_LOC_LEFT && f->chroma_location <= AVCHROMA_LOC_TOPLEFT)
        info->chroma_site = (MicaChromaSite)f->chroma_location;
    set_ratio(info->frame_rate,
              av_guess_frame_rate(e->input, (AVStream *)(uintptr_t)e->stream, NULL));
    set_ratio(info->sample_aspect,
              av_guess_sample_aspect_ratio(e->input, (AVStream *)(uintptr_t)e->stream,
                                           (AVFrame *)(uintptr_t)f));
}

static MicaStatus open_encoder(Encode *e, MicaError *error)
{
    const VideoEncodeJob *job = e->job;
    MicaVideoEncodeSettings s;
    mica_video_encode_defaults(&s, sizeof s);
    s.model = job->codec->model;
    s.quality = job->quality;
    s.effort = job->effort;
    s.threads = job->codec->threads;
    if (job->codec->cpu)
        s.cpu_mask = job->codec->cpu_mask;
    s.gop = job->gop;
    s.bframes = job->bframes;
    s.preset = job->preset;
    s.lookahead = job->lookahead;
    s.scenecut = !job->no_scenecut;
    s.bitrate = (uint64_t)(job->bitrate * 1000 + 0.5);
    s.buffer_ms = job->buffer_ms;
    MicaModel *predicted = NULL;
    MicaStatus status = MICA_OK;
    if (job->predicted_name)
        status = model_open(&predicted, job->predicted_name, error);
    s.predicted_model = predicted;
    if (status == MICA_OK)
        status = mica_video_encoder_open(&e->encoder, &e->info, &s, error);
    mica_model_unref(&predicted);
    return status;
}

/* AVI, and Matroska for codecs that libavformat does not know, keep one time stamp of a packet. */
static MicaStatus check_reorder(const Encode *e, MicaError *error)
{
    const char *container = e->out.context->oformat->name;
    if (e->job->bframes && (strcmp(container, "avi") == 0 || strcmp(container, "matroska") == 0))
        return report_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                           "%s cannot keep the times of frames with --bframes; nut and mov can",
                           container);
    return MICA_OK;
}

static MicaStatus open_output(Encode *e, MicaError *error)
{
    const VideoEncodeJob *job = e->job;
    const char *container = job->format ? job->format : strrchr(job->output_name, '.') + 1;
    e->output_failed = true;
    MicaStatus status = av_output_open(&e->out, &e->output, container, error);
    if (status == MICA_OK)
        status = check_reorder(e, error);
    if (status == MICA_OK && !job->video_only)
        status = av_output_copy_streams(&e->out, e->input, error);
    if (status != MICA_OK)
        return status;
    AVCodecParameters *par = e->out.video->codecpar;
    const uint8_t *extradata;
    size_t size;
    mica_video_encoder_extradata(e->encoder, &extradata, &size);
    par->extradata = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!par->extradata)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    memcpy(par->extradata, extradata, size);
    par->extradata_size = (int)size;
    par->codec_type = AVMEDIA_TYPE_VIDEO;
    par->codec_id = AV_CODEC_ID_NONE; /* this libavformat does not know it, the tag is kept */
    par->codec_tag = AV_TAG_MICA;
    par->width = e->info.width;
    par->height = e->info.height;
    par->format = av_format_of(e->info.format);
    par->color_range = e->info.full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    par->color_primaries = (enum AVColorPrimaries)e->info.primaries;
    par->color_trc = (enum AVColorTransferCharacteristic)e->info.transfer;
    par->color_space = (enum AVColorSpace)e->info.matrix;
    par->chroma_location = (enum AVChromaLocation)e->info.chroma_site;
    MicaVideoInfo coded = {.struct_size = sizeof coded};
    status = mica_video_info_read(extradata, size, &coded, NULL, error);
    if (status != MICA_OK)
        return status;
    par->video_delay = coded.reorder;
    if (e->info.sample_aspect[0])
        par->sample_aspect_ratio = e->out.video->sample_aspect_ratio =
            (AVRational){(int)e->info.sample_aspect[0], (int)e->info.sample_aspect[1]};
    e->out.video->time_base = e->stream->time_base;
    e->out.video->avg_frame_rate = (AVRational){
        (int)e->info.frame_rate[0], e->info.frame_rate[1] ? (int)e->info.frame_rate[1] : 1};
    av_dict_copy(&e->out.video->metadata, e->stream->metadata, 0);
    av_dict_copy(&e->out.context->metadata, e->input->metadata, 0);
    status = av_output_copy_rotation(&e->out, e->stream, error);
    if (status == MICA_OK)
        status = av_output_begin(&e->out, error);
    e->output_failed = status != MICA_OK;
    return status;
}

static MicaStatus write_packets(Encode *e, MicaError *error)
{
    for (;;) {
        MicaVideoPacket p = {.struct_size = sizeof p};
        const MicaStatus status = mica_video_encoder_receive(e->encoder, &p, error);
        if (status == MICA_ERROR_AGAIN || status == MICA_ERROR_EOF)
            return MICA_OK;
        if (status != MICA_OK)
            return status;
        AVPacket *packet = av_packet_alloc();
        if (!packet || av_new_packet(packet, (int)p.size) < 0) {
            av_packet_free(&packet);
            return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
        }
        memcpy(packet->data, p.data, p.size);
        packet->pts = p.pts;
        packet->dts = p.dts;
        packet->duration = p.duration;
        if (p.flags & MICA_VIDEO_KEY)
            packet->flags |= AV_PKT_FLAG_KEY;
        const MicaStatus written =
            av_output_video_packet(&e->out, e->stream->time_base, packet, error);
        av_packet_free(&packet);
        if (written != MICA_OK) {
            e->output_failed = true;
            return written;
        }
        av_progress_frame(&e->progress, p.size);
    }
}

/* The frame in a format that mica takes. */
static MicaStatus convert(Encode *e, const AVFrame **to, MicaError *error)
{
    const AVFrame *f = e->frame;
    *to = f;
    const enum AVPixelFormat format = av_format_of(e->info.format);
    MicaPixelFormat same;
    if (av_format_to_mica(e->source, &same))
        return MICA_OK;
    if (!e->scaler) {
        e->scaler = sws_getContext(
            f->width, f->height, f->format, f->width, f->height, format,
            SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT | SWS_FULL_CHR_H_INT, NULL, NULL, NULL);
        e->converted = av_frame_alloc();
        if (e->converted) {
            e->converted->width = f->width;
            e->converted->height = f->height;
            e->converted->format = format;
        }
        if (!e->scaler || !e->converted || av_frame_get_buffer(e->converted, 0) < 0)
            return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "cannot convert from %s",
                               av_get_pix_fmt_name(e->source));
    }
    sws_scale(e->scaler, (const uint8_t *const *)f->data, f->linesize, 0, f->height,
              e->converted->data, e->converted->linesize);
    *to = e->converted;
    return MICA_OK;
}

static MicaStatus encode_frame(Encode *e, MicaError *error)
{
    AVFrame *f = e->frame;
    MicaStatus status = MICA_OK;
    if (!e->encoder) {
        describe(e, f);
        status = open_encoder(e, error);
        if (status == MICA_OK)
            status = open_output(e, error);
    } else if (f->width != e->info.width || f->height != e->info.height || f->format != e->source) {
        status = report_fail(error, MICA_ERROR_UNSUPPORTED_FEATURE,
                             "size or pixel format change after %ld frames", e->frames);
    }
    const AVFrame *source = f;
    if (status == MICA_OK)
        status = convert(e, &source, error);
    if (status != MICA_OK)
        return status;

    int64_t duration = av_frame_duration(f);
    if (duration <= 0 && e->info.frame_rate[0])
        duration =
            av_rescale_q(1, (AVRational){(int)e->info.frame_rate[1], (int)e->info.frame_rate[0]},
                         e->stream->time_base);
    int64_t pts = f->best_effort_timestamp;
    if (pts == AV_NOPTS_VALUE)
        pts = e->last_pts == AV_NOPTS_VALUE ? 0 : e->last_pts + (duration > 0 ? duration : 1);
    if (e->last_pts != AV_NOPTS_VALUE && pts <= e->last_pts)
        pts = e->last_pts + 1; /* containers want them to rise */
    e->last_pts = pts;

    MicaVideoFrame frame = {.struct_size = sizeof frame, .pts = pts, .duration = duration};
    for (int i = 0; i < MICA_PLANES; i++) {
        frame.data[i] = source->data[i];
        frame.stride[i] = source->linesize[i];
    }
    status = mica_video_encoder_send(e->encoder, &frame, error);
    while (status == MICA_ERROR_AGAIN) {
        status = write_packets(e, error);
        if (status == MICA_OK)
            status = mica_video_encoder_send(e->encoder, &frame, error);
    }
    e->frames++;
    return status == MICA_OK ? write_packets(e, error) : status;
}

static bool enough(const Encode *e)
{
    return e->job->frames && e->frames >= e->job->frames;
}

/* Send a packet, or NULL at the end, to the decoder, and encode what comes out. */
static MicaStatus transcode(Encode *e, const AVPacket *packet, MicaError *error)
{
    int code = avcodec_send_packet(e->decoder, packet);
    if (code < 0 && code != AVERROR_EOF)
        return av_fail(error, code, "the video is damaged");
    while (!enough(e)) {
        code = avcodec_receive_frame(e->decoder, e->frame);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            return MICA_OK;
        if (code < 0)
            return av_fail(error, code, "the video is damaged");
        const MicaStatus status = encode_frame(e, error);
        av_frame_unref(e->frame);
        if (status != MICA_OK)
            return status;
    }
    return MICA_OK;
}

/* Packets that are copied wait until the first frame has opened the output. */
typedef struct Waiting {
    AVPacket **packet;
    size_t count, capacity;
} Waiting;

static MicaStatus copy_or_wait(Encode *e, Waiting *w, MicaError *error)
{
    if (e->encoder) {
        for (size_t i = 0; i < w->count; i++) {
            const MicaStatus status = av_output_copy_packet(&e->out, e->input, w->packet[i], error);
            av_packet_free(&w->packet[i]);
            if (status != MICA_OK) {
                e->output_failed = true;
                return status;
            }
        }
        w->count = 0;
        if (!e->packet->data && !e->packet->side_data_elems)
            return MICA_OK;
        const MicaStatus status = av_output_copy_packet(&e->out, e->input, e->packet, error);
        e->output_failed = status != MICA_OK;
        return status;
    }
    if (w->count == w->capacity) {
        const size_t capacity = w->capacity ? 2 * w->capacity : 64;
        AVPacket **larger =
            capacity > 65536 ? NULL : realloc(w->packet, capacity * sizeof(AVPacket *));
        if (!larger)
            return report_fail(error, MICA_ERROR_LIMIT, "too much sound before the first frame");
        w->packet = larger;
        w->capacity = capacity;
    }
    w->packet[w->count] = av_packet_clone(e->packet);
    av_packet_unref(e->packet);
    if (!w->packet[w->count++])
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    return MICA_OK;
}

static MicaStatus run(Encode *e, Waiting *waiting, MicaError *error)
{
    MicaStatus status = MICA_OK;
    while (status == MICA_OK && !enough(e)) {
        const int code = av_read_frame(e->input, e->packet);
        if (code == AVERROR_EOF)
            break;
        if (code < 0)
            return av_fail(error, code, "the file is damaged");
        if (e->packet->stream_index == e->stream->index) {
            status = transcode(e, e->packet, error);
            av_packet_unref(e->packet);
            if (status == MICA_OK && e->encoder && waiting->count)
                status = copy_or_wait(e, waiting, error);
        } else {
            status = copy_or_wait(e, waiting, error);
        }
    }
    if (status == MICA_OK && !enough(e))
        status = transcode(e, NULL, error);
    if (status == MICA_OK && !e->encoder)
        status = report_fail(error, MICA_ERROR_BITSTREAM, "no frame could be decoded");
    if (status == MICA_OK && waiting->count)
        status = copy_or_wait(e, waiting, error);
    if (status == MICA_OK)
        status = mica_video_encoder_send(e->encoder, NULL, error);
    if (status == MICA_OK)
        status = write_packets(e, error);
    if (status == MICA_OK) {
        status = av_output_end(&e->out, error);
        e->output_failed = status != MICA_OK;
    }
    return status;
}

static void close_all(Encode *e)
{
    mica_video_encoder_close(&e->encoder);
    av_output_free(&e->out);
    output_file_discard(&e->output);
    sws_freeContext(e->scaler);
    av_frame_free(&e->converted);
    av_frame_free(&e->frame);
    av_packet_free(&e->packet);
    avcodec_free_context(&e->decoder);
    avformat_close_input(&e->input);
}

int video_encode(const VideoEncodeJob *job)
{
    const char *input = report_input_name(job->input_name);
    const char *output = report_output_name(job->output_name);
    Encode e = {.job = job, .last_pts = AV_NOPTS_VALUE};
    Waiting waiting = {0};
    MicaError error = {MICA_OK, ""};
    av_be_quiet();
    e.frame = av_frame_alloc();
    e.packet = av_packet_alloc();
    MicaStatus status = e.frame && e.packet ? MICA_OK : MICA_ERROR_OUT_OF_MEMORY;
    if (status == MICA_OK)
        status = av_input_open(&e.input, job->input_name, &e.file, &error);
    if (status == MICA_OK)
        status = open_decoder(&e, &error);
    if (status == MICA_OK) {
        status = output_file_open(&e.output, job->output_name, &e.file, true, &error);
        e.output_failed = status != MICA_OK;
    }
    av_progress_begin(&e.progress, job->codec->verbose);
    if (status == MICA_OK)
        status = run(&e, &waiting, &error);
    if (status == MICA_OK) {
        status = output_file_commit(&e.output, &error);
        e.output_failed = status != MICA_OK;
    }
    if (status == MICA_OK) {
        const uint32_t *rate = e.info.frame_rate;
        av_progress_end(&e.progress, output, rate[0] ? (double)e.frames * rate[1] / rate[0] : 0);
    }
    for (size_t i = 0; i < waiting.count; i++)
        av_packet_free(&waiting.packet[i]);
    free(waiting.packet);
    const bool at_output = e.output_failed;
    close_all(&e);
    error.status = status;
    return status == MICA_OK ? EXIT_DONE : report_error(at_output ? output : input, &error);
}
