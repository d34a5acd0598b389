/*
 * The CIEDE2000 colour difference, after G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000
 * color-difference formula: implementation notes, supplementary test data, and mathematical
 * observations", Color Research and Application 30(1), 2005, with all parametric factors 1. Pixels
 * are sRGB; CIELAB is taken relative to D65 without adaptation.
 */
#include <math.h>

#include "tools/metrics/measures.h"

static double degrees(double angle)
{
    return angle * (180 / 3.14159265358979323846);
}

static double radians(double angle)
{
    return angle * (3.14159265358979323846 / 180);
}

/* Hue angle in 0..360 degrees, 0 for gray. */
static double hue_of(double a, double b)
{
    if (a == 0 && b == 0)
        return 0;
    const double angle = degrees(atan2(b, a));
    return angle < 0 ? angle + 360 : angle;
}

double ciede2000(const Lab *p, const Lab *q)
{
    const double pow25_7 = 6103515625.0;
    /* a is stretched for colours near gray. */
    const double mean_chroma = (hypot(p->a, p->b) + hypot(q->a, q->b)) / 2;
    const double chroma7 = pow(mean_chroma, 7);
    const double stretch = 1.5 - 0.5 * sqrt(chroma7 / (chroma7 + pow25_7));
    const double a1 = p->a * stretch, a2 = q->a * stretch;
    const double c1 = hypot(a1, p->b), c2 = hypot(a2, q->b);
    const double h1 = hue_of(a1, p->b), h2 = hue_of(a2, q->b);

    /* Hues are taken the short way round; where one of the colours is gray, the other one's counts.
     */
    double hue_step = 0, mean_hue = h1 + h2;
    if (c1 * c2 != 0) {
        hue_step = h2 - h1;
        mean_hue /= 2;
        if (fabs(hue_step) > 180) {
            hue_step += hue_step > 0 ? -360 : 360;
            mean_hue += mean_hue < 180 ? 180 : -180;
        }
    }
    const double dl = q->l - p->l, dc = c2 - c1;
    const double dh = 2 * sqrt(c1 * c2) * sin(radians(hue_step / 2));

    const double mean_l = (p->l + q->l) / 2, c = (c1 + c2) / 2;
    const double t = 1 - 0.17 * cos(radians(mean_hue - 30)) + 0.24 * cos(radians(2 * mean_hue)) +
                     0.32 * cos(radians(3 * mean_hue + 6)) - 0.20 * cos(radians(4 * mean_hue - 63));
    const double l50 = (mean_l - 50) * (mean_l - 50);
    const double sl = 1 + 0.015 * l50 / sqrt(20 + l50), sc = 1 + 0.045 * c, sh = 1 + 0.015 * c * t;
    /* Blues are rotated. */
    const double from_blue = (mean_hue - 275) / 25;
    const double angle = 30 * exp(-from_blue * from_blue);
    const double c7 = pow(c, 7);
    const double rotation = -2 * sqrt(c7 / (c7 + pow25_7)) * sin(radians(2 * angle));

    const double x = dl / sl, y = dc / sc, z = dh / sh;
    const double square = x * x + y * y + z * z + rotation * y * z;
    return square > 0 ? sqrt(square) : 0;
}

double srgb_to_linear(int sample)
{
    const double v = sample / 255.0;
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

void lab_tables_init(LabTables *tables)
{
    for (int i = 0; i < 256; i++)
        tables->linear[i] = srgb_to_linear(i);
}

static double lab_curve(double t)
{
    return t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116;
}

static Lab lab_of(const LabTables *tables, const uint8_t *p, int channels)
{
    const int step = channels > 1;
    const double r = tables->linear[p[0]], g = tables->linear[p[step]],
                 b = tables->linear[p[2 * step]];
    const double x = 0.4124564 * r + 0.3575761 * g + 0.1804375 * b;
    const double y = 0.2126729 * r + 0.7151522 * g + 0.0721750 * b;
    const double z = 0.0193339 * r + 0.1191920 * g + 0.9503041 * b;
    /* Divided by white, the sums of the rows, so that grays are exactly gray up to rounding. */
    const double fx = lab_curve(x / 0.9504700), fy = lab_curve(y / 1.0000001),
                 fz = lab_curve(z / 1.0888300);
    const Lab lab = {116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)};
    return lab;
}

double ciede2000_pixels(const LabTables *tables, const uint8_t *p, int p_channels, const uint8_t *q,
                        int q_channels)
{
    const int p_step = p_channels > 1, q_step = q_channels > 1;
    if (p[0] == q[0] && p[p_step] == q[q_step] && p[2 * p_step] == q[2 * q_step])
        return 0;
    const Lab first = lab_of(tables, p, p_channels), second = lab_of(tables, q, q_channels);
    return ciede2000(&first, &second);
}

MicaStatus measure_ciede2000(const MicaImage *a, const MicaImage *b, double *values,
                             MicaError *error)
{
    (void)error;
    LabTables tables;
    lab_tables_init(&tables);
    double sum = 0;
    for (int y = 0; y < a->height; y++) {
        const uint8_t *p = a->data + y * a->stride, *q = b->data + y * b->stride;
        double row = 0;
        for (int x = 0; x < a->width; x++, p += a->channels, q += b->channels)
            row += ciede2000_pixels(&tables, p, a->channels, q, b->channels);
        sum += row;
    }
    values[METRIC_CIEDE2000] = sum / ((double)a->width * a->height);
    return MICA_OK;
}
