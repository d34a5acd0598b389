/* Alpha of the part and at the scale that is decoded. */
#ifndef MICA_CODEC_DEC_ALPHA_H
#define MICA_CODEC_DEC_ALPHA_H

#include "codec/base/pool.h"
#include "codec/dec_plan.h"

/* Into the alpha channel of `image`, which is the plan's region; a smaller picture gets the means
 * of the pixels that are in the picture. MICA_ERROR_BITSTREAM, MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_decode_alpha(const MicaStream *stream, const MicaDecodePlan *plan, MicaPool *pool,
                             MicaImage *image, MicaError *error);

#endif
