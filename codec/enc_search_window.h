/*
 * One segment of a picture in the encoder's search: the real-valued latents, and the gradient of
 * lambda * squared error + bits through synthesis and context networks in float.
 */
#ifndef MICA_CODEC_ENC_SEARCH_WINDOW_H
#define MICA_CODEC_ENC_SEARCH_WINDOW_H

#include "codec/enc_relax.h"
#include "mica/image.h"
#include "models/float_network.h"
#include "models/nets.h"

/* What all windows of a picture share. */
typedef struct MicaSearchPicture {
    const MicaFloatNetwork *network;
    const MicaLatents *latents; /* the integer encoder's, with the hyper features */
    const MicaImage *image;
    const MicaImage *prediction;           /* of it; NULL: there is none */
    const MicaPlane *y;                    /* from the analysis */
    const MicaBitTable *bits, *hyper_bits; /* of symbols of y and z */
    int skip;                              /* scale indices below are not coded */
    int restoration;                       /* strength of the restoration filter; 0: none */
    float lambda;                          /* bits per squared error of one sample, picture sum */
    float *step;                           /* one unit of y in quantiser steps, each channel */
    float *head_gain;
} MicaSearchPicture;

typedef enum MicaRoundingMode {
    MICA_ROUND_HARD,    /* to symbols, as the encoder will */
    MICA_ROUND_TRACED,  /* the same, and remember what the neighbouring symbols cost */
    MICA_ROUND_RELAXED, /* the mean of a random choice */
    MICA_ROUND_NOT      /* the limit in which the gradient is exact, for checks of it */
} MicaRoundingMode;

typedef struct MicaSearchWindow {
    const MicaSearchPicture *picture;
    MicaFloatRunner runner;
    int x, y, w, h;       /* in positions of y, even: a segment */
    unsigned mirror;      /* sides that other segments lie at */
    int coded_w, coded_h; /* part of it that lies in the picture */
    float *features;      /* [h w][prior + latents]: hyper features, dequantised latents */
    float *target;        /* latents in quantiser steps: what is searched */
    float *gradient;      /* of the loss by `target`, in the end */
    /* MicaRelaxed of each latent; traced: whether it is coded, MicaStepBits down and up */
    float *slope, *by_residual, *by_index;
    float *prior_gradient; /* of the loss by the hyper features; NULL: not wanted */
    float *context;        /* [h w][context]: stream, then gradient */
    float *synthesis;      /* [2 h 2 w][features]: stream, then gradient */
    int16_t *beside;       /* the same: what the prediction adds to the stream; NULL: nothing */
    /* Of the restoration filter: a MicaSampleWindow, [16 h][16 w][3], classes of blocks [4 h][4 w],
     * and for the descent gradients (enc_search_restoration.h); NULL: there is none. */
    int16_t *samples, *restored;
    uint8_t *classes;
    float *by_filtered, *by_decoded;
    uint8_t *context_mask[MICA_CONTEXT_STEPS], *synthesis_mask[MICA_MAX_BLOCKS];
    uint8_t *masks;
    double *row_loss; /* of each row at 1/8: lambda * squared error; then bits by row of y */
    MicaRoundingMode rounding; /* of the last forward pass */
    MicaRelaxation relaxation;
} MicaSearchWindow;

MicaStatus mica_search_window_create(MicaSearchWindow *window, const MicaSearchPicture *picture,
                                     MicaPool *pool, MicaRect rect, MicaError *error);
void mica_search_window_free(MicaSearchWindow *window);

/* Round, decode and compare; returns the loss in bits. The dequantised latents are left in
 * `features`. */
double mica_search_forward(MicaSearchWindow *window, MicaRoundingMode rounding);

/* The same of relaxed latents. */
double mica_search_relaxed(MicaSearchWindow *window, MicaRelaxation relaxation);

/* Take the hyper features from the planes of the picture, as they are now. */
void mica_search_window_read_prior(MicaSearchWindow *window);

/* Fill `gradient`; after mica_search_forward() without hard rounding. */
void mica_search_backward(MicaSearchWindow *window);

/* Fill `gradient` with that of the squared error alone, by the decoded latents in quantiser steps;
 * after traced rounding. */
void mica_search_error_gradient(MicaSearchWindow *window);

#endif
