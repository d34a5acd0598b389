/*
 * The segments of y: a grid of rectangles, each of which is coded without knowing the others.
 *
 * Only the hyper features, which come first, reach across the borders of segments. So any part of a
 * picture can be decoded alone, and damage stays where it is.
 */
#ifndef MICA_MODELS_GRID_H
#define MICA_MODELS_GRID_H

#include "models/runner.h"

typedef struct MicaGrid {
    int segment_width, segment_height; /* positions of y, even */
    int columns, rows;                 /* of the grid */
    MicaRect whole, coded;             /* the padded plane of y, and its part in the picture */
} MicaGrid;

/* segment_width and segment_height are even and > 0. */
MicaGrid mica_grid(const MicaGeometry *geometry, int segment_width, int segment_height);

/* Columns first..last-1 of one row of segments; those at the right and bottom end reach to the end
 * of the padded plane. */
MicaRect mica_grid_rect(const MicaGrid *grid, int first, int last, int row);

/* Positions of the largest segment. */
int mica_grid_most_columns(const MicaGrid *grid);
int mica_grid_most_rows(const MicaGrid *grid);

#endif
