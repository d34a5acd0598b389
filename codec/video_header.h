/*
 * The parts of a video stream that are not pictures: extradata, and the section at the start of
 * every packet (docs/video.md).
 */
#ifndef MICA_CODEC_VIDEO_HEADER_H
#define MICA_CODEC_VIDEO_HEADER_H

#include "codec/base/bytes.h"
#include "codec/motion.h"
#include "mica/video.h"

/* Section types of video; 12..15 are reserved. */
#define MICA_SECTION_VIDEO 8   /* in the extradata: what the frames have in common */
#define MICA_SECTION_FRAME 9   /* first in every packet */
#define MICA_SECTION_MOTION 10 /* second in the packet of a predicted frame */
#define MICA_SECTION_PREDICTED_MODEL                                                               \
    11 /* in the extradata: id of the model of predicted frames                                    \
        */

/* Decoded frames that are kept for others to be predicted from. */
#define MICA_REFERENCE_SLOTS 4

typedef enum MicaFrameType {
    MICA_FRAME_INTRA = 0,    /* a picture; all slots are empty before it */
    MICA_FRAME_PREDICTED = 1 /* what is to be added to a prediction from one or two slots */
} MicaFrameType;

typedef struct MicaFrameHeader {
    MicaFrameType type;
    unsigned keep;                    /* bit i: the decoded frame goes into slot i */
    uint32_t order;                   /* place in time, counted from the key frame */
    int references;                   /* of a predicted frame: 1 or 2 */
    int slot[MICA_MOTION_REFERENCES]; /* where they are */
} MicaFrameHeader;

/* MICA_ERROR_INVALID_ARGUMENT says which field is wrong. */
MicaStatus mica_video_info_check(const MicaVideoInfo *given, MicaVideoInfo *full, MicaError *error);

/* predicted_id: NULL for a stream of intra frames. */
void mica_video_write_extradata(MicaWriter *w, const MicaVideoInfo *info, const uint8_t *model_id,
                                const uint8_t *predicted_id);

void mica_video_write_frame(MicaWriter *w, const MicaFrameHeader *header);

/* Read the section at the start of a packet; *size is what it takes. MICA_ERROR_BITSTREAM,
 * MICA_ERROR_UNSUPPORTED_FEATURE for a frame type or flags that this version does not know. */
MicaStatus mica_video_read_frame(const uint8_t *data, size_t data_size, MicaFrameHeader *header,
                                 size_t *size, MicaError *error);

/* The coded motion after the frame section of a predicted frame; *size is what the section takes.
 */
MicaStatus mica_video_read_motion(const uint8_t *data, size_t data_size, const uint8_t **motion,
                                  size_t *motion_size, size_t *size, MicaError *error);

#endif
