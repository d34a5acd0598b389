/* Where decoded pixels go: a picture or a part of it, in any of the sizes that can be decoded. */
#ifndef MICA_MODELS_CANVAS_H
#define MICA_MODELS_CANVAS_H

#include <stdint.h>

#include "mica/image.h"

/* Pixel (x, y) of the picture is pixel (x - left, y - top) of the image. */
typedef struct MicaCanvas {
    MicaImage *image; /* allocated; gray takes the mean of the three channels */
    int left, top;
    int log2_scale; /* 0..3: all of this in pixels of a picture of 1 / 2^log2 the size */
} MicaCanvas;

/* A row of pixels of cells next to each other, RGB in 1/64. */
typedef struct MicaCellRow {
    const int16_t *samples; /* of the first cell */
    int log2_side;          /* of a cell, in pixels */
    int stride;             /* samples from one cell to the next */
} MicaCellRow;

/* Store the part that lies on the canvas of `count` pixels from (x, y) of the picture. With a
 * prediction (or NULL), the samples are differences to it, and the canvas has its channels, 8 bits
 * and full size. */
void mica_canvas_store(const MicaCanvas *canvas, const MicaCellRow *row, int x, int y, int count,
                       const MicaImage *prediction);

#endif
