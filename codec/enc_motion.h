/*
 * The search for motion: which block of a decoded picture looks most like a block of this one, in
 * view of what its vector costs.
 */
#ifndef MICA_CODEC_ENC_MOTION_H
#define MICA_CODEC_ENC_MOTION_H

#include "codec/motion.h"

/*
 * Find the motion of `current` (only its luma plane is looked at) from one reference, or two.
 * `lambda` is the sum of absolute differences (of transformed samples, SATD) that a bit is worth,
 * in 1/16. On entry the field holds the motion of a frame before, which is tried first, or zeros.
 * The result does not depend on the number of threads. MICA_ERROR_OUT_OF_MEMORY.
 */
MicaStatus mica_motion_search(const MicaReference *current,
                              const MicaReference *const reference[MICA_MOTION_REFERENCES],
                              int lambda, MicaPool *pool, MicaMotionField *field);

#endif
