/*
 * Rate control: find the quality step (and, between two steps, the rounding) that meets a target.
 *
 * Size and PSNR rise with the quality, nearly linearly if the size is taken as its logarithm, so a
 * secant search inside a bracket needs few encodes. The search knows nothing of pictures: it calls
 * back for every trial, and keeps the best one.
 */
#ifndef MICA_CODEC_ENC_RATE_H
#define MICA_CODEC_ENC_RATE_H

#include "mica/codec.h"

typedef enum MicaRateGoal {
    MICA_RATE_BYTES, /* at most `value` bytes, and no less than 1 % below */
    MICA_RATE_PSNR   /* `value` dB, +-0.05 */
} MicaRateGoal;

typedef struct MicaRateTarget {
    MicaRateGoal goal;
    double value;
    double pixels;       /* of the picture, for the first guess */
    int start;           /* quality step to begin with, or -1 */
    int rough;           /* five times the tolerance will do, and no rounding but the usual */
    double slope;        /* rise of the goal's measure per quality step, or 0 if not known */
    const char *measure; /* what messages call the unit of `value`: "bytes", "bits per pixel" */
    double unit;         /* `value` of one of those units, for messages */
} MicaRateTarget;

/* One encode. `tune` scales how eagerly symbols are rounded towards zero: 1 is usual, 0 is plain
 * rounding. */
typedef struct MicaRatePoint {
    int quality; /* 0..MICA_MAX_QUALITY */
    double tune;
    size_t bytes;
    double psnr; /* only if the goal is MICA_RATE_PSNR */
    MicaBuffer stream;
} MicaRatePoint;

/* Encode at point->quality and point->tune and fill in the rest of the point. */
typedef MicaStatus (*MicaRateTrial)(void *context, MicaRatePoint *point, MicaError *error);

/*
 * The best point found; its stream belongs to the caller. `*trials` (if not NULL) counts the
 * encodes, *slope receives the rise per quality step that was seen.
 *
 * A target that asks for less than quality 0 gives (too small a file) or more than the finest
 * quality gives (too high a PSNR) is MICA_ERROR_LIMIT. Where the picture needs less than it may
 * have, the extreme quality is the result: every size is kept, every PSNR reached.
 */
MicaStatus mica_rate_search(const MicaRateTarget *target, MicaRateTrial trial, void *context,
                            MicaRatePoint *best, int *trials, double *slope, MicaError *error);

#endif
