#include "models/noise.h"

/* 4096 * 128 / 147.8 times the standard deviation of a normal variable that lies within half a step
 * of its mean, for the standard deviations of the scale indices (docs/entropy.md). */
static const int16_t spread[MICA_NOISE_SCALES] = {
    390,  441,  498,  559,  623,  686,  744,  796,  841,  878,  908,  932,  952,  967,  980,  989,
    997,  1003, 1007, 1011, 1014, 1016, 1018, 1019, 1020, 1021, 1022, 1022, 1023, 1023, 1023, 1023,
    1023, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024,
    1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024, 1024,
};

void mica_noise_amplitudes(int realism, int16_t amplitude[MICA_NOISE_SCALES])
{
    for (int i = 0; i < MICA_NOISE_SCALES; i++)
        amplitude[i] = (int16_t)((spread[i] * realism + 50) / 100);
}
