/*
 * What the coder expects of the hyper latents z at a position: a mean and a scale index for each
 * channel, from seven positions to the left and above, which are decoded before it.
 *
 * Minnen, Balle and Toderici, "Joint Autoregressive and Hierarchical Priors for Learned Image
 * Compression" (NeurIPS 2018) do so for y; here it is z, of which there is so little that it costs
 * next to nothing. Models without these layers expect zeros, with the same scales everywhere
 * (docs/networks.md, section 3).
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

void mica_hyper_context_init(MicaHyperContext *context, const MicaNetwork *network, int quality);

/* Positions that do not see each other, so their models are worked out at once: (x, y),
 * (x + dx, y + dy), ... So many at most, with so many hyper latents. */
#define MICA_HYPER_GROUP 12
#define MICA_HYPER_VALUES 1024
typedef struct MicaHyperGroup {
    int x, y, dx, dy, count;
} MicaHyperGroup;

MICA_INLINE int16_t *mica_hyper_group_at(const MicaHyperGroup *group, const MicaPlane *z, int i)
{
    return mica_plane_at(z, group->x + i * group->dx, group->y + i * group->dy);
}

/* The groups of some rows, each after all that it sees in them; those of the whole plane are in the
 * order of the stream. */
typedef struct MicaHyperWalk {
    int width, first, last; /* rows first..last-1 */
    int most;               /* positions of a group */
    int slanted;            /* along the fronts of equal x + 3 y, else along the rows */
    int front;              /* in which the next group is */
    int done;               /* positions of it */
} MicaHyperWalk;

MicaHyperWalk mica_hyper_walk(const MicaHyperContext *context, const MicaPlane *z, int first,
                              int last);

/* 0 after the last one. */
int mica_hyper_next(MicaHyperWalk *walk, MicaHyperGroup *group);

/* Of the positions of a group, one after the other. */
typedef struct MicaHyperModels {
    int16_t mean[MICA_HYPER_VALUES]; /* in 1/16 step */
    uint8_t shape[MICA_HYPER_VALUES], scale[MICA_HYPER_VALUES];
} MicaHyperModels;

/* What the group sees is there in `z`, which is a whole plane. */
void mica_hyper_context(const MicaHyperContext *context, const MicaPlane *z,
                        const MicaHyperGroup *group, MicaHyperModels *models);

/* The hyper latent that a symbol stands for. */
MICA_INLINE int16_t mica_hyper_latent(int symbol, int mean)
{
    return (int16_t)mica_clamp16(16 * symbol + mean);
}

/* The hyper latent next to a value in 1/16 step, of those that a symbol stands for without
 * saturation. */
int16_t mica_hyper_nearest(int value, int mean);

/* The rows first..last-1 of z from values in 1/16 step to the nearest hyper latents; the rows above
 * are hyper latents already. */
void mica_hyper_quantise(const MicaHyperContext *context, const MicaPlane *z, int first, int last);

/* The symbols of the whole plane and their models (shape and scale index), in the order of the
 * stream. */
void mica_hyper_symbols(const MicaHyperContext *context, const MicaPlane *z, int16_t *symbol,
                        uint8_t *shape, uint8_t *scale);

#endif
