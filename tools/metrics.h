/*
 * How far two pictures are apart. Gray counts as red = green = blue where the other picture has
 * colours.
 *
 *  mse_rgb   mean squared error over all samples of all channels
 *  psnr_rgb  10 log10(255^2 / mse_rgb)
 *  psnr_y    the same for Y = 0.299 R + 0.587 G + 0.114 B, not rounded
 *  ssim      Wang et al. 2004 on Y: 11x11 Gaussian window with sigma 1.5, K1 = 0.01, K2 = 0.03,
 * mean over all windows that lie inside the picture, no scaling before ms_ssim   Wang et al. 2003
 * on Y: five scales, each half the size of the one before (mean of 2x2, the last row and column
 * repeated where their number is odd)
 */
#ifndef MICA_TOOLS_METRICS_H
#define MICA_TOOLS_METRICS_H

#include "mica/image.h"

/* Smallest sides that the windows fit into. */
#define METRICS_SSIM_MIN 11
#define METRICS_MS_SSIM_MIN 176

/* PSNR of equal pictures is infinite; metrics that need a larger picture are NaN. */
typedef struct Metrics {
    double mse_rgb, psnr_rgb, psnr_y, ssim, ms_ssim;
} Metrics;

/* MICA_ERROR_INVALID_ARGUMENT if the sizes differ. */
MicaStatus metrics_compare(const MicaImage *reference, const MicaImage *distorted, Metrics *metrics,
                           MicaError *error);

#endif
