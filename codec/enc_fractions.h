/*
 * The luma of a reference at every quarter of a pixel, computed once: the motion search looks at
 * each place dozens of times, and there are only 16 fractions.
 */
#ifndef MICA_CODEC_ENC_FRACTIONS_H
#define MICA_CODEC_ENC_FRACTIONS_H

#include "codec/motion.h"

typedef struct MicaFractions {
    int width, height;
    ptrdiff_t stride, plane; /* from row to row, from fraction to fraction */
    uint8_t *origin;         /* of fraction 0, at the top left pixel */
    uint8_t *memory;
} MicaFractions;

/* MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_fractions_create(MicaFractions *fractions, int width, int height);
void mica_fractions_free(MicaFractions *fractions);

void mica_fractions_set(MicaFractions *fractions, const MicaMotionKernels *kernels,
                        const MicaReference *reference, MicaPool *pool);

/* The block at (x, y) + vector; rows are `stride` apart. */
MICA_INLINE const uint8_t *mica_fractions_at(const MicaFractions *f, int x, int y, MicaVector v)
{
    const int px = mica_motion_position(x + (v.x >> 2), f->width);
    const int py = mica_motion_position(y + (v.y >> 2), f->height);
    return f->origin + ((v.y & 3) * MICA_PHASES + (v.x & 3)) * f->plane + py * f->stride + px;
}

#endif
