/*
 * Search for better latents: gradient descent on lambda * squared error + bits, through the decoder
 * networks in float (efforts 6 to 9).
 *
 * The stream stays an ordinary one: the search only moves y before it is rounded. Its float
 * operations are the same on every machine (models/float_network.h).
 */
#ifndef MICA_CODEC_ENC_SEARCH_H
#define MICA_CODEC_ENC_SEARCH_H

#include "codec/session.h"
#include "mica/image.h"
#include "models/nets.h"

/* Iterations of an effort; 0: none, the effort does not search. */
int mica_search_iterations(int effort);

typedef struct MicaSearchPlan {
    const MicaImage *image;
    int iterations;
    double frugality; /* scales the price of a bit, 1 is usual */
} MicaSearchPlan;

/*
 * Replace y (as from mica_analyse(); its window covers that of the latents) by the dequantised
 * latents that the search ends at, so that plain rounding finds its symbols. Each segment of the
 * row is searched by itself. `latents` holds the hyper features (mica_prior() has run) and is not
 * changed. Scale indices below `skip` are not coded.
 */
MicaStatus mica_search_latents(const MicaSession *session, const MicaLatents *latents,
                               const MicaSearchPlan *plan, int skip, const MicaPlane *y,
                               MicaError *error);

#endif
