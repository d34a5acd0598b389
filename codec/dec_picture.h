/* Decoding one picture with a session that is open. */
#ifndef MICA_CODEC_DEC_PICTURE_H
#define MICA_CODEC_DEC_PICTURE_H

#include "codec/session.h"
#include "codec/stream.h"
#include "mica/codec.h"

/* The stream's model is that of the session, and `prediction` what the encoder had (NULL: none;
 * codec/prediction.h says what it must be). Of the settings, which have been read, model, threads,
 * cpu_mask, best_effort and max_pixels are not looked at: a tolerant stream (codec/stream.h) is
 * decoded as far as it goes. On failure *image is zeroed. `times` is filled. */
MicaStatus mica_picture_decode(const MicaSession *session, const MicaStream *stream,
                               const MicaImage *prediction, const MicaDecodeSettings *settings,
                               MicaImage *image, MicaTimes *times, MicaError *error);

#endif
