/* How much room the conversion of a key frame, and of the frames predicted from it, leaves for
 * colours outside of RGB (codec/yuv.h). */
#ifndef MICA_CODEC_ENC_ROOM_H
#define MICA_CODEC_ENC_ROOM_H

#include "codec/yuv.h"

/* Convert a frame to `image`, with the room that suits it at a quality of `step`
 * (0..MICA_MAX_QUALITY), and return that. */
uint8_t mica_room_choose(MicaYuv *yuv, MicaPool *pool, uint8_t *const data[MICA_PLANES],
                         const ptrdiff_t stride[MICA_PLANES], const MicaImage *image, int step);

/* Contrast is lower with room: the step of the quality that leaves the same error in the source, as
 * far as there is one. */
int mica_room_raise(int step, uint8_t room);

#endif
