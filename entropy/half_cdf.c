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
