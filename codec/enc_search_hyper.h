/*
 * The hyper latents z in the encoder's search, through the prior network in float to the hyper
 * features of a window.
 *
 * They are relaxed like the latents (enc_relax.h), cool faster, and are rounded once and for all
 * when the descent has come some way. What their context expects of them counts as given: it is
 * worked out anew for every step, from z as it then is.
 *
 * Only where one segment is the whole picture: elsewhere other segments depend on the same z.
 */
#ifndef MICA_CODEC_ENC_SEARCH_HYPER_H
#define MICA_CODEC_ENC_SEARCH_HYPER_H

#include "codec/enc_search_window.h"
#include "models/hyper_context.h"

typedef struct MicaSearchHyper {
    MicaSearchWindow *window;
    int w, h;                   /* in positions of z */
    float *target, *gradient;   /* z in quantiser steps: what is searched; of the loss */
    float *mean;                /* what the context expects, in steps */
    float *slope, *by_residual; /* MicaRelaxed of each */
    float *unit, *gain;         /* dequantisation of z, gain of the features */
    uint8_t *index;             /* scale index of each */
    MicaHyperContext context;
    MicaPlane known;        /* `target` in sixteenths, for the context */
    float *wide, *features; /* planes at 1/32 and 1/16: streams, then gradients */
    uint8_t *mask0, *mask1;
} MicaSearchHyper;

/* `z` is that of the whole picture, which the window covers. */
MicaStatus mica_search_hyper_create(MicaSearchHyper *hyper, MicaSearchWindow *window,
                                    const MicaPlane *z, MicaError *error);
void mica_search_hyper_free(MicaSearchHyper *hyper);

/* What is to be expected of z as it is now; before mica_search_hyper_forward(). */
void mica_search_hyper_expect(MicaSearchHyper *hyper);

/* The hyper features of the window from relaxed z; before mica_search_forward(). */
void mica_search_hyper_forward(MicaSearchHyper *hyper, MicaRelaxation relaxation);

/* Fill `gradient`; after mica_search_backward(). */
void mica_search_hyper_backward(MicaSearchHyper *hyper);

/* Round z to what can be coded; the window and `latents` get the hyper features that the decoder
 * will have. The last call but for mica_search_hyper_free(). */
void mica_search_hyper_settle(MicaSearchHyper *hyper, const MicaPlane *z, MicaLatents *latents);

#endif
