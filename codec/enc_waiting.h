/*
 * The frames that the encoder of a sequence holds: first some that are coded already, kept for what
 * they show of later ones; then those that wait, in the order of time.
 */
#ifndef MICA_CODEC_ENC_WAITING_H
#define MICA_CODEC_ENC_WAITING_H

#include "codec/enc_gop.h"
#include "mica/image.h"
#include "mica/video.h"

#define MICA_MAX_LOOKAHEAD 8
#define MICA_MAX_WAITING (MICA_MAX_GROUP + MICA_MAX_LOOKAHEAD + 1)
#define MICA_MAX_HELD (MICA_MAX_LOOKAHEAD + MICA_MAX_WAITING)

typedef struct MicaWaitingFrame {
    MicaImage image;
    MicaVideoFrame frame; /* time stamps; its samples are in `image` */
    int key;
    int cut;      /* it shows another scene than the frame before */
    uint8_t room; /* of the conversion to `image` */
} MicaWaitingFrame;

typedef struct MicaWaitingFrames {
    int bframes;
    int lookahead; /* frames behind a group that must be there before it is coded */
    MicaWaitingFrame held[MICA_MAX_HELD];
    int capacity, coded, count; /* frames there is room for; those coded, those that wait */
} MicaWaitingFrames;

/* MICA_ERROR_OUT_OF_MEMORY; nothing is allocated then. */
MicaStatus mica_waiting_create(MicaWaitingFrames *w, int width, int height, int channels,
                               int bframes, int lookahead);
void mica_waiting_free(MicaWaitingFrames *w);
void mica_waiting_clear(MicaWaitingFrames *w);

/* Frame i of those that wait. */
MicaWaitingFrame *mica_waiting_at(MicaWaitingFrames *w, int i);

/* Another frame waits: the caller fills it. There is room for it as long as no group is complete.
 */
MicaWaitingFrame *mica_waiting_add(MicaWaitingFrames *w);

/* Frames that the next group takes: a key frame alone, or up to `bframes` and an anchor. 0: more
 * have to come first, which none do if `last`. */
int mica_waiting_group(const MicaWaitingFrames *w, int last);

/* The first `count` of those that wait are coded. */
void mica_waiting_drop(MicaWaitingFrames *w, int count);

/* Frame i of those that wait will not be coded. */
void mica_waiting_remove(MicaWaitingFrames *w, int i);

/* Pictures 1, 2, ... up to `reach` frames after frame i of those that wait (direction 1) or before
 * it (-1), up to where its scene ends or the room changes. `reach` is at most the lookahead.
 * Returns how many. */
int mica_waiting_around(const MicaWaitingFrames *w, int i, int direction, int reach,
                        const MicaImage *image[MICA_MAX_LOOKAHEAD]);

#endif
