/* What encoding and decoding of video files share: libavformat's contexts, errors, pixel formats.
 */
#ifndef MICA_TOOLS_VIDEO_AV_H
#define MICA_TOOLS_VIDEO_AV_H

#include <stdbool.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

#include "mica/video.h"
#include "tools/files.h"

/* AVFrame.duration came with FFmpeg 6.0, and what was before went with 7.0. */
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
#define av_frame_duration(frame) (frame)->duration
#else
#define av_frame_duration(frame) (frame)->pkt_duration
#endif

#define AV_TAG_MICA MKTAG('m', 'i', 'c', 'a')

/* Fill *error with a reason and libav's own; returns its status. */
MicaStatus av_fail(MicaError *error, int code, const char *what);

/* Keep libav's messages off stderr, which has one line per error. */
void av_be_quiet(void);

enum AVPixelFormat av_format_of(MicaPixelFormat format);
/* False for a format that mica does not take as it is. */
bool av_format_to_mica(enum AVPixelFormat format, MicaPixelFormat *to);

/* Open a file, or standard input for "-"; only local data is followed. `file` receives what
 * identifies the file. */
MicaStatus av_input_open(AVFormatContext **input, const char *name, FileBytes *file,
                         MicaError *error);

/* A file that is being written, with the streams that are copied into it. */
typedef struct AvOutput {
    AVFormatContext *context;
    OutputFile *file;
    AVStream *video;
    int *stream_of; /* for each input stream the output stream, or -1 */
    int input_count;
} AvOutput;

/* `container` as in video_is_format(). The video stream is made, its parameters are up to the
 * caller; av_output_copy_streams() and av_output_begin() follow. */
MicaStatus av_output_open(AvOutput *out, OutputFile *file, const char *container, MicaError *error);

/* Audio and subtitles of the input; one that the container cannot hold is an error. */
MicaStatus av_output_copy_streams(AvOutput *out, AVFormatContext *input, MicaError *error);
/* How the picture is to be turned, where the container can say it. */
MicaStatus av_output_copy_rotation(AvOutput *out, const AVStream *from, MicaError *error);
MicaStatus av_output_begin(AvOutput *out, MicaError *error);
/* A packet of a stream that is copied; others are ignored. Takes the packet's content. */
MicaStatus av_output_copy_packet(AvOutput *out, AVFormatContext *input, AVPacket *packet,
                                 MicaError *error);
/* A packet of the video, in `base`. Takes the packet's content. */
MicaStatus av_output_video_packet(AvOutput *out, AVRational base, AVPacket *packet,
                                  MicaError *error);
MicaStatus av_output_end(AvOutput *out, MicaError *error);
void av_output_free(AvOutput *out);

/* Frames per second on stderr, for people who wait. */
typedef struct AvProgress {
    bool shown, live;
    double started, last; /* ms */
    long frames;
    double bytes;
} AvProgress;

void av_progress_begin(AvProgress *progress, bool verbose);
void av_progress_frame(AvProgress *progress, size_t bytes);
void av_progress_end(AvProgress *progress, const char *name, double seconds);

#endif
