/*
 * The last step of the search's decoder, from the feature stream to pixels, and the first of its
 * way back, from their errors to the gradient of the stream.
 */
#ifndef MICA_CODEC_ENC_SEARCH_PIXELS_H
#define MICA_CODEC_ENC_SEARCH_PIXELS_H

#include "codec/enc_search_window.h"

/* lambda * squared error of each row of cells into `row_loss`; but for hard rounding, its gradient
 * takes the place of the feature stream in `synthesis`. */
void mica_search_compare(MicaSearchWindow *window);

#endif
