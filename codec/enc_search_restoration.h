/*
 * The way back through the restoration filter: from the gradient by the pixels that it puts out to
 * the gradient by those that it gets. Classes of blocks are taken as they are, though a change of
 * the pixels may change them too.
 */
#ifndef MICA_CODEC_ENC_SEARCH_RESTORATION_H
#define MICA_CODEC_ENC_SEARCH_RESTORATION_H

#include "codec/enc_search_window.h"
#include "models/restoration.h"

/* Elements of a plane set for a window: rows of pixels, MICA_RESTORATION_REACH more above and
 * below, each as planes Y, Co, Cg with a margin on both sides. */
size_t mica_search_plane_elements(int columns, int rows);

/* Gradient of a row of cells by filtered samples, [2 w][192] as compared, -> the window's planes.
 */
void mica_search_keep_gradient(MicaSearchWindow *window, int index, const float *samples);

/* All rows of cells through the filter, with the weights it ran with. */
void mica_search_restoration_back(MicaSearchWindow *window, const MicaSampleWindow *samples,
                                  const MicaGeometry *geometry, const int16_t *weight);

/* Gradient of a row of cells by decoded samples, from the window's planes; beyond the picture,
 * where the filter sees repeated pixels instead, none. */
void mica_search_get_gradient(const MicaSearchWindow *window, const MicaGeometry *geometry,
                              int index, float *samples);

#endif
