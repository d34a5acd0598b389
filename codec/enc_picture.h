/* Coding one picture with a session that is open. */
#ifndef MICA_CODEC_ENC_PICTURE_H
#define MICA_CODEC_ENC_PICTURE_H

#include "codec/session.h"
#include "mica/codec.h"

/* Of the settings, which have been read, model, threads and cpu_mask are those of the session and
 * are not looked at. On success *out is a whole mica file. `times` is filled. */
MicaStatus mica_picture_encode(const MicaSession *session, const MicaImage *image,
                               const MicaEncodeSettings *settings, MicaBuffer *out,
                               MicaTimes *times, MicaError *error);

#endif
