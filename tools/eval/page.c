#include "tools/eval/page.h"

#include <math.h>
#include <stdlib.h>

#include "mica/codec.h"
#include "tools/eval/svg.h"
#include "tools/report.h"

#define MANY_PUBLISHED 8 /* folded up */

static void put_number(FILE *out, double value, int digits)
{
    if (isnan(value))
        fputs("<td>-</td>", out);
    else
        fprintf(out, "<td>%.*f</td>", digits, value);
}

/* Rows: what is compared with, either what was measured too or what was published; columns: the
 * codecs that were measured. */
static void write_bd_table(FILE *out, const CurveSet *set, MetricId metric, bool published,
                           const PageRange *range)
{
    fputs("<table><tr><th>BD-rate, % &rarr;<br>against &darr;</th>", out);
    for (int c = 0; c < set->count; c++)
        if (!set->curves[c].published)
            fprintf(out, "<th>%s</th>", set->curves[c].name);
    fputs("</tr>\n", out);
    for (int a = 0; a < set->count; a++) {
        if (set->curves[a].published != published ||
            !curve_set_has_bd_rate(set, a, metric, range->lowest_bpp, range->highest_bpp))
            continue;
        fprintf(out, "<tr%s><th>", set->curves[a].published ? " class=\"p\"" : "");
        xml_text(out, set->curves[a].name);
        fputs("</th>", out);
        for (int c = 0; c < set->count; c++) {
            BdRate bd;
            if (set->curves[c].published)
                continue;
            if (c == a)
                fputs("<td></td>", out);
            else if (curve_bd_rate(&set->curves[c], &set->curves[a], metric, range->lowest_bpp,
                                   range->highest_bpp, &bd))
                fprintf(out, "<td class=\"%s\" title=\"%.4g..%.4g\">%+.1f</td>",
                        bd.percent < 0 ? "good" : "bad", bd.from, bd.to, bd.percent);
            else
                fputs("<td>-</td>", out);
        }
        fputs("</tr>\n", out);
    }
    fputs("</table>\n", out);
}

static void write_bd_tables(FILE *out, const CurveSet *set, MetricId metric, const PageRange *range)
{
    int published = 0;
    for (int c = 0; c < set->count; c++)
        published += set->curves[c].published &&
                     curve_set_has_bd_rate(set, c, metric, range->lowest_bpp, range->highest_bpp);
    write_bd_table(out, set, metric, false, range);
    if (published == 0)
        return;
    fprintf(out, "<details%s><summary>Against %d published curves</summary>\n",
            published > MANY_PUBLISHED ? "" : " open", published);
    write_bd_table(out, set, metric, true, range);
    fputs("</details>\n", out);
}

/* Memory for the columns of a chart: x and y of every curve, and the series that point to them. */
typedef struct Columns {
    Series *series;
    double *numbers;
} Columns;

static MicaStatus columns_init(Columns *columns, int count, MicaError *error)
{
    columns->series = calloc((size_t)count + 1, sizeof *columns->series);
    columns->numbers = calloc((size_t)count + 1, 2 * BD_MAX_POINTS * sizeof *columns->numbers);
    return columns->series && columns->numbers
               ? MICA_OK
               : report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
}

static void columns_free(Columns *columns)
{
    free(columns->series);
    free(columns->numbers);
}

static void write_rd_chart(FILE *out, const CurveSet *set, MetricId metric, const PageRange *range,
                           Columns *columns)
{
    int used = 0;
    for (int c = 0; c < set->count; c++) {
        const Curve *curve = &set->curves[c];
        double *const x = columns->numbers + (size_t)used * 2 * BD_MAX_POINTS;
        double *const y = x + BD_MAX_POINTS;
        bool any = false;
        for (int i = 0; i < curve->count; i++) {
            x[i] = curve->points[i].bpp;
            y[i] = curve_shown(metric, curve->points[i].values[metric]);
            any |= isfinite(y[i]) != 0;
        }
        const Series series = {curve->name, x, y, curve->count, c, curve->published};
        if (any)
            columns->series[used++] = series;
    }
    char label[64];
    snprintf(label, sizeof label, "%s%s", metric_table[metric].title,
             metric_table[metric].in_decibel ? ", -10 log10(1 - value)"
             : metric_table[metric].unit[0]  ? ", dB"
                                             : "");
    const Chart chart = {.title = metric_table[metric].title,
                         .x_label = "bits per pixel",
                         .y_label = label,
                         .x_max = 1.25 * range->highest_bpp};
    svg_chart(out, &chart, columns->series, used);
}

/* Mean processor time of a codec over its points: what else runs disturbs it least. */
static double mean_time(const Curve *curve, bool decode)
{
    double sum = 0;
    for (int i = 0; i < curve->count; i++)
        sum += decode ? curve->points[i].decode_cpu_ms : curve->points[i].encode_cpu_ms;
    return curve->count ? sum / curve->count : NAN;
}

/* A point for each measured codec: time against BD-rate relative to the first of them. */
static void write_speed_chart(FILE *out, const CurveSet *set, MetricId metric, bool decode,
                              const PageRange *range, Columns *columns)
{
    int used = 0;
    for (int c = 0; c < set->count && !set->curves[c].published; c++) {
        double *const x = columns->numbers + (size_t)used * 2 * BD_MAX_POINTS;
        double *const y = x + BD_MAX_POINTS;
        BdRate bd = {0, 0, 0};
        if (c > 0 && !curve_bd_rate(&set->curves[c], &set->curves[0], metric, range->lowest_bpp,
                                    range->highest_bpp, &bd))
            continue;
        *x = mean_time(&set->curves[c], decode);
        *y = bd.percent;
        const Series series = {set->curves[c].name, x, y, 1, c, false};
        if (isfinite(*x))
            columns->series[used++] = series;
    }
    char title[96], label[96];
    snprintf(title, sizeof title, "%s time against BD-rate by %s", decode ? "Decoding" : "Encoding",
             metric_table[metric].title);
    snprintf(label, sizeof label, "BD-rate against %s, %%", set->curves[0].name);
    const Chart chart = {.title = title,
                         .x_label =
                             "processor time, ms per picture, whole program, mean over the points",
                         .y_label = label,
                         .x_log = true,
                         .points_only = true};
    svg_chart(out, &chart, columns->series, used);
}

static void write_points(FILE *out, const CurveSet *set, uint32_t wanted)
{
    fputs("<table><tr><th>codec</th><th>quality</th><th>bpp</th>", out);
    for (int id = 0; id < METRIC_COUNT; id++)
        if (wanted >> id & 1)
            fprintf(out, "<th>%s</th>", metric_table[id].title);
    fputs("<th>encode, ms</th><th>decode, ms</th><th>encode, "
          "CPU ms</th><th>decode, CPU ms</th><th>peak memory, MiB</th></tr>\n",
          out);
    for (int c = 0; c < set->count; c++) {
        const Curve *curve = &set->curves[c];
        for (int i = 0; i < curve->count && !curve->published; i++) {
            const CurvePoint *point = &curve->points[i];
            fprintf(out, "<tr><th>%s</th><td>%g</td>", curve->name, point->quality);
            put_number(out, point->bpp, 4);
            for (int id = 0; id < METRIC_COUNT; id++)
                if (wanted >> id & 1)
                    put_number(out, point->values[id], metric_table[id].digits > 4 ? 5 : 3);
            put_number(out, point->encode_ms, 1);
            put_number(out, point->decode_ms, 1);
            put_number(out, point->encode_cpu_ms, 1);
            put_number(out, point->decode_cpu_ms, 1);
            put_number(out, point->memory_kb / 1024, 1);
            fputs("</tr>\n", out);
        }
    }
    fputs("</table>\n", out);
}

static void write_head(FILE *out, const Eval *eval, const PageRange *range)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>mica "
          "eval</title>\n"
          "<style>body{font:14px/1.45 sans-serif;max-width:1000px;margin:24px auto;padding:0 12px;"
          "color:#222}table{border-collapse:collapse;margin:12px 0;font-size:13px}"
          "th,td{border:1px solid #ddd;padding:2px 8px;text-align:right}th{background:#f4f4f6}"
          ".good{background:#dff3e2}.bad{background:#fbe9e7}.p th{font-weight:normal;color:#666}"
          ".crops{display:flex;flex-wrap:wrap;gap:10px}figure{margin:0;width:288px}"
          "figure img{image-rendering:pixelated;width:288px;display:block}"
          "figcaption{font-size:12px}svg{max-width:100%;height:auto}</style></head><body>\n"
          "<h1>mica eval</h1>\n",
          out);
    fprintf(
        out,
        "<p>%d picture%s; mica %s. Rates are of whole files, in bits per pixel; metrics are "
        "means over the pictures. Times and memory are of the whole programs, files and start "
        "included. BD-rate is how many per cent more bits a codec needs than another for the "
        "same quality (PCHIP over the logarithm of the rate, %g to %g bpp; the range of quality "
        "shows where the pointer rests): negative is better. Dashed curves (pub:) are published "
        "ones (rest the pointer on one for its name), which only compare if the pictures are the "
        "same; their MS-SSIM is over RGB, the "
        "measured one over luma.</p>\n",
        eval->picture_count, eval->picture_count == 1 ? "" : "s", mica_version(), range->lowest_bpp,
        range->highest_bpp);
}

MicaStatus page_write(FILE *out, const Eval *eval, const CurveSet *set, const PageRange *range,
                      MicaError *error)
{
    Columns columns;
    MicaStatus status = columns_init(&columns, set->count, error);
    write_head(out, eval, range);
    int first = -1;
    for (int id = 0; id < METRIC_COUNT && status == MICA_OK; id++) {
        if (!curve_is_compared(eval->wanted, (MetricId)id))
            continue;
        first = first < 0 ? id : first;
        fprintf(out, "<h2>%s</h2>\n", metric_table[id].title);
        write_rd_chart(out, set, (MetricId)id, range, &columns);
        write_bd_tables(out, set, (MetricId)id, range);
    }
    if (status == MICA_OK && first >= 0) {
        fputs("<h2>Speed</h2>\n", out);
        write_speed_chart(out, set, (MetricId)first, false, range, &columns);
        write_speed_chart(out, set, (MetricId)first, true, range, &columns);
    }
    if (status == MICA_OK) {
        fputs("<h2>Side by side</h2>\n", out);
        status = crops_write(out, eval, error);
        fputs("<h2>Points</h2>\n", out);
        write_points(out, set, eval->wanted);
        fputs("</body></html>\n", out);
    }
    columns_free(&columns);
    return status;
}
