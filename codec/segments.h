/*
 * How the symbols of y are spread over segments: bands of rows, each decodable on its own with a
 * thread of its own.
 *
 * The symbols of a segment are those of context step 0, then 1, 2, 3; within a step by phase, row,
 * column, channel. Positions outside the picture and scale indices below the header's `skip` are
 * left out: those symbols are 0.
 */
#ifndef MICA_CODEC_SEGMENTS_H
#define MICA_CODEC_SEGMENTS_H

#include "models/nets.h"

int mica_segment_count(const MicaGeometry *geometry, int segment_rows);

/* Models of the coded symbols of one segment and step, in coding order; returns their number.
 * `element` receives the place of each in the step arrays of MicaLatents. Arrays hold
 * mica_segment_capacity() elements. */
size_t mica_segment_models(const MicaLatents *latents, int step, int segment, int segment_rows,
                           int skip, uint8_t *shape, uint8_t *scale, uint32_t *element);

size_t mica_segment_capacity(const MicaLatents *latents, int segment_rows);

#endif
