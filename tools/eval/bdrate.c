#include "tools/eval/bdrate.h"

#include <math.h>

static bool same_sign(double a, double b)
{
    return (a > 0 && b > 0) || (a < 0 && b < 0);
}

/* The slope at an end, from the two steps next to it, bent back where it would overshoot. */
static double end_slope(double h0, double h1, double d0, double d1)
{
    const double slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1);
    if (!same_sign(slope, d0))
        return 0;
    if (!same_sign(d0, d1) && fabs(slope) > 3 * fabs(d0))
        return 3 * d0;
    return slope;
}

static void set_slopes(BdCurve *c)
{
    const int last = c->count - 1;
    double h[BD_MAX_POINTS], d[BD_MAX_POINTS];
    for (int i = 0; i < last; i++) {
        h[i] = c->quality[i + 1] - c->quality[i];
        d[i] = (c->log_rate[i + 1] - c->log_rate[i]) / h[i];
    }
    if (last == 1) {
        c->slope[0] = c->slope[1] = d[0];
        return;
    }
    for (int i = 1; i < last; i++) {
        const double w1 = 2 * h[i] + h[i - 1], w2 = h[i] + 2 * h[i - 1];
        c->slope[i] = same_sign(d[i - 1], d[i]) ? (w1 + w2) / (w1 / d[i - 1] + w2 / d[i]) : 0;
    }
    c->slope[0] = end_slope(h[0], h[1], d[0], d[1]);
    c->slope[last] = end_slope(h[last - 1], h[last - 2], d[last - 1], d[last - 2]);
}

bool bd_curve_init(BdCurve *curve, const double *rate, const double *quality, int count)
{
    curve->count = 0;
    for (int i = 0; i < count && curve->count < BD_MAX_POINTS; i++) {
        const int n = curve->count;
        if (!isfinite(quality[i]) || !(rate[i] > 0) || !isfinite(rate[i]) ||
            (n > 0 && quality[i] <= curve->quality[n - 1]))
            continue;
        curve->quality[n] = quality[i];
        curve->log_rate[n] = log(rate[i]);
        curve->count++;
    }
    if (curve->count < 2)
        return false;
    set_slopes(curve);
    return true;
}

/* The coefficients of t^0..t^3 between points i and i + 1, t in 0..1. */
static void segment(const BdCurve *c, int i, double k[4])
{
    const double h = c->quality[i + 1] - c->quality[i];
    const double rise = c->log_rate[i + 1] - c->log_rate[i];
    const double s0 = h * c->slope[i], s1 = h * c->slope[i + 1];
    k[0] = c->log_rate[i];
    k[1] = s0;
    k[2] = 3 * rise - 2 * s0 - s1;
    k[3] = s0 + s1 - 2 * rise;
}

static double integral(const BdCurve *c, double from, double to)
{
    double sum = 0;
    for (int i = 0; i + 1 < c->count; i++) {
        const double start = c->quality[i], h = c->quality[i + 1] - start;
        const double t0 = fmax((from - start) / h, 0), t1 = fmin((to - start) / h, 1);
        if (t0 >= t1)
            continue;
        double k[4];
        segment(c, i, k);
        for (int p = 0; p < 4; p++)
            sum += h * k[p] / (p + 1) * (pow(t1, p + 1) - pow(t0, p + 1));
    }
    return sum;
}

static double log_rate_at(const BdCurve *c, double quality)
{
    int i = 0;
    while (i + 2 < c->count && quality > c->quality[i + 1])
        i++;
    double k[4];
    segment(c, i, k);
    const double t = (quality - c->quality[i]) / (c->quality[i + 1] - c->quality[i]);
    return k[0] + t * (k[1] + t * (k[2] + t * k[3]));
}

/* The quality at a rate, or the end of the curve that is next to it. */
static double quality_at(const BdCurve *c, double rate)
{
    double low = c->quality[0], high = c->quality[c->count - 1];
    const double goal = log(rate);
    if (goal <= c->log_rate[0])
        return low;
    if (goal >= c->log_rate[c->count - 1])
        return high;
    for (int i = 0; i < 60; i++) {
        const double middle = (low + high) / 2;
        if (log_rate_at(c, middle) < goal)
            low = middle;
        else
            high = middle;
    }
    return low;
}

bool bd_rate(const BdCurve *curve, const BdCurve *anchor, double lowest_rate, double highest_rate,
             BdRate *result)
{
    result->from = fmax(quality_at(curve, lowest_rate), quality_at(anchor, lowest_rate));
    result->to = fmin(quality_at(curve, highest_rate), quality_at(anchor, highest_rate));
    if (!(result->from < result->to))
        return false;
    const double difference =
        integral(curve, result->from, result->to) - integral(anchor, result->from, result->to);
    result->percent = 100 * expm1(difference / (result->to - result->from));
    return true;
}
