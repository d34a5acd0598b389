#include "entropy/half_cdf.h"

void mica_half_cdf_init(MicaHalfCdf *row, int shape)
{
    uint32_t value = 0;
    for (int i = 0; i < MICA_HALF_CDF_SEGMENTS; i++) {
        uint32_t step = mica_half_cdf_steps[shape][i];
        row->segments[i] = value << 13 | step;
        value += step;
    }
}

int mica_half_cdf_width(const MicaHalfCdf *row, MicaReciprocal reciprocal)
{
    int low = 1, high = MICA_WIDTH_MAX;
    while (low < high) {
        int middle = (low + high) / 2;
        uint32_t t = mica_half_cdf_t((uint32_t)(32 * middle + 16), reciprocal);
        if (mica_half_cdf(row, t) >= (1u << (MICA_HALF_CDF_BITS - 1)) - MICA_TAIL)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
