#include "tools/eval/svg.h"

#include <math.h>

#define WIDTH 980
#define HEIGHT 470
#define LEFT 64
#define RIGHT 310 /* the legend */
#define TOP 36
#define BOTTOM 48
#define LEGEND_FAINT 14 /* more of them have no lines of their own in the legend */

typedef struct Frame {
    double x_min, x_max, y_min, y_max;
    bool x_log;
} Frame;

void xml_text(FILE *out, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            putc((unsigned char)*text < 32 || *text == 127 ? '?' : *text, out);
        }
}

static double place_x(const Frame *f, double x)
{
    const double t = f->x_log ? (log(x) - log(f->x_min)) / (log(f->x_max) - log(f->x_min))
                              : (x - f->x_min) / (f->x_max - f->x_min);
    return LEFT + t * (WIDTH - LEFT - RIGHT);
}

static double place_y(const Frame *f, double y)
{
    return HEIGHT - BOTTOM - (y - f->y_min) / (f->y_max - f->y_min) * (HEIGHT - TOP - BOTTOM);
}

static bool is_shown(const Frame *f, double x, double y)
{
    return isfinite(x) && isfinite(y) && x >= f->x_min && x <= f->x_max && (!f->x_log || x > 0);
}

/* A range that holds all points, a little wider. */
static Frame make_frame(const Chart *chart, const Series *series, int count)
{
    Frame f = {chart->x_min, chart->x_max, INFINITY, -INFINITY, chart->x_log};
    if (f.x_min >= f.x_max) {
        f.x_min = INFINITY;
        f.x_max = -INFINITY;
        for (int s = 0; s < count; s++)
            for (int i = 0; i < series[s].count; i++) {
                const double x = series[s].x[i];
                if (!isfinite(x) || !isfinite(series[s].y[i]) || (f.x_log && x <= 0))
                    continue;
                f.x_min = fmin(f.x_min, f.x_log ? x / 1.3 : x);
                f.x_max = fmax(f.x_max, f.x_log ? x * 1.3 : x);
            }
        if (!(f.x_min < f.x_max)) {
            f.x_min = isfinite(f.x_min) ? f.x_min - 0.5 : 0.5;
            f.x_max = f.x_min + 1;
        }
    }
    /* What is only drawn for comparison does not stretch the chart. */
    for (int faint = 0; faint < 2 && !(f.y_min <= f.y_max); faint++)
        for (int s = 0; s < count; s++)
            for (int i = 0; i < series[s].count; i++)
                if (series[s].faint == (faint == 1) &&
                    is_shown(&f, series[s].x[i], series[s].y[i])) {
                    f.y_min = fmin(f.y_min, series[s].y[i]);
                    f.y_max = fmax(f.y_max, series[s].y[i]);
                }
    if (!(f.y_min <= f.y_max)) {
        f.y_min = 0;
        f.y_max = 1;
    }
    const double margin = f.y_max > f.y_min ? 0.05 * (f.y_max - f.y_min) : 1;
    f.y_min -= margin;
    f.y_max += margin;
    return f;
}

/* 1, 2 or 5 times a power of ten, for about eight ticks. */
static double tick_step(double range)
{
    const double power = pow(10, floor(log10(range / 8)));
    const double rest = range / 8 / power;
    return power * (rest <= 1 ? 1 : rest <= 2 ? 2 : rest <= 5 ? 5 : 10);
}

static void draw_x_tick(FILE *out, const Frame *f, double x)
{
    const double at = place_x(f, x);
    fprintf(out,
            "<path class=\"g\" d=\"M%.1f %dV%d\"/><text x=\"%.1f\" y=\"%d\" "
            "text-anchor=\"middle\">%g</text>\n",
            at, TOP, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 17, x);
}

static void draw_axes(FILE *out, const Chart *chart, const Frame *f)
{
    if (f->x_log) {
        for (double power = pow(10, floor(log10(f->x_min))); power <= f->x_max; power *= 10)
            for (int i = 0; i < 3; i++) {
                const double x = power * (i == 0 ? 1 : i == 1 ? 2 : 5);
                if (x >= f->x_min && x <= f->x_max)
                    draw_x_tick(out, f, x);
            }
    } else {
        const double step = tick_step(f->x_max - f->x_min);
        for (double i = ceil(f->x_min / step); i * step <= f->x_max + step * 1e-9; i++)
            draw_x_tick(out, f, i * step);
    }
    const double step = tick_step(f->y_max - f->y_min);
    for (double i = ceil(f->y_min / step); i * step <= f->y_max; i++) {
        const double at = place_y(f, i * step);
        fprintf(out,
                "<path class=\"g\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" "
                "text-anchor=\"end\">%g</text>\n",
                LEFT, at, WIDTH - RIGHT, LEFT - 6, at + 4, i * step + 0.0); /* no -0 */
    }
    fprintf(out, "<text class=\"t\" x=\"%d\" y=\"22\">", LEFT);
    xml_text(out, chart->title);
    fprintf(out, "</text>\n<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
            (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10);
    xml_text(out, chart->x_label);
    fprintf(out,
            "</text>\n<text transform=\"translate(15 %d) rotate(-90)\" text-anchor=\"middle\">",
            (TOP + HEIGHT - BOTTOM) / 2);
    xml_text(out, chart->y_label);
    fputs("</text>\n", out);
}

/* Hues one after the other as far apart as possible. */
static void put_colour(FILE *out, const Series *series)
{
    fprintf(out, "hsl(%d,%d%%,%d%%)", (215 + series->colour * 137) % 360, series->faint ? 30 : 75,
            series->faint ? 60 : 40);
}

static void draw_line(FILE *out, const Frame *f, const Series *s, const char *attributes)
{
    fprintf(out, "<path fill=\"none\"%s d=\"", attributes);
    bool open = false;
    for (int i = 0; i < s->count; i++) {
        if (!is_shown(f, s->x[i], s->y[i]))
            continue;
        fprintf(out, "%c%.1f %.1f", open ? 'L' : 'M', place_x(f, s->x[i]), place_y(f, s->y[i]));
        open = true;
    }
    fputs("\"/>", out);
}

static void draw_series(FILE *out, const Chart *chart, const Frame *f, const Series *s)
{
    const bool lines = !chart->points_only;
    fputs("<g fill=\"", out);
    put_colour(out, s);
    fputs("\" stroke=\"", out);
    put_colour(out, s);
    fprintf(out, "\" class=\"%s\" stroke-width=\"%s\"%s><title>", s->faint ? "f" : "",
            s->faint ? "1" : "2", s->faint ? " stroke-dasharray=\"5 3\"" : "");
    xml_text(out, s->name);
    fputs("</title>", out);
    if (lines)
        draw_line(out, f, s, "");
    if (lines && s->faint) /* easier to meet with the pointer, which shows the name */
        draw_line(out, f, s, " stroke-width=\"9\" stroke-dasharray=\"none\" stroke-opacity=\"0\"");
    for (int i = 0; i < s->count && !(lines && s->faint); i++)
        if (is_shown(f, s->x[i], s->y[i]))
            fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%d\"/>", place_x(f, s->x[i]),
                    place_y(f, s->y[i]), lines ? 3 : 6);
    fputs("</g>\n", out);
}

static void draw_legend(FILE *out, const Series *series, int count)
{
    const double step = 17;
    int faint = 0, row = 0;
    for (int s = 0; s < count; s++)
        faint += series[s].faint;
    for (int s = 0; s < count; s++) {
        if (series[s].faint && faint > LEGEND_FAINT)
            continue;
        const double y = TOP + 10 + step * row++;
        fprintf(out, "<path d=\"M%d %.1fh22\" stroke-width=\"%s\"%s stroke=\"", WIDTH - RIGHT + 12,
                y - 4, series[s].faint ? "1" : "3",
                series[s].faint ? " stroke-dasharray=\"5 3\"" : "");
        put_colour(out, &series[s]);
        fprintf(out, "\"/><text x=\"%d\" y=\"%.1f\">", WIDTH - RIGHT + 40, y);
        xml_text(out, series[s].name);
        fputs("</text>\n", out);
    }
    if (faint > LEGEND_FAINT)
        fprintf(out,
                "<path d=\"M%d %.1fh22\" stroke-dasharray=\"5 3\" stroke=\"#888\"/>"
                "<text x=\"%d\" y=\"%.1f\">%d published curves</text>\n",
                WIDTH - RIGHT + 12, TOP + 6 + step * row, WIDTH - RIGHT + 40, TOP + 10 + step * row,
                faint);
}

void svg_chart(FILE *out, const Chart *chart, const Series *series, int count)
{
    const Frame f = make_frame(chart, series, count);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\">\n"
            "<style>text{font:12px sans-serif;fill:#333}.t{font-weight:bold;font-size:15px}"
            ".g{stroke:#ddd}.f:hover path{stroke-width:3;stroke-dasharray:none}</style>\n<rect "
            "width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n"
            "<clipPath id=\"c\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/></clipPath>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT, TOP, WIDTH - LEFT - RIGHT,
            HEIGHT - TOP - BOTTOM);
    draw_axes(out, chart, &f);
    fputs("<g clip-path=\"url(#c)\">\n", out);
    for (int faint = 1; faint >= 0; faint--) /* what was measured lies on top */
        for (int s = 0; s < count; s++)
            if (series[s].faint == (faint == 1))
                draw_series(out, chart, &f, &series[s]);
    fputs("</g>\n", out);
    draw_legend(out, series, count);
    fputs("</svg>\n", out);
}
