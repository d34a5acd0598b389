/*
 * Which symbols of y a segment codes, and in which order: those of context step 0, then 1, 2, 3;
 * within a step by phase, row, column, channel. Positions outside the picture and scale indices
 * below the header's `skip` are left out: those symbols are 0.
 */
#ifndef MICA_CODEC_SEGMENTS_H
#define MICA_CODEC_SEGMENTS_H

#include "models/nets.h"

/* Models of the coded symbols of one step of a segment of the window (0 is the leftmost one), in
 * coding order; returns their number. `element` receives the place of each in the step arrays of
 * MicaLatents. Arrays hold mica_segment_capacity() elements. */
size_t mica_segment_models(const MicaLatents *latents, int step, int segment, int skip,
                           uint8_t *shape, uint8_t *scale, uint32_t *element);

/* Symbols of one step of the largest segment. */
size_t mica_segment_capacity(const MicaGrid *grid, const MicaNetwork *network);

#endif
