/*
 * Colour management of the command: what the codec itself never does. It needs lcms2; a build
 * without that refuses what cannot be done and says so.
 */
#ifndef MICA_TOOLS_COLOUR_H
#define MICA_TOOLS_COLOUR_H

#include <stdbool.h>

#include "mica/image.h"

extern const bool colour_has_lcms2;

/* True if the description is that of sRGB, which is also what no description means. */
bool colour_is_srgb(const MicaColour *colour);

/* Convert the samples to sRGB from what profile or description say, and describe them so.
 * MICA_ERROR_UNSUPPORTED_FEATURE without lcms2 or for what it cannot do (PQ, HLG). */
MicaStatus colour_to_srgb(MicaImage *image, MicaError *error);

/* CMYK with 255 for full ink (`inverted`: 0, as Adobe writes it) into the RGB picture `image`, row
 * by row: `cmyk` holds width * height * 4 bytes. Through the profile if there is one and lcms2 is;
 * then the result is sRGB and *managed is true. Otherwise by the plain formula. */
MicaStatus colour_from_cmyk(const uint8_t *cmyk, bool inverted, const MicaBuffer *profile,
                            MicaImage *image, bool *managed, MicaError *error);

/* A profile for a picture with this gamma (gAMA of PNG, in 1/100000: 45455 for 2.2) and these
 * chromaticities (cHRM: white, red, green, blue, each x and y). MICA_ERROR_UNSUPPORTED_FEATURE
 * without lcms2. */
MicaStatus colour_profile_from_gamma(double gamma, const double xy[8], bool gray,
                                     MicaBuffer *profile, MicaError *error);

/* A profile that says what the picture's description says, for a format that knows profiles only.
 * MICA_ERROR_UNSUPPORTED_FEATURE without lcms2 and for PQ, HLG, narrow range and unknown codes. */
MicaStatus colour_profile_from_description(const MicaImage *image, MicaBuffer *profile,
                                           MicaError *error);

#endif
