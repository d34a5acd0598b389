/*
 * The search for motion: which block of a decoded picture looks most like a block of this one, in
 * view of what its vector costs.
 */
#ifndef MICA_CODEC_ENC_MOTION_H
#define MICA_CODEC_ENC_MOTION_H

#include <stdatomic.h>

#include "codec/enc_coarse.h"
#include "codec/enc_match.h"

/* A reference as the search sees it. */
typedef struct MicaSearchedReference {
    const MicaReference *reference; /* whose, and which of the pictures that it held; NULL: none */
    uint32_t serial;
    MicaCoarse coarse, distant; /* of 1/4 and 1/16 the size */
    MicaFractions fractions;
} MicaSearchedReference;

/* What the search needs for one frame after the other. */
typedef struct MicaMotionSearch {
    int columns, rows;          /* squares of 16x16 */
    MicaCoarse coarse, distant; /* of the frame at hand */
    MicaSearchedReference seen[MICA_MOTION_REFERENCES];
    MicaVector *whole[MICA_MOTION_REFERENCES];
    MicaVector *distant_vector[MICA_MOTION_REFERENCES]; /* of squares of 64x64 */
    atomic_int *done;
} MicaMotionSearch;

/* MICA_ERROR_OUT_OF_MEMORY; the search is zeroed then. */
MicaStatus mica_motion_search_create(MicaMotionSearch *search, int width, int height);
void mica_motion_search_free(MicaMotionSearch *search);

/*
 * Find the motion of `current` (only its luma plane is looked at) from one reference, or two.
 * References live as long as the search. `lambda` is the sum of absolute differences (of
 * transformed samples, SATD) that a bit is worth, in 1/16. On entry the field has its references
 * and distances, and the motion of a frame before, which is tried first, or none; `before` is what
 * it will be coded with. The result does not depend on the number of threads.
 */
void mica_motion_search(MicaMotionSearch *search, const MicaMotionKernels *kernels,
                        const MicaReference *current,
                        const MicaReference *const reference[MICA_MOTION_REFERENCES],
                        const MicaMotionField *before, const MicaMotionRates *rates, int lambda,
                        MicaPool *pool, MicaMotionField *field);

#endif
