/*
 * Mean squared error and PSNR (peak 255). Y, Cb and Cr are those of JFIF (ITU-T T.871, full-range
 * BT.601), not rounded and not subsampled; the weights 6:1:1 are those of the video coding groups
 * (J. Ohm, G. Sullivan and others, "Comparison of the coding efficiency of video coding standards",
 * IEEE Transactions on Circuits and Systems for Video Technology 22(12), 2012).
 */
#include <math.h>

#include "tools/metrics/measures.h"

double psnr_of(double mse)
{
    return mse > 0 ? 10 * log10(255.0 * 255.0 / mse) : INFINITY;
}

MicaStatus measure_rgb_error(const MicaImage *a, const MicaImage *b, double *values,
                             MicaError *error)
{
    (void)error;
    const int channels = a->channels > b->channels ? a->channels : b->channels;
    const int a_step = a->channels > 1, b_step = b->channels > 1;
    uint64_t sum = 0; /* at most 2^28 * 3 * 255^2 */
    for (int y = 0; y < a->height; y++) {
        const uint8_t *p = a->data + y * a->stride, *q = b->data + y * b->stride;
        for (int x = 0; x < a->width; x++, p += a->channels, q += b->channels)
            for (int c = 0; c < channels; c++) {
                const int difference = p[c * a_step] - q[c * b_step];
                sum += (uint64_t)(difference * difference);
            }
    }
    const double mse = (double)sum / ((double)a->width * a->height * channels);
    values[METRIC_MSE_RGB] = mse;
    values[METRIC_PSNR_RGB] = psnr_of(mse);
    return MICA_OK;
}

MicaStatus measure_ycbcr_error(const MicaImage *a, const MicaImage *b, double *values,
                               MicaError *error)
{
    (void)error;
    const int a_step = a->channels > 1, b_step = b->channels > 1;
    double sums[3] = {0, 0, 0};
    for (int y = 0; y < a->height; y++) {
        const uint8_t *p = a->data + y * a->stride, *q = b->data + y * b->stride;
        double rows[3] = {0, 0, 0}; /* summed apart, to keep rounding errors small */
        for (int x = 0; x < a->width; x++, p += a->channels, q += b->channels) {
            /* The conversion is linear, so that the difference can be converted, which is exactly 0
             * where the pixels are equal. */
            const int red = p[0] - q[0], green = p[a_step] - q[b_step],
                      blue = p[2 * a_step] - q[2 * b_step];
            const double luma = 0.299 * red + 0.587 * green + 0.114 * blue;
            const double cb = (0.587 * (blue - green) + 0.299 * (blue - red)) / 1.772;
            const double cr = (0.587 * (red - green) + 0.114 * (red - blue)) / 1.402;
            rows[0] += luma * luma;
            rows[1] += cb * cb;
            rows[2] += cr * cr;
        }
        for (int c = 0; c < 3; c++)
            sums[c] += rows[c];
    }
    const double pixels = (double)a->width * a->height;
    values[METRIC_PSNR_Y] = psnr_of(sums[0] / pixels);
    double weights = 6, total = 6 * values[METRIC_PSNR_Y];
    for (int c = 1; c < 3; c++)
        if (sums[c] > 0) {
            weights++;
            total += psnr_of(sums[c] / pixels);
        }
    values[METRIC_PSNR_YUV] = total / weights;
    return MICA_OK;
}
