/*
 * Mean squared error and PSNR (peak 255). Y, Cb and Cr are those of JFIF (ITU-T T.871, full-range
 * BT.601), not rounded and not subsampled; the weights 6:1:1 are those of the video coding groups
 * (J. Ohm, G. Sullivan and others, "Comparison of the coding efficiency of video coding standards",
 * IEEE Transactions on Circuits and Systems for Video Technology 22(12), 2012).
 */
#include <math.h>

#include "tools/metrics/measures.h"
#include "tools/picture.h"

double psnr_of(double mse)
{
    return mse > 0 ? 10 * log10(255.0 * 255.0 / mse) : INFINITY;
}

/* A sample on the scale of 0..255. */
static double level(const MicaImage *image, int x, int y, int c)
{
    const unsigned v = picture_sample(image, image->data + y * image->stride, x, c);
    return image->depth == 16 ? v / 257.0 : v;
}

/* The same as below for samples of 16 bits in one picture or both. */
static void deep_errors(const MicaImage *a, const MicaImage *b, double *rgb, double ycbcr[3])
{
    const int a_step = a->channels > 1, b_step = b->channels > 1;
    *rgb = ycbcr[0] = ycbcr[1] = ycbcr[2] = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++) {
            double d[3];
            for (int c = 0; c < 3; c++)
                d[c] = level(a, x, y, c * a_step) - level(b, x, y, c * b_step);
            const double luma = 0.299 * d[0] + 0.587 * d[1] + 0.114 * d[2];
            const double cb = (d[2] - luma) / 1.772, cr = (d[0] - luma) / 1.402;
            *rgb += (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]) / 3;
            ycbcr[0] += luma * luma;
            /* Gray has no chroma, whatever rounding says. */
            if (a_step || b_step) {
                ycbcr[1] += cb * cb;
                ycbcr[2] += cr * cr;
            }
        }
}

double metrics_alpha_psnr(const MicaImage *a, const MicaImage *b)
{
    double sum = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++) {
            const double p = picture_has_alpha(a) ? level(a, x, y, a->channels - 1) : 255;
            const double q = picture_has_alpha(b) ? level(b, x, y, b->channels - 1) : 255;
            sum += (p - q) * (p - q);
        }
    return psnr_of(sum / ((double)a->width * a->height));
}

MicaStatus measure_rgb_error(const MicaImage *a, const MicaImage *b, double *values,
                             MicaError *error)
{
    (void)error;
    const int channels = a->channels > b->channels ? a->channels : b->channels;
    const int a_step = a->channels > 1, b_step = b->channels > 1;
    const bool deep = a->depth == 16 || b->depth == 16;
    uint64_t sum = 0; /* at most 2^28 * 3 * 255^2 */
    for (int y = 0; y < a->height && !deep; y++) {
        const uint8_t *p = a->data + y * a->stride, *q = b->data + y * b->stride;
        for (int x = 0; x < a->width; x++, p += a->channels, q += b->channels)
            for (int c = 0; c < channels; c++) {
                const int difference = p[c * a_step] - q[c * b_step];
                sum += (uint64_t)(difference * difference);
            }
    }
    double mse = (double)sum / ((double)a->width * a->height * channels);
    if (deep) {
        double ycbcr[3];
        deep_errors(a, b, &mse, ycbcr);
        mse /= (double)a->width * a->height;
    }
    values[METRIC_MSE_RGB] = mse;
    values[METRIC_PSNR_RGB] = psnr_of(mse);
    return MICA_OK;
}

MicaStatus measure_ycbcr_error(const MicaImage *a, const MicaImage *b, double *values,
                               MicaError *error)
{
    (void)error;
    const int a_step = a->channels > 1, b_step = b->channels > 1;
    const bool deep = a->depth == 16 || b->depth == 16;
    double sums[3] = {0, 0, 0};
    if (deep) {
        double rgb;
        deep_errors(a, b, &rgb, sums);
    }
    for (int y = 0; y < a->height && !deep; y++) {
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
