/* What the workers of a video encoder or decoder have open, and frames in one block of memory. */
#ifndef MICA_CODEC_FRAME_THREADS_H
#define MICA_CODEC_FRAME_THREADS_H

#include "codec/session.h"
#include "codec/yuv.h"
#include "mica/video.h"

typedef struct MicaFrameWorker {
    MicaSession session;
    MicaYuv yuv;
    MicaImage image; /* what an encoder sees of its frame */
} MicaFrameWorker;

typedef struct MicaFrameThreads {
    int count;
    MicaFrameWorker *worker;
} MicaFrameThreads;

/* `threads` in all, shared by `frame_threads` workers; 0 as in the public settings. */
MicaStatus mica_frame_threads_open(MicaFrameThreads *t, const MicaVideoInfo *info,
                                   const MicaModel *model, int threads, int frame_threads,
                                   uint32_t cpu_mask, int with_image, MicaError *error);
void mica_frame_threads_close(MicaFrameThreads *t);

/* Bytes of a frame whose planes follow each other. */
size_t mica_frame_bytes(const MicaVideoInfo *info);

/* Have the planes of a frame lie in `block`. */
void mica_frame_place(const MicaVideoInfo *info, uint8_t *block, MicaVideoFrame *frame);

/* Copy the samples of a frame to `block` and have its planes lie there. */
void mica_frame_copy(const MicaVideoInfo *info, uint8_t *block, MicaVideoFrame *frame);

#endif
