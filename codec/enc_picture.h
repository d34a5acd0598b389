/* Coding one picture with a session that is open. */
#ifndef MICA_CODEC_ENC_PICTURE_H
#define MICA_CODEC_ENC_PICTURE_H

#include "codec/enc_rate.h"
#include "codec/session.h"
#include "mica/codec.h"
#include "models/gains.h"

/* The step of 0..MICA_MAX_QUALITY next to a quality of 0..100; what is beyond is limited. */
MICA_INLINE int mica_quality_step(double quality)
{
    const int step = (int)(quality * MICA_MAX_QUALITY / 100 + 0.5);
    return step < 0 ? 0 : step > MICA_MAX_QUALITY ? MICA_MAX_QUALITY : step;
}

/* Bytes of a row of samples. */
MICA_INLINE ptrdiff_t mica_image_row_bytes(const MicaImage *image)
{
    return (ptrdiff_t)image->width * image->channels * (image->depth == 16 ? 2 : 1);
}

/* Of the colours of two pictures of one size and kind, dB. */
double mica_image_psnr(const MicaImage *a, const MicaImage *b);

/* Encode at point->quality and point->tune with the other settings, and fill in the rest of the
 * point; the PSNR (that of the decoded picture, which the encoder knows without decoding the
 * stream) only if it is a target. `prediction` is NULL or as codec/prediction.h says; with one, the
 * PSNR cannot be a target. `decoded`, if not NULL, is a picture of the same size and channels with
 * 8 bits that receives what the stream decodes to. Adds to `times`. */
MicaStatus mica_picture_encode_once(const MicaSession *session, const MicaImage *image,
                                    const MicaImage *prediction, const MicaEncodeSettings *settings,
                                    MicaRatePoint *point, MicaImage *decoded, MicaTimes *times,
                                    MicaError *error);

/* The same with the quality of the settings, or the one that meets their target. Of the settings,
 * which have been read, model, threads and cpu_mask are those of the session and are not looked at.
 * On success *out is a whole mica file. `times` is filled. */
MicaStatus mica_picture_encode(const MicaSession *session, const MicaImage *image,
                               const MicaImage *prediction, const MicaEncodeSettings *settings,
                               MicaBuffer *out, MicaImage *decoded, MicaTimes *times,
                               MicaError *error);

#endif
