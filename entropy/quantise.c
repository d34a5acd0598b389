/* From floating point to model parameters. Comparisons and powers of two only: no result depends on
 * a math library. */
#include "mica/entropy.h"

#include <float.h>

/* Not NaN, and within the limits */
static float clip(float x, float low, float high, float if_nan)
{
    if (!(x == x))
        return if_nan;
    return x < low ? low : x > high ? high : x;
}

/* To the nearest; halves away from zero */
static int nearest(float x)
{
    return x < 0 ? -(int)(0.5f - x) : (int)(x + 0.5f);
}

int16_t mica_entropy_quantise_mean(float mean)
{
    return (int16_t)nearest(clip(mean, -1023, 1023, 0) * 32);
}

uint8_t mica_entropy_quantise_scale(float scale)
{
    /* 0.11 * 2^((i + 1/2) / 16): the borders of the first octave; the others by doubling, which is
     * exact. */
    static const float borders[16] = {
        0.1124087f, 0.1173854f, 0.1225825f, 0.1280097f, 0.1336772f, 0.1395956f,
        0.1457760f, 0.1522301f, 0.1589699f, 0.1660081f, 0.1733579f, 0.1810331f,
        0.1890481f, 0.1974180f, 0.2061584f, 0.2152859f,
    };
    scale = clip(scale, 0, 512, 0);
    int index = 0;
    while (scale >= borders[15] && index < MICA_ENTROPY_SCALES) {
        scale *= 0.5f;
        index += 16;
    }
    for (int i = 0; i < 15 && scale >= borders[i]; i++)
        index++;
    return (uint8_t)(index < MICA_ENTROPY_SCALES ? index : MICA_ENTROPY_SCALES - 1);
}

uint8_t mica_entropy_quantise_shape(float shape)
{
    int index = nearest(clip(shape, 0.5f, 2.375f, 2.0f) * 8) - 4;
    return (uint8_t)index;
}

void mica_entropy_quantise_weights(const float *weights, int components, uint8_t *out)
{
    float w[MICA_ENTROPY_COMPONENTS_MAX], most = 0;
    if (components > MICA_ENTROPY_COMPONENTS_MAX)
        components = MICA_ENTROPY_COMPONENTS_MAX;
    for (int k = 0; k < components; k++) {
        w[k] = clip(weights[k], 0, FLT_MAX, 0);
        most = w[k] > most ? w[k] : most;
    }
    /* Relative to the largest, so that neither the sum nor a quotient overflows. */
    float sum = 0;
    for (int k = 0; k < components; k++) {
        w[k] = most > 0 ? w[k] / most : 1;
        sum += w[k];
    }
    /* Each border of the cumulative weights is rounded, so that the errors do not add up. */
    float below = 0;
    int before = 0;
    for (int k = 0; k + 1 < components; k++) {
        below += w[k];
        int border = nearest(below / sum * 256);
        int weight = border - before;
        out[k] = (uint8_t)(weight > 255 ? 255 : weight);
        before += out[k];
    }
}
