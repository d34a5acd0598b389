/*
 * Motion: the picture that a frame is predicted to be, block by block, from one or two decoded
 * pictures.
 *
 * A field has a vector for every 8x8 block of the picture, in quarters of a pixel; it is coded for
 * squares of 64x64 that may be split into quarters, down to 8x8 (codec/motion_code.h). Samples
 * between pixels come from the 8-tap filters of HEVC (ITU-T H.265, 8.5.3.3.3.1), rows and columns,
 * rounded once. Outside the picture its border samples are repeated without end.
 */
#ifndef MICA_CODEC_MOTION_H
#define MICA_CODEC_MOTION_H

#include "codec/base/attributes.h"
#include "codec/reference.h"

#define MICA_MOTION_BLOCK 8   /* pixels */
#define MICA_MOTION_SQUARE 16 /* pixels: what is interpolated at once */

/* A square of level l has 1 << l blocks of 8x8 a side. */
#define MICA_MOTION_LEVELS 4
#define MICA_MOTION_LARGEST (1 << (MICA_MOTION_LEVELS - 1)) /* blocks */

typedef struct MicaVector {
    int16_t x, y; /* in 1/4 pixel: a sample at (px, py) is predicted from (px + x/4, py + y/4) */
} MicaVector;

#define MICA_MOTION_REFERENCES 2

typedef struct MicaMotionBlock {
    MicaVector vector[MICA_MOTION_REFERENCES];
    uint8_t references; /* bit i: reference i is used; with both, their mean, halves rounded up; 0:
                         * the motion is not known, or there is none */
    uint8_t level;      /* of the square that was coded */
    uint8_t taken;      /* the motion is that of another block */
} MicaMotionBlock;

typedef struct MicaMotionField {
    int columns, rows;                    /* blocks; the largest squares cover the picture */
    int seen_columns, seen_rows;          /* those of them that show a part of the picture */
    int references;                       /* that the frame has, 1 or 2 */
    int distance[MICA_MOTION_REFERENCES]; /* from them to the frame, in frames; negative: later */
    MicaMotionBlock *block;
} MicaMotionField;

/* No motion is known. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_motion_field_create(MicaMotionField *field, int width, int height);
void mica_motion_field_free(MicaMotionField *field);
void mica_motion_field_clear(MicaMotionField *field);

int mica_motion_is_same(const MicaMotionBlock *a, const MicaMotionBlock *b);

/* The same motion in all blocks of a square that show a part of the picture. */
int mica_motion_square_is_whole(const MicaMotionField *field, int column, int row, int level);

/* Give all blocks of a square this motion. */
void mica_motion_fill(MicaMotionField *field, int column, int row, int level,
                      MicaMotionBlock block);

/* Where a block of up to 16x16 that should begin at `position` on an axis does: as good as beyond
 * the border, whose samples repeat. Nothing further out is ever looked at, but for the taps around.
 */
#define MICA_MOTION_OUTSIDE 24

MICA_INLINE int mica_motion_position(int position, int extent)
{
    const int lowest = -MICA_MOTION_OUTSIDE;
    const int highest = extent + MICA_MOTION_OUTSIDE - MICA_MOTION_SQUARE;
    return position < lowest ? lowest : position > highest ? highest : position;
}

/* The predicted picture: RGB, or gray, of the size of the references. A reference that no block
 * uses may be NULL. */
void mica_motion_predict(const MicaMotionField *field, const MicaMotionKernels *kernels,
                         const MicaReference *const reference[MICA_MOTION_REFERENCES],
                         MicaPool *pool, MicaImage *image);

#endif
