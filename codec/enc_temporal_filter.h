/*
 * The temporal filter: a frame that many others are predicted from is coded as the mean of itself
 * and of what the frames around it show of the same things. Noise, which no other frame repeats,
 * then costs no bits, and those predicted from it do not have to take it away again. After the
 * GOP-based temporal filter of VTM (JVET-O0549).
 */
#ifndef MICA_CODEC_ENC_TEMPORAL_FILTER_H
#define MICA_CODEC_ENC_TEMPORAL_FILTER_H

#include "codec/enc_motion.h"

#define MICA_FILTER_REACH 8 /* frames on each side at most */

#define MICA_FILTER_WEIGHTS 128

typedef struct MicaTemporalFilter {
    MicaImage filtered; /* the result */
    MicaImage moved;    /* another frame, its things where this one has them */
    MicaReference current, other;
    MicaMotionField field[2];             /* of this frame's neighbour, and of the one after it */
    MicaMotionRates rates;                /* hardly anything: motion is not coded */
    uint16_t weight[MICA_FILTER_WEIGHTS]; /* by how much a sample differs */
    uint32_t *sum; /* of each pixel: of the weights, and of the weighted samples of its channels */
} MicaTemporalFilter;

/* For pictures of `channels` 1 or 3. MICA_ERROR_OUT_OF_MEMORY; the filter is zeroed then. */
MicaStatus mica_temporal_filter_create(MicaTemporalFilter *filter, int width, int height,
                                       int channels);
void mica_temporal_filter_free(MicaTemporalFilter *filter);

/* Filter `image`; the result is in filter->filtered. before[i] and after[i] are i + 1 frames away,
 * as many of them as are there and show the same scene, at most MICA_FILTER_REACH. What `search`
 * knows of its references is lost. */
void mica_temporal_filter_run(MicaTemporalFilter *filter, MicaMotionSearch *search,
                              const MicaMotionKernels *kernels, const MicaImage *image,
                              const MicaImage *const *before, int before_count,
                              const MicaImage *const *after, int after_count, MicaPool *pool);

#endif
