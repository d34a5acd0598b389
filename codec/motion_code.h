/*
 * Coding of a motion field with adaptive binary decisions (docs/video.md): square by square, each
 * whole or split, vectors as differences to the median of their neighbourhood.
 */
#ifndef MICA_CODEC_MOTION_CODE_H
#define MICA_CODEC_MOTION_CODE_H

#include "codec/base/bytes.h"
#include "codec/motion.h"

/* `references`: how many the frame has, 1 or 2. Components of vectors lie in +-2^13, so that
 * differences have at most 15 bits. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_motion_encode(const MicaMotionField *field, int references, MicaWriter *out);

/* Fill a field that was created for the picture. MICA_ERROR_BITSTREAM if the data is not exactly
 * the code of such a field, MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_motion_decode(MicaMotionField *field, int references, const uint8_t *data,
                              size_t size);

#endif
