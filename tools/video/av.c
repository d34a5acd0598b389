#include "tools/video/av.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/report.h"

#define IO_BLOCK 65536

MicaStatus av_fail(MicaError *error, int code, const char *what)
{
    char reason[AV_ERROR_MAX_STRING_SIZE] = "";
    av_strerror(code, reason, sizeof reason);
    return report_fail(error, code == AVERROR(ENOMEM) ? MICA_ERROR_OUT_OF_MEMORY : MICA_ERROR_IO,
                       "%s: %s", what, reason);
}

void av_be_quiet(void)
{
    av_log_set_level(AV_LOG_QUIET);
}

static const enum AVPixelFormat formats[MICA_PIXEL_FORMATS] = {
    [MICA_PIXEL_GRAY8] = AV_PIX_FMT_GRAY8,         [MICA_PIXEL_RGB24] = AV_PIX_FMT_RGB24,
    [MICA_PIXEL_YUV420P] = AV_PIX_FMT_YUV420P,     [MICA_PIXEL_YUV422P] = AV_PIX_FMT_YUV422P,
    [MICA_PIXEL_YUV444P] = AV_PIX_FMT_YUV444P,     [MICA_PIXEL_YUV420P10] = AV_PIX_FMT_YUV420P10,
    [MICA_PIXEL_YUV422P10] = AV_PIX_FMT_YUV422P10, [MICA_PIXEL_YUV444P10] = AV_PIX_FMT_YUV444P10,
};

enum AVPixelFormat av_format_of(MicaPixelFormat format)
{
    return formats[format];
}

bool av_format_to_mica(enum AVPixelFormat format, MicaPixelFormat *to)
{
    if (format == AV_PIX_FMT_YUVJ420P)
        format = AV_PIX_FMT_YUV420P;
    if (format == AV_PIX_FMT_YUVJ422P)
        format = AV_PIX_FMT_YUV422P;
    if (format == AV_PIX_FMT_YUVJ444P)
        format = AV_PIX_FMT_YUV444P;
    for (int i = 0; i < MICA_PIXEL_FORMATS; i++)
        if (formats[i] == format) {
            *to = (MicaPixelFormat)i;
            return true;
        }
    return false;
}

MicaStatus av_input_open(AVFormatContext **input, const char *name, FileBytes *file,
                         MicaError *error)
{
    memset(file, 0, sizeof *file);
    *input = NULL;
    const bool standard = strcmp(name, "-") == 0;
    struct stat info;
    if ((standard ? fstat(STDIN_FILENO, &info) : stat(name, &info)) != 0)
        return report_fail_errno(error, errno);
    if (S_ISDIR(info.st_mode))
        return report_fail_errno(error, EISDIR);
    file->regular = S_ISREG(info.st_mode);
    file->device = info.st_dev;
    file->inode = info.st_ino;

    /* "file:" keeps names like "concat:a|b" from being more than names; the list keeps playlists
     * from reaching the network. */
    const size_t size = strlen(name) + 8;
    char *url = malloc(size);
    if (!url)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    snprintf(url, size, "%s%s", standard ? "pipe:0" : "file:", standard ? "" : name);
    AVDictionary *options = NULL;
    av_dict_set(&options, "protocol_whitelist", "file,pipe", 0);
    int code = avformat_open_input(input, url, NULL, &options);
    av_dict_free(&options);
    free(url);
    if (code < 0)
        return av_fail(error, code, "cannot be read as a video");
    code = avformat_find_stream_info(*input, NULL);
    return code < 0 ? av_fail(error, code, "cannot be read as a video") : MICA_OK;
}

#if LIBAVFORMAT_VERSION_MAJOR >= 61 /* FFmpeg 7.0 */
typedef const uint8_t WrittenByte;
#else
typedef uint8_t WrittenByte;
#endif

static int write_block(void *opaque, WrittenByte *data, int size)
{
    AvOutput *out = opaque;
    return output_file_write(out->file, data, (size_t)size) ? size : AVERROR(EIO);
}

static int64_t seek_block(void *opaque, int64_t offset, int whence)
{
    AvOutput *out = opaque;
    if (whence == AVSEEK_SIZE || whence & AVSEEK_FORCE)
        return AVERROR(ENOSYS);
    if (fseeko(out->file->stream, (off_t)offset, whence) != 0)
        return AVERROR(errno);
    return (int64_t)ftello(out->file->stream);
}

MicaStatus av_output_open(AvOutput *out, OutputFile *file, const char *container, MicaError *error)
{
    memset(out, 0, sizeof *out);
    out->file = file;
    const char *name = strcasecmp(container, "mkv") == 0 ? "matroska" : container;
    char lower[16];
    size_t i = 0;
    for (; name[i] && i + 1 < sizeof lower; i++)
        lower[i] = (char)(name[i] | 0x20);
    lower[i] = 0;
    int code = avformat_alloc_output_context2(&out->context, NULL, lower, NULL);
    if (code < 0)
        return av_fail(error, code, "cannot write this format");
    uint8_t *buffer = av_malloc(IO_BLOCK);
    if (buffer)
        out->context->pb = avio_alloc_context(buffer, IO_BLOCK, 1, out, NULL, write_block,
                                              file->temporary ? seek_block : NULL);
    out->video = out->context->pb ? avformat_new_stream(out->context, NULL) : NULL;
    if (!out->video) {
        if (!out->context->pb)
            av_free(buffer);
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    out->context->flags |= AVFMT_FLAG_CUSTOM_IO;
    /* The same input gives the same bytes. */
    out->context->flags |= AVFMT_FLAG_BITEXACT;
    return MICA_OK;
}

MicaStatus av_output_copy_streams(AvOutput *out, AVFormatContext *input, MicaError *error)
{
    out->input_count = (int)input->nb_streams;
    out->stream_of = malloc(input->nb_streams * sizeof *out->stream_of);
    if (!out->stream_of)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    for (unsigned i = 0; i < input->nb_streams; i++) {
        const AVStream *from = input->streams[i];
        const AVCodecParameters *par = from->codecpar;
        out->stream_of[i] = -1;
        if (par->codec_type != AVMEDIA_TYPE_AUDIO && par->codec_type != AVMEDIA_TYPE_SUBTITLE)
            continue;
        if (avformat_query_codec(out->context->oformat, par->codec_id, FF_COMPLIANCE_NORMAL) == 0)
            return report_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                               "stream %u (%s) does not fit into %s; --video-only leaves it out", i,
                               avcodec_get_name(par->codec_id), out->context->oformat->name);
        AVStream *to = avformat_new_stream(out->context, NULL);
        if (!to || avcodec_parameters_copy(to->codecpar, par) < 0)
            return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
        to->codecpar->codec_tag = 0;
        to->time_base = from->time_base;
        to->disposition = from->disposition;
        av_dict_copy(&to->metadata, from->metadata, 0);
        out->stream_of[i] = to->index;
    }
    return MICA_OK;
}

MicaStatus av_output_copy_rotation(AvOutput *out, const AVStream *from, MicaError *error)
{
    void *to = NULL;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 30, 100) /* FFmpeg 6.1 */
    const AVCodecParameters *par = from->codecpar;
    const AVPacketSideData *data = av_packet_side_data_get(
        par->coded_side_data, par->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    if (!data)
        return MICA_OK;
    const void *bytes = data->data;
    const size_t size = data->size;
    AVPacketSideData *copy = av_packet_side_data_new(&out->video->codecpar->coded_side_data,
                                                     &out->video->codecpar->nb_coded_side_data,
                                                     AV_PKT_DATA_DISPLAYMATRIX, size, 0);
    to = copy ? copy->data : NULL;
#else
    size_t size;
    const void *bytes = av_stream_get_side_data(from, AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (!bytes)
        return MICA_OK;
    to = av_stream_new_side_data(out->video, AV_PKT_DATA_DISPLAYMATRIX, size);
#endif
    if (!to)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    memcpy(to, bytes, size);
    return MICA_OK;
}

/* What the disk said comes before what libavformat made of it. */
static MicaStatus write_failed(AvOutput *out, int code, MicaError *error)
{
    if (out->file->error)
        return report_fail_errno(error, out->file->error);
    return av_fail(error, code, "cannot be written");
}

MicaStatus av_output_begin(AvOutput *out, MicaError *error)
{
    const int code = avformat_write_header(out->context, NULL);
    return code < 0 ? write_failed(out, code, error) : MICA_OK;
}

static MicaStatus write_packet(AvOutput *out, AVPacket *packet, MicaError *error)
{
    packet->pos = -1;
    const int code = av_interleaved_write_frame(out->context, packet);
    return code < 0 ? write_failed(out, code, error) : MICA_OK;
}

MicaStatus av_output_copy_packet(AvOutput *out, AVFormatContext *input, AVPacket *packet,
                                 MicaError *error)
{
    const int from = packet->stream_index;
    const int to = out->stream_of && from < out->input_count ? out->stream_of[from] : -1;
    if (to < 0) {
        av_packet_unref(packet);
        return MICA_OK;
    }
    packet->stream_index = to;
    av_packet_rescale_ts(packet, input->streams[from]->time_base,
                         out->context->streams[to]->time_base);
    return write_packet(out, packet, error);
}

MicaStatus av_output_video_packet(AvOutput *out, AVRational base, AVPacket *packet,
                                  MicaError *error)
{
    packet->stream_index = out->video->index;
    av_packet_rescale_ts(packet, base, out->video->time_base);
    return write_packet(out, packet, error);
}

MicaStatus av_output_end(AvOutput *out, MicaError *error)
{
    int code = av_write_trailer(out->context);
    avio_flush(out->context->pb);
    if (code >= 0)
        code = out->context->pb->error;
    return code < 0 ? write_failed(out, code, error) : MICA_OK;
}

void av_output_free(AvOutput *out)
{
    if (out->context) {
        if (out->context->pb)
            av_freep(&out->context->pb->buffer);
        avio_context_free(&out->context->pb);
        avformat_free_context(out->context);
    }
    free(out->stream_of);
    memset(out, 0, sizeof *out);
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

void av_progress_begin(AvProgress *progress, bool verbose)
{
    memset(progress, 0, sizeof *progress);
    progress->live = isatty(STDERR_FILENO);
    progress->shown = verbose;
    progress->started = progress->last = now_ms();
}

void av_progress_frame(AvProgress *p, size_t bytes)
{
    p->frames++;
    p->bytes += (double)bytes;
    const double now = now_ms();
    if (p->live && now - p->last > 500) {
        p->last = now;
        fprintf(stderr, "\r%ld frames, %.1f fps ", p->frames,
                (double)p->frames * 1e3 / (now - p->started));
        fflush(stderr);
    }
}

void av_progress_end(AvProgress *p, const char *name, double seconds)
{
    if (p->live) {
        fputs("\r                              \r", stderr);
        fflush(stderr);
    }
    if (!p->shown)
        return;
    const double ms = now_ms() - p->started;
    if (p->bytes > 0 && seconds > 0)
        report_note(name, "%ld frames, %.2f fps, %.0f bytes, %.1f kbit/s", p->frames,
                    (double)p->frames * 1e3 / ms, p->bytes, p->bytes * 8 / 1000 / seconds);
    else
        report_note(name, "%ld frames, %.2f fps", p->frames, (double)p->frames * 1e3 / ms);
}
