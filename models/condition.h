/*
 * What the networks of a model of architecture 2 take from a prediction of the picture
 * (docs/networks.md, section 7): one feature stream at 1/8, which adds to the hyper features and to
 * the input of the synthesis. It is computed for the whole picture, before anything else.
 */
#ifndef MICA_MODELS_CONDITION_H
#define MICA_MODELS_CONDITION_H

#include "mica/image.h"
#include "models/runner.h"

typedef struct MicaCondition {
    const MicaImage *prediction;
    MicaPlane features; /* the whole plane at 1/8, after its gain */
} MicaCondition;

/* Bytes that a condition allocates; 0 for a network that has none. */
size_t mica_condition_memory(const MicaNetwork *network, const MicaGeometry *geometry);

/* The prediction is a gray or RGB picture of 8 bits, of the size that the runner is for, and
 * outlives the condition; the runner has room for the whole width. For the nets to see the
 * condition, the runner's `condition` is set to it. */
MicaStatus mica_condition_create(MicaCondition *condition, const MicaRunner *runner,
                                 const MicaImage *prediction, int quality, MicaError *error);
void mica_condition_free(MicaCondition *condition);

/* Add the runner's condition to a window of the hyper features at 1/16, and to one of the stream at
 * 1/8 that the synthesis starts from. */
void mica_condition_prior(const MicaRunner *runner, const MicaPlane *hyper);
void mica_condition_synthesis(const MicaRunner *runner, const MicaPlane *stream);

#endif
