/*
 * What the commands do to whole pictures between reading, coding and writing. Every function leaves
 * the metadata in place unless it says otherwise, and the picture as it was if it fails.
 */
#ifndef MICA_TOOLS_PICTURE_H
#define MICA_TOOLS_PICTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "mica/image.h"

/* "gray", "RGB", "RGBA 16 bit", ...: into text of `size` bytes, which is returned. */
const char *picture_kind(int channels, int depth, char *text, size_t size);

bool picture_has_alpha(const MicaImage *image);

/* Sample c of the pixel at x of a row, whatever the depth. */
unsigned picture_sample(const MicaImage *image, const uint8_t *row, int x, int c);

/* True if alpha is full everywhere, or if there is none. */
bool picture_is_opaque(const MicaImage *image);

/* Round samples of 16 bits to 8. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus picture_round(MicaImage *image, MicaError *error);

/* The samples of `image` rounded to 8 bits in a new picture without metadata.
 * MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus picture_rounded(const MicaImage *image, MicaImage *out, MicaError *error);

/* Leave alpha out. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus picture_drop_alpha(MicaImage *image, MicaError *error);

/* Divide premultiplied colours by alpha, rounding to nearest; transparent pixels become black. */
void picture_unpremultiply(MicaImage *image);

/* The orientation (1..8) in an Exif block; 1 if it says nothing that makes sense. */
int picture_orientation(const uint8_t *exif, size_t size);

/* Turn the samples as the Exif block says and set its orientation to 1.
 * MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus picture_orient(MicaImage *image, MicaError *error);

#endif
