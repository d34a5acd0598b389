/*
 * Bjontegaard's rate difference: how many per cent more bits one codec needs than another for the
 * same quality, on average. The logarithm of the rate is interpolated over the quality by PCHIP
 * (F. Fritsch, J. Butland, 1984, with the ends of scipy's PchipInterpolator), and the mean
 * difference taken over the range of quality that both curves cover within a range of rates.
 */
#ifndef MICA_TOOLS_EVAL_BDRATE_H
#define MICA_TOOLS_EVAL_BDRATE_H

#include <stdbool.h>

#define BD_MAX_POINTS 64

/* Log rate over quality, both rising. */
typedef struct BdCurve {
    int count;
    double quality[BD_MAX_POINTS], log_rate[BD_MAX_POINTS], slope[BD_MAX_POINTS];
} BdCurve;

/* From points in order of rising rate. Points whose quality is not above all before, or not a
 * finite number, are left out; false if fewer than two remain. */
bool bd_curve_init(BdCurve *curve, const double *rate, const double *quality, int count);

typedef struct BdRate {
    double percent;
    double from, to; /* the range of quality */
} BdRate;

/* How much more `curve` needs than `anchor`; false if they have no range in common. */
bool bd_rate(const BdCurve *curve, const BdCurve *anchor, double lowest_rate, double highest_rate,
             BdRate *result);

#endif
