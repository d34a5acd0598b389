/* What decisions of codec/motion_code.h cost, as the motion search expects. */
#ifndef MICA_CODEC_ENC_MOTION_RATES_H
#define MICA_CODEC_ENC_MOTION_RATES_H

#include "codec/motion_code.h"

/* All in 1/16 bit; members as those of MicaMotionModels, the last index is the decision. */
typedef struct MicaMotionRates {
    uint16_t split[MICA_MOTION_LEVELS - 1][3][2];
    uint16_t taken[MICA_MOTION_LEVELS][3][2];
    uint16_t candidate[MICA_MOTION_CANDIDATES]; /* each of them, where there are more */
    uint16_t references[3][3][4]; /* neighbours with both, with the second; MicaMotionBlock's */
    uint16_t component[3][MICA_MOTION_BITS + 1]; /* x; y; y where x is 0: by bits of magnitude */
} MicaMotionRates;

/* What a bit is worth to the motion search at a quality of `step` (0..MICA_MAX_QUALITY):
 * MICA_LAMBDA_SCALE lambda^-1/2 of the Lagrangian that the networks were trained with, which is
 * 0.0005 * 600^(step / MICA_MAX_QUALITY). */
#define MICA_LAMBDA_SCALE 19
int mica_motion_lambda(int step);

/* With these models and without their learning. */
void mica_motion_rates_set(MicaMotionRates *rates, const MicaMotionModels *models);

#endif
