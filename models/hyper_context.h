/*
 * What the coder expects of the hyper latents z at a position: a mean and a scale index for each
 * channel, from the positions to the left and above, which are decoded before it.
 *
 * Minnen, Balle and Toderici, "Joint Autoregressive and Hierarchical Priors for Learned Image
 * Compression" (NeurIPS 2018) do so for y; here it is z, of which there is so little that going
 * from position to position costs nothing. Models without these layers expect zeros, with the same
 * scales everywhere (docs/networks.md, section 3).
 */
#ifndef MICA_MODELS_HYPER_CONTEXT_H
#define MICA_MODELS_HYPER_CONTEXT_H

#include "models/network.h"
#include "models/plane.h"
#include "models/runner.h"

/* z holds hyper latents as a decoder has them, in 1/16 of their quantiser step: 16 times the symbol
 * plus the mean. */
typedef struct MicaHyperContext {
    const MicaNetwork *network;
    MicaGains gain, inverse; /* z to steps and back */
    int16_t offset[MICA_MAX_HYPER];
} MicaHyperContext;

typedef struct MicaHyperModels {
    int16_t mean[MICA_MAX_HYPER]; /* in 1/16 step */
    uint8_t scale[MICA_MAX_HYPER];
} MicaHyperModels;

void mica_hyper_context_init(MicaHyperContext *context, const MicaNetwork *network, int quality);

/* Those of position (x, y); what is before it in `z`, which is a whole plane, is known. */
void mica_hyper_context(const MicaHyperContext *context, const MicaPlane *z, int x, int y,
                        MicaHyperModels *models);

/* The hyper latent that a symbol stands for. */
MICA_INLINE int16_t mica_hyper_latent(int symbol, int mean)
{
    return (int16_t)mica_clamp16(16 * symbol + mean);
}

/* The nearest symbol to a value in 1/16 step, of those whose hyper latent is an int16. */
int mica_hyper_symbol(int value, int mean);

/* The rows first..last-1 of z from values in 1/16 step to the nearest hyper latents; the rows above
 * are there. */
void mica_hyper_quantise(const MicaHyperContext *context, const MicaPlane *z, int first, int last);

/* The symbols of the whole plane and their models (shape and scale index), by row, column,
 * channel. */
void mica_hyper_symbols(const MicaHyperContext *context, const MicaPlane *z, int16_t *symbol,
                        uint8_t *shape, uint8_t *scale);

#endif
