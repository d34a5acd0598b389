/* Rate-distortion curves: measured ones, averaged over the pictures, and published ones. */
#ifndef MICA_TOOLS_EVAL_CURVES_H
#define MICA_TOOLS_EVAL_CURVES_H

#include <stdbool.h>
#include <stdint.h>

#include "mica/status.h"
#include "tools/eval/bdrate.h"
#include "tools/metrics/metrics.h"

typedef struct CurvePoint {
    double quality, bpp; /* quality is NaN for published points */
    double values[METRIC_COUNT];
    double encode_ms, decode_ms, encode_cpu_ms, decode_cpu_ms, memory_kb; /* NaN where not known */
} CurvePoint;

typedef struct Curve {
    char name[64];
    bool published;
    int count;
    CurvePoint points[BD_MAX_POINTS]; /* in order of rising rate */
} Curve;

typedef struct CurveSet {
    Curve *curves;
    int count;
} CurveSet;

/* One more curve without points, or NULL if memory is short. Moves the others. */
Curve *curve_set_add(CurveSet *set, const char *name, bool published);
void curve_set_free(CurveSet *set);

void curve_sort(Curve *curve);

/* The value as it is drawn and compared: -10 log10(1 - value) where the metric says so. */
double curve_shown(MetricId metric, double value);

/* BD-rate of a curve against another one; rates in bits per pixel. False where they have no quality
 * in common. */
bool curve_bd_rate(const Curve *curve, const Curve *anchor, MetricId metric, double lowest_bpp,
                   double highest_bpp, BdRate *result);

/* Whether any measured curve of the set can be compared with this one of it. */
bool curve_set_has_bd_rate(const CurveSet *set, int anchor, MetricId metric, double lowest_bpp,
                           double highest_bpp);

/* What BD-rates are reported for: whether the metric is one that is wanted, and not the MSE, which
 * orders codecs as its PSNR does. */
bool curve_is_compared(uint32_t wanted, MetricId metric);

/*
 * Add the published curves of a folder of JSON files as CompressAI has them: results.bpp and
 * results.psnr-rgb (or psnr) and ms-ssim-rgb (or ms-ssim, or ms-ssim-db-rgb), named "pub:" and the
 * name of the file.
 */
MicaStatus curve_set_read_anchors(CurveSet *set, const char *folder, MicaError *error);

#endif
