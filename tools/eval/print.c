#include "tools/eval/print.h"

#include <string.h>

#include "tools/json.h"

static void print_bd_rates(Json *json, const CurveSet *set, MetricId metric, const PageRange *range)
{
    json_object(json, metric_table[metric].name);
    for (int c = 0; c < set->count; c++) {
        json_object(json, set->curves[c].name);
        for (int a = 0; a < set->count; a++) {
            BdRate bd;
            /* What others published about each other is not for this report. */
            if (a == c || (set->curves[a].published && set->curves[c].published))
                continue;
            if (!curve_bd_rate(&set->curves[c], &set->curves[a], metric, range->lowest_bpp,
                               range->highest_bpp, &bd))
                continue;
            json_object(json, set->curves[a].name);
            json_real(json, "percent", bd.percent);
            json_real(json, "from", bd.from);
            json_real(json, "to", bd.to);
            json_object_end(json);
        }
        json_object_end(json);
    }
    json_object_end(json);
}

static void print_curve(Json *json, const Curve *curve, uint32_t wanted)
{
    json_object(json, curve->name);
    json_boolean(json, "published", curve->published);
    json_array(json, "points");
    for (int i = 0; i < curve->count; i++) {
        const CurvePoint *point = &curve->points[i];
        json_object(json, NULL);
        json_real(json, "quality", point->quality);
        json_real(json, "bpp", point->bpp);
        for (int id = 0; id < METRIC_COUNT; id++)
            if (wanted >> id & 1)
                json_real(json, metric_table[id].name, point->values[id]);
        json_real(json, "encode_ms", point->encode_ms);
        json_real(json, "decode_ms", point->decode_ms);
        json_real(json, "encode_cpu_ms", point->encode_cpu_ms);
        json_real(json, "decode_cpu_ms", point->decode_cpu_ms);
        json_real(json, "memory_kb", point->memory_kb);
        json_object_end(json);
    }
    json_array_end(json);
    json_object_end(json);
}

void print_json(FILE *stream, const Eval *eval, const CurveSet *set, const PageRange *range)
{
    Json json = {.stream = stream};
    json_object(&json, NULL);
    json_array(&json, "pictures");
    for (int p = 0; p < eval->picture_count; p++)
        json_text(&json, NULL, eval->pictures[p].path);
    json_array_end(&json);
    json_real(&json, "bpp_from", range->lowest_bpp);
    json_real(&json, "bpp_to", range->highest_bpp);
    json_object(&json, "codecs");
    for (int c = 0; c < set->count; c++)
        print_curve(&json, &set->curves[c], eval->wanted);
    json_object_end(&json);
    json_object(&json, "bd_rate");
    for (int id = 0; id < METRIC_COUNT; id++)
        if (curve_is_compared(eval->wanted, (MetricId)id))
            print_bd_rates(&json, set, (MetricId)id, range);
    json_object_end(&json);
    json_object_end(&json);
}

/* Of a column with the names of the measured codecs, at least `least`. */
static int name_width(const CurveSet *set, int least)
{
    int width = least;
    for (int c = 0; c < set->count; c++) {
        const int length = (int)strlen(set->curves[c].name);
        if (!set->curves[c].published && length > width)
            width = length;
    }
    return width;
}

static void print_points(const Eval *eval, const CurveSet *set)
{
    const int width = name_width(set, 6);
    printf("%-*s %7s %8s", width, "codec", "quality", "bpp");
    for (int id = 0; id < METRIC_COUNT; id++)
        if (eval->wanted >> id & 1)
            printf(" %11s", metric_table[id].name);
    printf(" %9s %9s\n", "encode ms", "decode ms");
    for (int c = 0; c < set->count; c++) {
        const Curve *curve = &set->curves[c];
        for (int i = 0; i < curve->count && !curve->published; i++) {
            const CurvePoint *point = &curve->points[i];
            printf("%-*s %7g %8.4f", width, curve->name, point->quality, point->bpp);
            for (int id = 0; id < METRIC_COUNT; id++)
                if (eval->wanted >> id & 1)
                    printf(" %11.*f", metric_table[id].digits, point->values[id]);
            printf(" %9.1f %9.1f\n", point->encode_ms, point->decode_ms);
        }
    }
}

/* A line of BD-rates against one curve; nothing where there is no range in common. */
static void print_bd_line(const CurveSet *set, int anchor, MetricId metric, const PageRange *range)
{
    const int width = name_width(set, 9);
    if (!curve_set_has_bd_rate(set, anchor, metric, range->lowest_bpp, range->highest_bpp))
        return;
    printf("%-42.42s", set->curves[anchor].name);
    for (int c = 0; c < set->count; c++) {
        BdRate bd;
        if (set->curves[c].published)
            continue;
        char text[32] = "-";
        if (anchor == c)
            text[0] = 0;
        else if (curve_bd_rate(&set->curves[c], &set->curves[anchor], metric, range->lowest_bpp,
                               range->highest_bpp, &bd))
            snprintf(text, sizeof text, "%+.2f", bd.percent);
        printf(" %*s", width, text);
    }
    putchar('\n');
}

void print_text(const Eval *eval, const CurveSet *set, const PageRange *range)
{
    print_points(eval, set);
    for (int id = 0; id < METRIC_COUNT; id++) {
        if (!curve_is_compared(eval->wanted, (MetricId)id) || set->count < 2)
            continue;
        printf("\nBD-rate by %s, %%, of\n%-42s", metric_table[id].name, "against");
        for (int c = 0; c < set->count; c++)
            if (!set->curves[c].published)
                printf(" %*s", name_width(set, 9), set->curves[c].name);
        putchar('\n');
        for (int a = 0; a < set->count; a++)
            print_bd_line(set, a, (MetricId)id, range);
    }
}
