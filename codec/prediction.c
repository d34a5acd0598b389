#include "codec/prediction.h"

#include "codec/base/diag.h"

MicaStatus mica_prediction_check_kind(const MicaNetwork *network, int predicted, MicaError *error)
{
    if (!predicted && network->config.condition > 0)
        return mica_fail(error, MICA_ERROR_MODEL_MISMATCH,
                         "the model codes predicted frames of a video, not pictures");
    if (predicted && network->config.condition == 0)
        return mica_fail(error, MICA_ERROR_MODEL_MISMATCH,
                         "the model codes pictures, not predicted frames of a video");
    return MICA_OK;
}

MicaStatus mica_prediction_check(const MicaImage *prediction, const MicaNetwork *network, int width,
                                 int height, int channels, MicaError *error)
{
    const MicaStatus status = mica_prediction_check_kind(network, prediction != NULL, error);
    if (status != MICA_OK)
        return status;
    if (prediction &&
        (!prediction->data || prediction->width != width || prediction->height != height ||
         prediction->channels != channels || channels % 2 == 0 || prediction->depth == 16))
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                         "the prediction is not gray or RGB of 8 bits and the picture's size");
    return MICA_OK;
}
