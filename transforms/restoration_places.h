/* The neighbours of the restoration filter as a table, for what is no kernel. */
#ifndef MICA_TRANSFORMS_RESTORATION_PLACES_H
#define MICA_TRANSFORMS_RESTORATION_PLACES_H

#include "transforms/kernels.h"

/* One side of each pair of neighbours; weights are in this order, those of luma before those of
 * chroma. */
typedef struct MicaRestorationPlace {
    int dy, dx;
} MicaRestorationPlace;

#define MICA_RESTORATION_PLACE(dy, dx) {dy, dx},
static const MicaRestorationPlace mica_restoration_places[MICA_RESTORATION_LUMA_PAIRS] = {
    MICA_RESTORATION_NEAR(MICA_RESTORATION_PLACE) MICA_RESTORATION_FAR(MICA_RESTORATION_PLACE)};
#undef MICA_RESTORATION_PLACE

#endif
