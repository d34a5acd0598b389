/*
 * Search for better latents: less lambda * squared error + bits, through the decoder networks in
 * float. Efforts 5 to 9 descend by gradient, then make sweeps of rate-distortion optimised
 * quantisation (codec/enc_sweep.h).
 *
 * The stream stays an ordinary one: the search only moves y before it is rounded. Its float
 * operations are the same on every machine (models/float_network.h).
 */
#ifndef MICA_CODEC_ENC_SEARCH_H
#define MICA_CODEC_ENC_SEARCH_H

#include "codec/session.h"
#include "mica/image.h"
#include "models/nets.h"

/* What an effort does: rounds of feedback (codec/enc_feedback.h), steps of gradient descent,
 * sweeps; the last two are 0 for one that does not search. */
typedef struct MicaSearchSchedule {
    int rounds, iterations, sweeps;
} MicaSearchSchedule;

/* With a prediction there is no descent, as the hyper networks in float do not know it, and no
 * feedback, which gains nothing there. */
MicaSearchSchedule mica_search_schedule(int effort, int predicted);
int mica_search_is_idle(MicaSearchSchedule schedule);

typedef struct MicaSearchPlan {
    const MicaImage *image;
    const MicaImage *prediction; /* NULL: none */
    MicaSearchSchedule schedule;
    double frugality; /* scales the price of a bit, 1 is usual */
} MicaSearchPlan;

/*
 * Replace y (as from mica_analyse(); its window covers that of the latents) by the dequantised
 * latents that the search ends at, so that plain rounding finds its symbols. Each segment of the
 * row is searched by itself. `latents` holds the hyper features (mica_prior() has run). In a
 * picture of one segment a descent changes the symbols of z as well, and with them the features.
 * Scale indices below `skip` are not coded.
 */
MicaStatus mica_search_latents(const MicaSession *session, MicaLatents *latents,
                               const MicaSearchPlan *plan, int skip, const MicaPlane *y,
                               const MicaPlane *z, MicaError *error);

#endif
