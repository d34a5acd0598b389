/*
 * Packets: what a frame is, what it is predicted from, and its coded picture (docs/video.md).
 */
#ifndef MICA_CODEC_FRAME_PACKET_H
#define MICA_CODEC_FRAME_PACKET_H

#include "codec/motion.h"
#include "codec/stream.h"
#include "codec/video_header.h"

typedef enum MicaFrameType {
    MICA_FRAME_INTRA = 0,    /* a picture; all slots are empty before it */
    MICA_FRAME_PREDICTED = 1 /* what is to be added to a prediction from one or two slots */
} MicaFrameType;

typedef struct MicaFrameHeader {
    MicaFrameType type;
    unsigned keep;                    /* bit i: the decoded frame goes into slot i */
    uint32_t order;                   /* place in time, counted from the key frame */
    uint8_t number;                   /* of kept frames before this one, modulo 256: shows losses */
    uint8_t room;                     /* of an intra frame: mica_yuv_set_room(), until the next */
    int references;                   /* of a predicted frame: 1 or 2 */
    int slot[MICA_MOTION_REFERENCES]; /* where they are */
    int known; /* read: type to number are right, whatever is wrong with the rest of the packet */
} MicaFrameHeader;

/* The bytes of a coded motion field. */
typedef struct MicaMotionData {
    const uint8_t *data;
    size_t size;
} MicaMotionData;

/* Write a packet. `file` is the coded picture as a mica file; the packet of an intra frame holds
 * its sections, that of a predicted frame its symbols and what cannot be known from the stream's
 * header. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_frame_packet_write(MicaWriter *w, const MicaFrameHeader *header,
                                   const MicaBuffer *file, MicaMotionData motion, MicaError *error);

/* Read a packet of a video. `stream` and `motion` point into it; the stream's model id is left to
 * the caller. MICA_ERROR_BITSTREAM, MICA_ERROR_UNSUPPORTED_FEATURE for a frame type or flags that
 * this version does not know. */
MicaStatus mica_frame_packet_read(const void *data, size_t size, const MicaVideoInfo *info,
                                  MicaFrameHeader *header, MicaStream *stream,
                                  MicaMotionData *motion, MicaError *error);

#endif
