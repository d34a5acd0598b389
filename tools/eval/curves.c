#include "tools/eval/curves.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/report.h"

Curve *curve_set_add(CurveSet *set, const char *name, bool published)
{
    Curve *const curves = realloc(set->curves, (size_t)(set->count + 1) * sizeof *curves);
    if (!curves)
        return NULL;
    set->curves = curves;
    Curve *const curve = &curves[set->count++];
    memset(curve, 0, sizeof *curve);
    snprintf(curve->name, sizeof curve->name, "%s", name);
    curve->published = published;
    return curve;
}

void curve_set_free(CurveSet *set)
{
    free(set->curves);
    set->curves = NULL;
    set->count = 0;
}

static int compare_rates(const void *a, const void *b)
{
    const CurvePoint *p = a, *q = b;
    return (p->bpp > q->bpp) - (p->bpp < q->bpp);
}

void curve_sort(Curve *curve)
{
    qsort(curve->points, (size_t)curve->count, sizeof curve->points[0], compare_rates);
}

double curve_shown(MetricId metric, double value)
{
    return metric_table[metric].in_decibel ? -10 * log10(1 - value) : value;
}

bool curve_is_compared(uint32_t wanted, MetricId metric)
{
    return (wanted >> metric & 1) && metric != METRIC_MSE_RGB;
}

static bool make_bd_curve(const Curve *curve, MetricId metric, BdCurve *out)
{
    double rate[BD_MAX_POINTS], quality[BD_MAX_POINTS];
    for (int i = 0; i < curve->count; i++) {
        const double value = curve_shown(metric, curve->points[i].values[metric]);
        rate[i] = curve->points[i].bpp;
        quality[i] = metric_table[metric].lower_is_better ? -value : value;
    }
    return bd_curve_init(out, rate, quality, curve->count);
}

bool curve_bd_rate(const Curve *curve, const Curve *anchor, MetricId metric, double lowest_bpp,
                   double highest_bpp, BdRate *result)
{
    BdCurve a, b;
    if (!make_bd_curve(curve, metric, &a) || !make_bd_curve(anchor, metric, &b) ||
        !bd_rate(&a, &b, lowest_bpp, highest_bpp, result))
        return false;
    if (metric_table[metric].lower_is_better) {
        const double from = result->from;
        result->from = -result->to;
        result->to = -from;
    }
    return true;
}

bool curve_set_has_bd_rate(const CurveSet *set, int anchor, MetricId metric, double lowest_bpp,
                           double highest_bpp)
{
    BdRate bd;
    for (int c = 0; c < set->count; c++)
        if (c != anchor && !set->curves[c].published &&
            curve_bd_rate(&set->curves[c], &set->curves[anchor], metric, lowest_bpp, highest_bpp,
                          &bd))
            return true;
    return false;
}
