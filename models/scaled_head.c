#include "models/scaled_head.h"

#include <stdlib.h>
#include <string.h>

/* Means are taken of weights times 2^FRACTION. */
#define FRACTION 40

int mica_scaled_head_outputs(int log2)
{
    const int side = 8 >> log2;
    return (3 * side * side + 31) / 32 * 32;
}

/* floor(v * 2^shift) */
static int64_t scale(int64_t v, int shift)
{
    return shift >= 0 ? v * ((int64_t)1 << shift) : v >> -shift;
}

static int64_t clamp(int64_t v, int64_t limit)
{
    return v < -limit ? -limit : v > limit ? limit : v;
}

MicaScaledOutput mica_scaled_head_output(const MicaRequant *head, MicaWeights weight, int inputs,
                                         int log2, int output, int8_t *out)
{
    const int side = 8 >> log2, count = 1 << log2;
    MicaScaledOutput result = {0};
    memset(out, 0, (size_t)inputs);
    if (output >= 3 * side * side)
        return result;
    const int y = output / (3 * side) * count, x = output / 3 % side * count, c = output % 3;

    /* Twice: the largest mean decides about the common shift. */
    int64_t peak = 0, bias = 0;
    int shift = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < inputs; i++) {
            int64_t sum = 0;
            for (int dy = 0; dy < count; dy++)
                for (int dx = 0; dx < count; dx++) {
                    const int o = ((y + dy) * 8 + x + dx) * 3 + c;
                    const ptrdiff_t at = (ptrdiff_t)o * inputs + i;
                    const int64_t w = mica_weight_at(weight, at);
                    sum += scale(w * head->multiplier[o], FRACTION - 15 - head->shift[o]);
                }
            if (pass == 0)
                peak = llabs(sum) > peak ? llabs(sum) : peak;
            else
                out[i] = (int8_t)clamp(scale(sum + scale(1, shift - 1), -shift), 127);
        }
        /* The output is sum * 2^(shift - FRACTION - 2 log2) = sum * 2^(-1 - result.shift). */
        const int all = FRACTION + 2 * log2 - 1;
        while (pass == 0 && peak >> shift > 127)
            shift++;
        if (pass == 0)
            shift = shift < all - 31 ? all - 31 : shift > all ? all : shift;
        result.shift = (uint8_t)(all - shift);
    }
    for (int dy = 0; dy < count; dy++)
        for (int dx = 0; dx < count; dx++) {
            const int o = ((y + dy) * 8 + x + dx) * 3 + c;
            const int64_t half = ((int64_t)1 << head->shift[o]) >> 1;
            bias += ((head->bias[o] - half) * head->multiplier[o]) >> head->shift[o];
        }
    /* In units of 2^(-15 - 2 log2) of the output; beyond 2^15 of it nothing changes. */
    bias = clamp(bias, (int64_t)1 << (30 + 2 * log2));
    bias = scale(bias, 1 + result.shift - 15 - 2 * log2) + ((int64_t)1 << result.shift >> 1);
    /* No sum may overflow: at most 127 * 32768 for every input. */
    result.bias = (int32_t)clamp(bias, INT32_MAX - (int64_t)inputs * 127 * 32768);
    result.multiplier = 1 << 14;
    return result;
}
