#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/eval/curves.h"
#include "tools/files.h"
#include "tools/json_read.h"
#include "tools/report.h"

static const JsonValue *get_any(const JsonValue *results, const char *const *keys)
{
    const JsonValue *found = NULL;
    for (; *keys && !found; keys++)
        found = json_get(results, *keys);
    return found && found->type == JSON_ARRAY ? found : NULL;
}

/* The next number of an array; NaN past its end. */
static double next_number(const JsonValue **item)
{
    const JsonValue *const value = *item;
    if (!value)
        return NAN;
    *item = value->next;
    return value->type == JSON_NUMBER ? value->number : NAN;
}

static MicaStatus add_curve(CurveSet *set, const char *name, const JsonValue *results,
                            MicaError *error)
{
    static const char *const psnr_keys[] = {"psnr-rgb", "psnr", NULL};
    static const char *const ssim_keys[] = {"ms-ssim-rgb", "ms-ssim", NULL};
    static const char *const decibel_keys[] = {"ms-ssim-db-rgb", "ms-ssim-db", NULL};
    const JsonValue *bpp = get_any(results, (const char *const[]){"bpp", NULL});
    const JsonValue *psnr = get_any(results, psnr_keys), *ssim = get_any(results, ssim_keys);
    const JsonValue *decibel = get_any(results, decibel_keys);
    if (!bpp || (!psnr && !ssim && !decibel))
        return report_fail(error, MICA_ERROR_BITSTREAM, "has no results.bpp with psnr or ms-ssim");
    Curve *const curve = curve_set_add(set, name, true);
    if (!curve)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    const JsonValue *rate = bpp->child, *p = psnr ? psnr->child : NULL,
                    *s = ssim ? ssim->child : NULL, *d = decibel ? decibel->child : NULL;
    while (rate && curve->count < BD_MAX_POINTS) {
        CurvePoint *const point = &curve->points[curve->count++];
        for (int id = 0; id < METRIC_COUNT; id++)
            point->values[id] = NAN;
        point->quality = point->encode_ms = point->decode_ms = NAN;
        point->encode_cpu_ms = point->decode_cpu_ms = point->memory_kb = NAN;
        point->bpp = next_number(&rate);
        point->values[METRIC_PSNR_RGB] = next_number(&p);
        point->values[METRIC_MS_SSIM] = next_number(&s);
        const double db = next_number(&d);
        if (isnan(point->values[METRIC_MS_SSIM]) && !isnan(db))
            point->values[METRIC_MS_SSIM] = 1 - pow(10, -db / 10);
    }
    curve_sort(curve);
    return MICA_OK;
}

static MicaStatus read_anchor(CurveSet *set, const char *path, MicaError *error)
{
    FileBytes bytes;
    MicaStatus status = files_read(&bytes, path, error);
    if (status != MICA_OK)
        return status;
    JsonValue *const root = json_parse(bytes.data, bytes.size, error);
    files_free(&bytes);
    if (!root)
        return MICA_ERROR_BITSTREAM;
    char name[64];
    const char *slash = strrchr(path, '/');
    /* Told apart from what is measured, which may be the same codec. */
    snprintf(name, sizeof name, "pub:%.*s", (int)(strlen(slash + 1) - strlen(".json")), slash + 1);
    status = add_curve(set, name, json_get(root, "results"), error);
    json_free(root);
    return status;
}

static int is_json(const struct dirent *entry)
{
    const size_t length = strlen(entry->d_name);
    return length > 5 && strcmp(entry->d_name + length - 5, ".json") == 0;
}

MicaStatus curve_set_read_anchors(CurveSet *set, const char *folder, MicaError *error)
{
    struct dirent **entries;
    const int count = scandir(folder, &entries, is_json, alphasort);
    if (count < 0)
        return report_fail_errno(error, errno);
    MicaStatus status =
        count ? MICA_OK : report_fail(error, MICA_ERROR_IO, "the folder has no .json files");
    for (int i = 0; i < count; i++) {
        const size_t size = strlen(folder) + strlen(entries[i]->d_name) + 2;
        char *const path = status == MICA_OK ? malloc(size) : NULL;
        if (path) {
            snprintf(path, size, "%s/%s", folder, entries[i]->d_name);
            MicaError reason = {MICA_OK, ""};
            status = read_anchor(set, path, &reason);
            if (status != MICA_OK)
                report_fail(error, status, "%.60s: %.150s", entries[i]->d_name, reason.text);
        } else if (status == MICA_OK) {
            status = report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
        }
        free(path);
        free(entries[i]);
    }
    free(entries);
    return status;
}
