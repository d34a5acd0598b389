/* The measures behind the metrics. Each fills its own entries of `values`, which are NaN before;
 * the pictures have the same size. */
#ifndef MICA_TOOLS_METRICS_MEASURES_H
#define MICA_TOOLS_METRICS_MEASURES_H

#include "tools/metrics/metrics.h"

MicaStatus measure_rgb_error(const MicaImage *reference, const MicaImage *distorted, double *values,
                             MicaError *error);
MicaStatus measure_ycbcr_error(const MicaImage *reference, const MicaImage *distorted,
                               double *values, MicaError *error);
MicaStatus measure_structure(const MicaImage *reference, const MicaImage *distorted, double *values,
                             MicaError *error);
MicaStatus measure_hvs_m(const MicaImage *reference, const MicaImage *distorted, double *values,
                         MicaError *error);
MicaStatus measure_ciede2000(const MicaImage *reference, const MicaImage *distorted, double *values,
                             MicaError *error);
MicaStatus measure_ssimulacra2(const MicaImage *reference, const MicaImage *distorted,
                               double *values, MicaError *error);

MicaStatus measure_butteraugli(const MicaImage *reference, const MicaImage *distorted,
                               double *values, MicaError *error);

/* 10 log10(255^2 / mse), infinite for 0. */
double psnr_of(double mse);

/* A sample of sRGB (0..255) as light (0..1), IEC 61966-2-1. */
double srgb_to_linear(int sample);

typedef struct Lab {
    double l, a, b;
} Lab;

/* The CIEDE2000 difference of two colours. */
double ciede2000(const Lab *p, const Lab *q);

/* CIEDE2000 of two pixels, which have one channel or three. */
typedef struct LabTables {
    double linear[256];
} LabTables;

void lab_tables_init(LabTables *tables);
double ciede2000_pixels(const LabTables *tables, const uint8_t *p, int p_channels, const uint8_t *q,
                        int q_channels);

#endif
