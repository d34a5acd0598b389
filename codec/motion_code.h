/*
 * Coding of a motion field with adaptive binary decisions (docs/video.md): square by square, each
 * whole or split into quarters, motion taken over from another block or told as differences to
 * expected vectors.
 */
#ifndef MICA_CODEC_MOTION_CODE_H
#define MICA_CODEC_MOTION_CODE_H

#include "codec/base/bytes.h"
#include "codec/motion_candidates.h"
#include "entropy/bit_coder.h"

/* Differences are coded as their number of bits, and the bits below the first one. */
#define MICA_MOTION_BITS 15

MICA_INLINE int mica_bit_count(unsigned v)
{
    int bits = 0;
    for (; v; v >>= 1)
        bits++;
    return bits;
}

typedef struct MicaMotionModels {
    MicaBitModel split[MICA_MOTION_LEVELS - 1][3];  /* of levels 1 to 3, by smaller neighbours */
    MicaBitModel taken[MICA_MOTION_LEVELS][3];      /* by neighbours with motion of their own */
    MicaBitModel later[MICA_MOTION_CANDIDATES - 1]; /* whether it is from a later candidate */
    MicaBitModel both[3], second[3];                /* which references */
    MicaBitModel zero[3];                           /* a component: x; y; y where x is 0 */
    MicaBitModel negative[2];                       /* a component */
    MicaBitModel longer[2][MICA_MOTION_BITS];       /* whether it has more bits than so many */
    MicaBitModel second_bit[MICA_MOTION_BITS];      /* below the first, by the number of bits */
    MicaBitModel lower_bit[MICA_MOTION_BITS];       /* the others, by their place */
} MicaMotionModels;

/* What the models of a frame begin with. */
void mica_motion_models_begin(MicaMotionModels *models);

/*
 * `field` says what references the frame has and how far away they are; `before` is the field of a
 * frame coded before, or NULL. Components of vectors lie in +-2^13, so that differences have at
 * most 15 bits. `models` (may be NULL) gets what the models learnt. MICA_ERROR_OUT_OF_MEMORY.
 */
MicaStatus mica_motion_encode(const MicaMotionField *field, const MicaMotionField *before,
                              MicaWriter *out, MicaMotionModels *models);

/* Fill a field that was created for the picture, references and distances set.
 * MICA_ERROR_BITSTREAM if the data is not exactly the code of such a field,
 * MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_motion_decode(MicaMotionField *field, const MicaMotionField *before,
                              const uint8_t *data, size_t size);

#endif
