/* The prediction of a picture, for models of architecture 2. */
#ifndef MICA_CODEC_PREDICTION_H
#define MICA_CODEC_PREDICTION_H

#include "mica/image.h"
#include "models/network.h"

/* Whether the prediction of a picture (NULL: there is none) is what the network needs: gray or RGB
 * of 8 bits as the picture, and of its size. MICA_ERROR_MODEL_MISMATCH if the network needs one and
 * there is none, or the other way round; MICA_ERROR_INVALID_ARGUMENT. */
MicaStatus mica_prediction_check(const MicaImage *prediction, const MicaNetwork *network, int width,
                                 int height, int channels, MicaError *error);

/* Whether a network is of the kind that codes predicted frames, or of the kind that codes pictures.
 * MICA_ERROR_MODEL_MISMATCH. */
MicaStatus mica_prediction_check_kind(const MicaNetwork *network, int predicted, MicaError *error);

#endif
