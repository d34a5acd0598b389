/*
 * Small pictures, where the motion search begins with every place within +-12 samples of another:
 * of 1/4 the size, +-48 pixels, and of 1/16, +-192 pixels.
 */
#ifndef MICA_CODEC_ENC_COARSE_H
#define MICA_CODEC_ENC_COARSE_H

#include "codec/motion.h"

typedef struct MicaCoarse {
    int width, height;
    ptrdiff_t stride;
    uint8_t *data, *memory;
} MicaCoarse;

/* For pictures of 1/4 of this size. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_coarse_create(MicaCoarse *coarse, int width, int height);
void mica_coarse_free(MicaCoarse *coarse);

/* From rows with three or more samples of border. */
void mica_coarse_set(MicaCoarse *coarse, const uint8_t *plane, ptrdiff_t stride, MicaPool *pool);

#define MICA_COARSE_SCALE 4
#define MICA_COARSE_SQUARE 4 /* samples */
#define MICA_COARSE_WINDOW 8 /* what is compared */
#define MICA_COARSE_RANGE (MICA_SAD_POSITIONS / 2)

typedef struct MicaCoarseMatch {
    MicaVector vector; /* in samples */
    unsigned sad;      /* of MICA_COARSE_WINDOW x MICA_COARSE_WINDOW samples */
} MicaCoarseMatch;

/* What looks most like the square at (column, row) and what is around it, at most MICA_COARSE_RANGE
 * from `centre` or where that has to lie so that there is a picture; of what is equally good the
 * nearest. */
MicaCoarseMatch mica_coarse_search(const MicaCoarse *current, const MicaCoarse *reference,
                                   const MicaMotionKernels *kernels, int column, int row,
                                   MicaVector centre);

#endif
