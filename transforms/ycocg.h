/*
 * YCoCg-R: a lossless colour transform of integers. Malvar, Sullivan, "YCoCg-R: A Color Space with
 * RGB Reversibility and Low Dynamic Range", JVT-I014r3 (2003).
 */
#ifndef MICA_TRANSFORMS_YCOCG_H
#define MICA_TRANSFORMS_YCOCG_H

#include "codec/base/attributes.h"

MICA_INLINE void mica_rgb_to_ycocg(const int rgb[3], int ycocg[3])
{
    const int co = rgb[0] - rgb[2], middle = rgb[2] + (co >> 1), cg = rgb[1] - middle;
    ycocg[0] = middle + (cg >> 1);
    ycocg[1] = co;
    ycocg[2] = cg;
}

MICA_INLINE void mica_ycocg_to_rgb(const int ycocg[3], int rgb[3])
{
    const int middle = ycocg[0] - (ycocg[2] >> 1);
    rgb[2] = middle - (ycocg[1] >> 1);
    rgb[1] = middle + ycocg[2];
    rgb[0] = rgb[2] + ycocg[1];
}

#endif
