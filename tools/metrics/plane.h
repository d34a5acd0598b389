/* One channel of a picture in double precision, as the measures on luma take it. */
#ifndef MICA_TOOLS_METRICS_PLANE_H
#define MICA_TOOLS_METRICS_PLANE_H

#include "mica/image.h"

typedef struct Plane {
    int width, height;
    double *data;
} Plane;

MicaStatus plane_alloc(Plane *plane, int width, int height, MicaError *error);
void plane_free(Plane *plane);

/* Y = 0.299 R + 0.587 G + 0.114 B, not rounded. */
MicaStatus plane_luma(Plane *plane, const MicaImage *image, MicaError *error);

/* Half the size, in place: mean of 2x2, the last row and column repeated where their number is odd.
 */
void plane_halve(Plane *plane);

/* Mean squared difference of two planes of the same size. */
double plane_squared_error(const Plane *a, const Plane *b);

#endif
