/*
 * Video files through libavformat: any input that FFmpeg reads becomes a mica video in a container
 * that keeps unknown codecs, and back. Only where the build found FFmpeg's libraries.
 */
#ifndef MICA_TOOLS_VIDEO_VIDEO_H
#define MICA_TOOLS_VIDEO_VIDEO_H

#include <limits.h>
#include <stdbool.h>

#include "mica/video.h"
#include "tools/codec_options.h"

/* Endings and formats that mean video. */
bool video_is_container(const char *name); /* .nut .mov .mkv .avi */
bool video_is_raw(const char *name);       /* .y4m */
bool video_is_format(const char *format);  /* nut, mov, mkv, avi, y4m; NULL is none */

typedef struct VideoEncodeJob {
    const char *input_name, *output_name;
    const char *format; /* NULL: by the ending */
    double quality;
    int effort, gop, bframes, frames, buffer_ms;
    const char *predicted_name; /* model of predicted frames, NULL: the built-in one */
    int lookahead;
    const char *preset_name; /* NULL: main */
    MicaVideoPreset preset;
    bool no_scenecut;
    double bitrate; /* kbit/s, 0: constant quality */
    bool video_only;
    const CodecOptions *codec;
} VideoEncodeJob;

#define OPTION_PREDICTED_MODEL(video)                                                              \
    {                                                                                              \
        "predicted-model", 0, OPTION_STRING, &(video).predicted_name, 0, 0, "NAME|FILE",           \
            "video: model of predicted frames"                                                     \
    }

#define OPTIONS_VIDEO_ENCODE(video)                                                                  \
    {"output-format",                                                                                \
     'f',                                                                                            \
     OPTION_STRING,                                                                                  \
     &(video).format,                                                                                \
     0,                                                                                              \
     0,                                                                                              \
     "FMT",                                                                                          \
     "video: nut, mov, mkv or avi; default: by the ending"},                                         \
        {"bitrate", 'b', OPTION_REAL, &(video).bitrate,                                              \
         0,         1e9, "KBIT",      "video: kbit/s instead of a quality"},                         \
        {"buffer", 0,     OPTION_INT, &(video).buffer_ms,                                            \
         1,        60000, "MS",       "video: buffer of the receiver with --bitrate, default 1000"}, \
        {"gop",      0,                                                                              \
         OPTION_INT, &(video).gop,                                                                   \
         1,          1000000,                                                                        \
         "N",        "video: frames per key frame at most, default 120; 1: key frames only"},        \
        {"bframes",  0,                                                                              \
         OPTION_INT, &(video).bframes,                                                               \
         0,          7,                                                                              \
         "N",        "video: 0, 1, 3 or 7 frames predicted from both sides, default 0"},             \
        {"lookahead",                                                                                \
         0,                                                                                          \
         OPTION_INT,                                                                                 \
         &(video).lookahead,                                                                         \
         0,                                                                                          \
         8,                                                                                          \
         "N",                                                                                        \
         "video: frames that wait behind one, for the temporal filter, default 8; 0: no delay"},     \
        {"no-scenecut",                                                                              \
         0,                                                                                          \
         OPTION_FLAG,                                                                                \
         &(video).no_scenecut,                                                                       \
         0,                                                                                          \
         0,                                                                                          \
         NULL,                                                                                       \
         "video: no key frames at cuts"},                                                            \
        {"preset",                                                                                   \
         0,                                                                                          \
         OPTION_STRING,                                                                              \
         &(video).preset_name,                                                                       \
         0,                                                                                          \
         0,                                                                                          \
         "main|fast",                                                                                \
         "video: built-in model of predicted frames, V (default) or V-fast"},                        \
        OPTION_PREDICTED_MODEL(video),                                                               \
        {"frames", 0, OPTION_INT, &(video).frames, 1, INT_MAX, "N", "video: only so many frames"},   \
    {                                                                                                \
        "video-only", 0, OPTION_FLAG, &(video).video_only, 0, 0, NULL,                               \
            "video: leave out sound and subtitles"                                                   \
    }

/* Exit codes; failures have been reported. */
int video_encode(const VideoEncodeJob *job);

/* Read preset_name; an exit code, or OPTIONS_CONTINUE. */
int video_read_preset(VideoEncodeJob *job, const char *command);

typedef struct VideoDecodeJob {
    const char *input_name, *output_name;
    const char *format; /* NULL: by the ending, "md5": the sum of all samples */
    double start;       /* seconds */
    int frames;         /* 0: all */
    bool conceal, video_only;
    const char *predicted_name; /* model of predicted frames, NULL: a built-in one */
    const CodecOptions *codec;
} VideoDecodeJob;

#define OPTIONS_VIDEO_DECODE(video)                                                                \
    {"start", 0, OPTION_REAL, &(video).start, 0, 1e9, "S", "video: from this second on"},          \
        {"frames", 0, OPTION_INT, &(video).frames, 1, INT_MAX, "N", "video: only so many frames"}, \
        OPTION_PREDICTED_MODEL(video),                                                             \
        {"conceal", 0, OPTION_FLAG, &(video).conceal,                                              \
         0,         0, NULL,        "video: repeat the last frame in place of a damaged one"},     \
    {                                                                                              \
        "video-only", 0, OPTION_FLAG, &(video).video_only, 0, 0, NULL,                             \
            "video: leave out sound and subtitles"                                                 \
    }

int video_decode(const VideoDecodeJob *job);

#endif
