/*
 * Windows into planes: the part of a tensor that is in memory, with its place in the whole.
 *
 * Large pictures are coded window by window. Every operator takes the coordinates of the whole
 * plane, so which windows a picture is cut into never changes a result.
 */
#ifndef MICA_MODELS_PLANE_H
#define MICA_MODELS_PLANE_H

#include <stddef.h>
#include <stdint.h>

#include "codec/base/attributes.h"

/* Columns x0..x1-1 and rows y0..y1-1. */
typedef struct MicaRect {
    int x0, y0, x1, y1;
} MicaRect;

/* int16, channels interleaved, rows without gaps. */
typedef struct MicaPlane {
    int16_t *data;    /* of position (rect.x0, rect.y0) */
    ptrdiff_t stride; /* elements from one position to the next */
    MicaRect rect;
} MicaPlane;

MICA_INLINE int mica_rect_width(const MicaRect *r)
{
    return r->x1 - r->x0;
}

MICA_INLINE int mica_rect_height(const MicaRect *r)
{
    return r->y1 - r->y0;
}

MICA_INLINE size_t mica_rect_area(const MicaRect *r)
{
    return (size_t)mica_rect_width(r) * (size_t)mica_rect_height(r);
}

/* `margin` more on every side, as far as `whole` goes. */
MICA_INLINE MicaRect mica_rect_grow(MicaRect r, int margin, MicaRect whole)
{
    return (MicaRect){r.x0 - margin > whole.x0 ? r.x0 - margin : whole.x0,
                      r.y0 - margin > whole.y0 ? r.y0 - margin : whole.y0,
                      r.x1 + margin < whole.x1 ? r.x1 + margin : whole.x1,
                      r.y1 + margin < whole.y1 ? r.y1 + margin : whole.y1};
}

/* The positions at half the resolution that cover these; coordinates are not negative. */
MICA_INLINE MicaRect mica_rect_halve(MicaRect r)
{
    return (MicaRect){r.x0 / 2, r.y0 / 2, (r.x1 + 1) / 2, (r.y1 + 1) / 2};
}

/* The positions at `factor` times the resolution. */
MICA_INLINE MicaRect mica_rect_scale(MicaRect r, int factor)
{
    return (MicaRect){r.x0 * factor, r.y0 * factor, r.x1 * factor, r.y1 * factor};
}

MICA_INLINE int16_t *mica_plane_at(const MicaPlane *p, int x, int y)
{
    const ptrdiff_t width = p->rect.x1 - p->rect.x0;
    return p->data + ((y - p->rect.y0) * width + (x - p->rect.x0)) * p->stride;
}

#endif
