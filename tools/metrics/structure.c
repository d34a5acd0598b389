/*
 * SSIM: Z. Wang, A. C. Bovik, H. R. Sheikh, E. P. Simoncelli, "Image quality assessment: from error
 * visibility to structural similarity", IEEE Transactions on Image Processing 13(4), 2004; without
 * the downscaling that the authors' program does by default. MS-SSIM: Z. Wang, E. P. Simoncelli,
 * A. C. Bovik, "Multiscale structural similarity for image quality assessment", Asilomar Conference
 * on Signals, Systems and Computers, 2003. Both of luma.
 */
#include "tools/metrics/measures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/metrics/plane.h"
#include "tools/report.h"

#define WINDOW 11
#define SIGMA 1.5
#define SCALES 5

/* What the window sums up: x, y, x*x, y*y, x*y. */
enum { MEAN_X, MEAN_Y, SQUARE_X, SQUARE_Y, PRODUCT, SUMS };

static void make_window(double window[WINDOW])
{
    double sum = 0;
    for (int i = 0; i < WINDOW; i++) {
        const double d = i - WINDOW / 2;
        window[i] = exp(-d * d / (2 * SIGMA * SIGMA));
        sum += window[i];
    }
    for (int i = 0; i < WINDOW; i++)
        window[i] /= sum;
}

/* One row through the window in x: five rows of sums of `width` - 10. `line` has room for a row. */
static void filter_row(double *sums, double *line, const double *x, const double *y, int width,
                       const double window[WINDOW])
{
    const int valid = width - WINDOW + 1;
    for (int s = 0; s < SUMS; s++) {
        const double *p = s == MEAN_Y || s == SQUARE_Y ? y : x;
        const double *q = s == SQUARE_X ? x : y;
        if (s == MEAN_X || s == MEAN_Y)
            memcpy(line, p, (size_t)width * sizeof *line);
        else
            for (int i = 0; i < width; i++)
                line[i] = p[i] * q[i];
        double *out = sums + (size_t)s * (size_t)valid;
        for (int i = 0; i < valid; i++)
            out[i] = 0;
        for (int k = 0; k < WINDOW; k++)
            for (int i = 0; i < valid; i++)
                out[i] += window[k] * line[i + k];
    }
}

/* Mean of SSIM and of its contrast and structure part over a row of windows, not yet divided by
 * their number. */
static void sum_row(const double *sums, int valid, double *ssim, double *contrast)
{
    const double c1 = (0.01 * 255) * (0.01 * 255), c2 = (0.03 * 255) * (0.03 * 255);
    double ssim_sum = 0, contrast_sum = 0;
    for (int i = 0; i < valid; i++) {
        const double x = sums[(ptrdiff_t)MEAN_X * valid + i];
        const double y = sums[(ptrdiff_t)MEAN_Y * valid + i];
        const double xx = sums[(ptrdiff_t)SQUARE_X * valid + i] - x * x;
        const double yy = sums[(ptrdiff_t)SQUARE_Y * valid + i] - y * y;
        const double xy = sums[(ptrdiff_t)PRODUCT * valid + i] - x * y;
        const double cs = (2 * xy + c2) / (xx + yy + c2);
        contrast_sum += cs;
        ssim_sum += cs * (2 * x * y + c1) / (x * x + y * y + c1);
    }
    *ssim += ssim_sum;
    *contrast += contrast_sum;
}

/* The window is separable: rows are filtered in x as they come, and the last 11 of them are kept
 * for y. */
static MicaStatus plane_ssim(const Plane *a, const Plane *b, double *ssim, double *contrast,
                             MicaError *error)
{
    const int width = a->width, valid = width - WINDOW + 1;
    const size_t row_size = (size_t)SUMS * (size_t)valid;
    double *const memory = malloc(((WINDOW + 1) * row_size + (size_t)width) * sizeof *memory);
    if (!memory)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    double *const total = memory + WINDOW * row_size, *const line = total + row_size;
    double window[WINDOW];
    make_window(window);

    *ssim = *contrast = 0;
    for (int y = 0; y < a->height; y++) {
        const size_t start = (size_t)y * (size_t)width;
        filter_row(memory + (size_t)(y % WINDOW) * row_size, line, a->data + start, b->data + start,
                   width, window);
        if (y < WINDOW - 1)
            continue;
        memset(total, 0, row_size * sizeof *total);
        for (int k = 0; k < WINDOW; k++) {
            const double *row = memory + (size_t)((y + 1 + k) % WINDOW) * row_size;
            for (size_t i = 0; i < row_size; i++)
                total[i] += window[k] * row[i];
        }
        sum_row(total, valid, ssim, contrast);
    }
    const double windows = (double)valid * (a->height - WINDOW + 1);
    *ssim /= windows;
    *contrast /= windows;
    free(memory);
    return MICA_OK;
}

/* Uses up the planes. */
static MicaStatus measure_scales(Plane *a, Plane *b, double *values, MicaError *error)
{
    static const double weights[SCALES] = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
    const int side = a->width < a->height ? a->width : a->height;
    if (side < METRICS_SSIM_MIN)
        return MICA_OK;
    const int scales = side < METRICS_MS_SSIM_MIN ? 1 : SCALES;
    double product = 1;
    for (int scale = 0; scale < scales; scale++) {
        double ssim = 0, contrast = 0;
        const MicaStatus status = plane_ssim(a, b, &ssim, &contrast, error);
        if (status != MICA_OK)
            return status;
        if (scale == 0)
            values[METRIC_SSIM] = ssim;
        /* Luminance counts at the last scale only. Opposite structures (below 0) have no real
         * power. */
        const double value = scale == SCALES - 1 ? ssim : contrast;
        product *= pow(value > 0 ? value : 0, weights[scale]);
        if (scale + 1 < scales) {
            plane_halve(a);
            plane_halve(b);
        }
    }
    if (scales == SCALES)
        values[METRIC_MS_SSIM] = product;
    return MICA_OK;
}

MicaStatus measure_structure(const MicaImage *reference, const MicaImage *distorted, double *values,
                             MicaError *error)
{
    Plane a = {0}, b = {0};
    MicaStatus status = plane_luma(&a, reference, error);
    if (status == MICA_OK)
        status = plane_luma(&b, distorted, error);
    if (status == MICA_OK)
        status = measure_scales(&a, &b, values, error);
    plane_free(&a);
    plane_free(&b);
    return status;
}
