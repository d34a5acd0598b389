/*
 * The parts of a video stream that are not pictures: extradata, and the section at the start of
 * every packet (docs/video.md).
 */
#ifndef MICA_CODEC_VIDEO_HEADER_H
#define MICA_CODEC_VIDEO_HEADER_H

#include "codec/base/bytes.h"
#include "mica/video.h"

/* Section types of video; 10..15 are kept for predicted frames. */
#define MICA_SECTION_VIDEO 8 /* in the extradata: what the frames have in common */
#define MICA_SECTION_FRAME 9 /* first in every packet */

typedef enum MicaFrameType {
    MICA_FRAME_INTRA = 0 /* a picture; the types above are reserved */
} MicaFrameType;

/* MICA_ERROR_INVALID_ARGUMENT says which field is wrong. */
MicaStatus mica_video_info_check(const MicaVideoInfo *given, MicaVideoInfo *full, MicaError *error);

void mica_video_write_extradata(MicaWriter *w, const MicaVideoInfo *info, const uint8_t *model_id);

void mica_video_write_frame(MicaWriter *w, MicaFrameType type);

/* Read the section at the start of a packet; *size is what it takes. MICA_ERROR_BITSTREAM,
 * MICA_ERROR_UNSUPPORTED_FEATURE for a frame type or flags that this version does not know. */
MicaStatus mica_video_read_frame(const uint8_t *data, size_t data_size, MicaFrameType *type,
                                 size_t *size, MicaError *error);

#endif
