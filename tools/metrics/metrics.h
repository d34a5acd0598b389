/*
 * How far two pictures are apart. Gray counts as red = green = blue where the other picture has
 * colours. The table in metrics.c is where a new metric goes; docs/experiments.md says how.
 *
 *  mse_rgb      mean squared error over all samples of all channels
 *  psnr_rgb     10 log10(255^2 / mse_rgb)
 *  psnr_y       the same for Y = 0.299 R + 0.587 G + 0.114 B, not rounded
 *  psnr_yuv     (6 psnr_y + psnr_cb + psnr_cr) / 8 in full-range BT.601 YCbCr as in JPEG, 4:4:4,
 *               not rounded; a chroma plane without any error is left out together with its weight,
 *               so that gray pictures have the PSNR of Y
 *  ssim         Wang et al. 2004 on Y: 11x11 Gaussian window with sigma 1.5, K1 = 0.01, K2 = 0.03,
 *               mean over all windows that lie inside the picture, no scaling before
 *  ms_ssim      Wang et al. 2003 on Y: five scales, each half the size of the one before (mean of
 *               2x2, the last row and column repeated where their number is odd)
 *  psnr_hvs_m   Ponomarenko et al. 2007 on Y, see hvs_m.c
 *  ciede2000    mean CIEDE2000 colour difference (Sharma et al. 2005), see ciede2000.c
 *  ssimulacra2  SSIMULACRA 2.1 (Sneyers 2022/2023), see ssimulacra2.c
 *  butteraugli  by the program of that name (Alakuijala et al. 2016), see butteraugli.c
 */
#ifndef MICA_TOOLS_METRICS_METRICS_H
#define MICA_TOOLS_METRICS_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "mica/image.h"

/* Smallest sides that the windows fit into. */
#define METRICS_SSIM_MIN 11
#define METRICS_MS_SSIM_MIN 176
#define METRICS_BLOCK_MIN 8 /* PSNR-HVS-M, SSIMULACRA 2 and Butteraugli */

typedef enum MetricId {
    METRIC_MSE_RGB,
    METRIC_PSNR_RGB,
    METRIC_PSNR_Y,
    METRIC_PSNR_YUV,
    METRIC_SSIM,
    METRIC_MS_SSIM,
    METRIC_PSNR_HVS_M,
    METRIC_CIEDE2000,
    METRIC_SSIMULACRA2,
    METRIC_BUTTERAUGLI,
    METRIC_COUNT
} MetricId;

#define METRICS_ALL ((1u << METRIC_COUNT) - 1)

/* What is measured unless asked otherwise: all that needs no other program. */
#define METRICS_OWN (METRICS_ALL & ~(1u << METRIC_BUTTERAUGLI))

typedef struct Metric {
    const char *name;  /* the key in JSON and on the command line */
    const char *title; /* for people */
    const char *unit;  /* empty or " dB" */
    int digits;        /* after the point, in text */
    bool lower_is_better;
    bool in_decibel; /* compared as -10 log10(1 - value), as the field does with MS-SSIM */
} Metric;

extern const Metric metric_table[METRIC_COUNT];

/* PSNR of equal pictures is infinite; metrics that need a larger picture, and those that were not
 * asked for, are NaN. */
typedef struct Metrics {
    double values[METRIC_COUNT];
} Metrics;

/* Measure what the bits 1 << MetricId of `wanted` ask for. The pictures have no alpha; PSNR is
 * taken of 16 bits where there are such, on the scale of 0..255, everything else of samples rounded
 * to 8. MICA_ERROR_INVALID_ARGUMENT if the sizes differ. */
MicaStatus metrics_compare(const MicaImage *reference, const MicaImage *distorted, uint32_t wanted,
                           Metrics *metrics, MicaError *error);

/* PSNR of alpha, a picture without it being opaque; infinite if equal. The pictures have the same
 * size. */
double metrics_alpha_psnr(const MicaImage *reference, const MicaImage *distorted);

/* Bits of a list of names like "psnr_rgb,ssim", where "all" is METRICS_OWN.
 * MICA_ERROR_INVALID_ARGUMENT. */
MicaStatus metrics_parse(const char *list, uint32_t *wanted, MicaError *error);

/* A picture of where the difference is: CIEDE2000 of every pixel, black for none, then blue, red
 * and yellow to white for 10 and more. */
MicaStatus metrics_map(const MicaImage *reference, const MicaImage *distorted, MicaImage *map,
                       MicaError *error);

#endif
