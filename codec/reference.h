/*
 * A decoded picture that others are predicted from: planes of R, G, B and, for the search of the
 * encoder, of luma, each with a border of repeated samples.
 */
#ifndef MICA_CODEC_REFERENCE_H
#define MICA_CODEC_REFERENCE_H

#include "codec/base/pool.h"
#include "mica/image.h"
#include "transforms/motion_kernels.h"

/* Room for a block of 16 pixels and the taps of the interpolation outside the picture. */
#define MICA_REFERENCE_BORDER 32

#define MICA_REFERENCE_PLANES 4
#define MICA_REFERENCE_LUMA 3

typedef struct MicaReference {
    int width, height;
    ptrdiff_t stride;
    uint8_t *plane[MICA_REFERENCE_PLANES]; /* at the top left pixel of the picture */
    uint8_t *memory;
    uint32_t serial; /* another after each mica_reference_set() */
} MicaReference;

/* MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_reference_create(MicaReference *reference, int width, int height);
void mica_reference_free(MicaReference *reference);

/* Repeat the outermost samples of a plane in its border: those of a row to the left and right of
 * it; then, in rows of which `stride` samples are the picture and its border, the first and last
 * one. */
void mica_extend_row(uint8_t *row, int width, int border);
void mica_extend_rows(uint8_t *origin, ptrdiff_t stride, int height, int border);

/* Take the samples of an RGB or gray picture of the same size with 8 bits. */
void mica_reference_set(MicaReference *reference, const MicaMotionKernels *kernels,
                        const MicaImage *image, MicaPool *pool);

#endif
