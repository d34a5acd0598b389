/*
 * The header of a video stream, which containers keep as extradata (docs/video.md).
 */
#ifndef MICA_CODEC_VIDEO_HEADER_H
#define MICA_CODEC_VIDEO_HEADER_H

#include "codec/base/bytes.h"
#include "mica/video.h"

/* Section types of video; 12..15 are reserved. */
#define MICA_SECTION_VIDEO 8            /* in the extradata: what the frames have in common */
#define MICA_SECTION_FRAME 9            /* first in the packet of an intra frame */
#define MICA_SECTION_PREDICTED_FRAME 10 /* the whole packet of a predicted one */
#define MICA_SECTION_PREDICTED_MODEL 11 /* in the extradata: which model decodes these frames */

/* Decoded frames that are kept for others to be predicted from. */
#define MICA_REFERENCE_SLOTS 4

/* MICA_ERROR_INVALID_ARGUMENT says which field is wrong. */
MicaStatus mica_video_info_check(const MicaVideoInfo *given, MicaVideoInfo *full, MicaError *error);

/* predicted_id: NULL for a stream of intra frames. */
void mica_video_write_extradata(MicaWriter *w, const MicaVideoInfo *info, const uint8_t *model_id,
                                const uint8_t *predicted_id);

/* A section of the extradata or a packet; the payload points into it. */
typedef struct MicaVideoSection {
    int type;
    const uint8_t *data;
    size_t size;
} MicaVideoSection;

/* Read a section; `where` is for the message. MICA_ERROR_BITSTREAM. */
MicaStatus mica_video_read_section(MicaReader *r, const char *where, MicaVideoSection *section,
                                   MicaError *error);

#endif
