#include "models/noise.h"

/* 4096 * 128 / 147.8 times the standard deviation that residuals of model S have where the symbol
 * is 0, by scale index, measured on training pictures at all qualities; it ends at that of a flat
 * density within half a step. The first index stands for all scales below the grid of the coder. */
static const int16_t spread[MICA_NOISE_SCALES] = {
    176,  337,  400,  457,  513,  566,  616,  667,  709,  751,  791,  825,  855,  884,  907,  924,
    940,  954,  966,  978,  986,  993,  999,  1004, 1008, 1012, 1015, 1018, 1020, 1021, 1022, 1023,
    1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024,
    1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024,
};

void mica_noise_amplitudes(int realism, int16_t amplitude[MICA_NOISE_SCALES])
{
    for (int i = 0; i < MICA_NOISE_SCALES; i++)
        amplitude[i] = (int16_t)((spread[i] * realism + 50) / 100);
}
