/* What follows an escape: the distance from the window, in Exp-Golomb code, which costs the same on
 * both sides. */
#ifndef MICA_ENTROPY_ESCAPE_H
#define MICA_ENTROPY_ESCAPE_H

#include "entropy/half_cdf.h"
#include "entropy/rans.h"

/* Written backwards: suffix first, then its length as zeros and a one. `excess` < 2^16. */
MICA_INLINE uint64_t mica_escape_put(MicaRansEncoder *out, uint64_t state, uint32_t excess,
                                     int order)
{
    uint32_t value = excess + (1u << order);
    int length = mica_log2_floor(value);
    state = mica_rans_put_bits(out, state, value & ((1u << length) - 1), length);
    state = mica_rans_put_bits(out, state, 1, 1);
    for (int i = order; i < length; i++)
        state = mica_rans_put_bits(out, state, 0, 1);
    return state;
}

/* A damaged stream may claim any length; beyond 2^16 the excess means nothing and 2^17 is returned.
 */
MICA_INLINE uint32_t mica_escape_take(MicaRansDecoder *in, uint64_t *state, int order)
{
    int length = order;
    while (length < 17 && !mica_rans_take_bits(in, state, 1))
        length++;
    if (length == 17)
        return 1u << 17;
    uint32_t value = (1u << length) + mica_rans_take_bits(in, state, length);
    return value - (1u << order);
}

/* The order for a window of `width` symbols to one side. */
MICA_INLINE int mica_escape_order(uint32_t width)
{
    int log2_width = mica_log2_floor(width);
    return log2_width > 3 ? log2_width - 3 : 0;
}

#endif
