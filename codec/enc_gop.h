/*
 * The order in which frames are coded, and what each is predicted from.
 *
 * Frames come in groups: `bframes` and then an anchor, which is predicted from anchors before.
 * The frames between are halved again and again, each predicted from the two around it
 * (hierarchical B frames). Deeper frames get a lower quality, because fewer depend on them.
 */
#ifndef MICA_CODEC_ENC_GOP_H
#define MICA_CODEC_ENC_GOP_H

#include "codec/frame_packet.h"

#define MICA_MAX_BFRAMES 7
#define MICA_MAX_GROUP (MICA_MAX_BFRAMES + 1)

typedef struct MicaPlannedFrame {
    int frame; /* of the group: 0 is the first in time */
    int depth; /* 0: anchor */
    int below; /* its quality below that of key frames, in hundredths of the scale */
    MicaFrameHeader header;
} MicaPlannedFrame;

typedef struct MicaGop {
    int single;      /* all frames are anchors */
    int anchors;     /* since the key frame */
    uint32_t order;  /* of the next frame to come in time */
    int count, next; /* the frames planned, in coding order, and how many are taken */
    MicaPlannedFrame planned[MICA_MAX_GROUP];
} MicaGop;

/* Frames that may lie between a packet and its place in time. */
int mica_gop_reorder(int bframes);

/* Plan a key frame, which is a group of its own. `single`: all frames until the next one will be
 * anchors, groups of one frame. */
void mica_gop_plan_key(MicaGop *gop, int single);

/* Whether the anchor planned last is, without B frames, one of those with a better quality, from
 * which others are predicted for longer. */
int mica_gop_is_turn(const MicaGop *gop);

/* Plan the next `frames` frames in time, 1..MICA_MAX_GROUP, the last of which is an anchor. */
void mica_gop_plan_group(MicaGop *gop, int frames);

/* The next frame to code, whose number the caller sets; NULL when a new group is to be planned. */
MicaPlannedFrame *mica_gop_next(MicaGop *gop);

/* Go on without the frame taken last, which lies between anchors and could not be coded: those that
 * were to be predicted from it are predicted from what it was itself. */
void mica_gop_skip(MicaGop *gop, const MicaPlannedFrame *lost);

#endif
