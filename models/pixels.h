/* From pixels to a feature stream: the first layers of the networks. */
#ifndef MICA_MODELS_PIXELS_H
#define MICA_MODELS_PIXELS_H

#include "mica/image.h"
#include "models/runner.h"

/*
 * out = layer(pixels), multiplied by the gains if they are not NULL; the window of `out` has the
 * whole width. A position of the layer's input has the MICA_CELL_SAMPLES samples of a cell of 8x8
 * pixels, and then those of the second picture if there is one. Gray pictures are seen as RGB with
 * three equal channels, sides are padded by repeating the last row and column. `first` has the rows
 * of its picture from `top` on, at least those that `out` depends on; `second` has all.
 */
void mica_run_pixels(const MicaRunner *runner, const MicaPointwise *layer, const MicaImage *first,
                     int top, const MicaImage *second, const MicaGains *gains,
                     const MicaPlane *out);

#endif
