/*
 * The alpha section of a picture: the levels that occur, and strips of rows coded one by one
 * (docs/bitstream.md).
 */
#ifndef MICA_CODEC_ALPHA_H
#define MICA_CODEC_ALPHA_H

#include "codec/base/bytes.h"
#include "codec/base/pool.h"
#include "mica/image.h"

/* Number of channels that are colour: 1 or 3. */
int mica_colour_channels(int channels);

/* Append the payload for the alpha of a picture with 2 or 4 channels. `quality` 100 keeps it
 * exactly, 0..99 as in MicaEncodeSettings. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_alpha_encode(const MicaImage *image, int quality, MicaPool *pool, MicaWriter *out);

/*
 * Decode into the alpha channel of `image`, which is the part from (x, y) of a picture of width x
 * height whose samples had `depth` bits. Only the strips that it touches are decoded.
 * MICA_ERROR_BITSTREAM, MICA_ERROR_OUT_OF_MEMORY.
 */
MicaStatus mica_alpha_decode(const uint8_t *data, size_t size, int width, int height, int depth,
                             MicaPool *pool, MicaImage *image, int x, int y, MicaError *error);

#endif
