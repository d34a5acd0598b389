#include "tools/metrics/metrics.h"

#include <math.h>
#include <string.h>

#include "tools/metrics/measures.h"
#include "tools/picture.h"
#include "tools/report.h"

const Metric metric_table[METRIC_COUNT] = {
    [METRIC_MSE_RGB] = {"mse_rgb", "MSE (RGB)", "", 4, true, false},
    [METRIC_PSNR_RGB] = {"psnr_rgb", "PSNR (RGB)", " dB", 4, false, false},
    [METRIC_PSNR_Y] = {"psnr_y", "PSNR (Y)", " dB", 4, false, false},
    [METRIC_PSNR_YUV] = {"psnr_yuv", "PSNR (YCbCr 6:1:1)", " dB", 4, false, false},
    [METRIC_SSIM] = {"ssim", "SSIM", "", 6, false, true},
    [METRIC_MS_SSIM] = {"ms_ssim", "MS-SSIM", "", 6, false, true},
    [METRIC_PSNR_HVS_M] = {"psnr_hvs_m", "PSNR-HVS-M", " dB", 4, false, false},
    [METRIC_CIEDE2000] = {"ciede2000", "CIEDE2000", "", 4, true, false},
    [METRIC_SSIMULACRA2] = {"ssimulacra2", "SSIMULACRA 2", "", 4, false, false},
    [METRIC_BUTTERAUGLI] = {"butteraugli", "Butteraugli", "", 4, true, false},
};

#define BIT(id) (1u << (id))

static const struct {
    uint32_t fills;
    bool deep; /* takes 16 bits */
    MicaStatus (*run)(const MicaImage *reference, const MicaImage *distorted, double *values,
                      MicaError *error);
} measures[] = {
    {BIT(METRIC_MSE_RGB) | BIT(METRIC_PSNR_RGB), true, measure_rgb_error},
    {BIT(METRIC_PSNR_Y) | BIT(METRIC_PSNR_YUV), true, measure_ycbcr_error},
    {BIT(METRIC_SSIM) | BIT(METRIC_MS_SSIM), false, measure_structure},
    {BIT(METRIC_PSNR_HVS_M), false, measure_hvs_m},
    {BIT(METRIC_CIEDE2000), false, measure_ciede2000},
    {BIT(METRIC_SSIMULACRA2), false, measure_ssimulacra2},
    {BIT(METRIC_BUTTERAUGLI), false, measure_butteraugli},
};

static MicaStatus check_sizes(const MicaImage *reference, const MicaImage *distorted,
                              MicaError *error)
{
    if (reference->width == distorted->width && reference->height == distorted->height)
        return MICA_OK;
    return report_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                       "the size %dx%d differs from the %dx%d of the reference", distorted->width,
                       distorted->height, reference->width, reference->height);
}

MicaStatus metrics_compare(const MicaImage *reference, const MicaImage *distorted, uint32_t wanted,
                           Metrics *metrics, MicaError *error)
{
    MicaStatus status = check_sizes(reference, distorted, error);
    MicaImage rounded[2] = {{0}, {0}};
    const bool deep = reference->depth == 16 || distorted->depth == 16;
    if (deep && status == MICA_OK)
        status = picture_rounded(reference, &rounded[0], error);
    if (deep && status == MICA_OK)
        status = picture_rounded(distorted, &rounded[1], error);
    double values[METRIC_COUNT];
    for (int id = 0; id < METRIC_COUNT; id++)
        values[id] = NAN;
    for (size_t i = 0; i < sizeof measures / sizeof measures[0] && status == MICA_OK; i++)
        if (measures[i].fills & wanted)
            status = deep && !measures[i].deep
                         ? measures[i].run(&rounded[0], &rounded[1], values, error)
                         : measures[i].run(reference, distorted, values, error);
    mica_image_free(&rounded[0]);
    mica_image_free(&rounded[1]);
    for (int id = 0; id < METRIC_COUNT; id++)
        metrics->values[id] = wanted & BIT(id) ? values[id] : NAN;
    return status;
}

MicaStatus metrics_parse(const char *list, uint32_t *wanted, MicaError *error)
{
    *wanted = 0;
    for (;;) {
        const size_t length = strcspn(list, ",");
        int id = 0;
        while (id < METRIC_COUNT && (strlen(metric_table[id].name) != length ||
                                     memcmp(metric_table[id].name, list, length) != 0))
            id++;
        const bool all = length == 3 && memcmp(list, "all", 3) == 0;
        if (id == METRIC_COUNT && !all) {
            char names[160] = "all";
            for (int i = 0; i < METRIC_COUNT; i++) {
                strcat(names, ", ");
                strcat(names, metric_table[i].name);
            }
            return report_fail(error, MICA_ERROR_INVALID_ARGUMENT, "'%.*s' is not one of %s",
                               (int)(length < 40 ? length : 40), list, names);
        }
        *wanted |= all ? METRICS_OWN : BIT(id);
        if (!list[length])
            return MICA_OK;
        list += length + 1;
    }
}

/* Black, blue, red, yellow, white in equal steps. */
static void heat_colour(double heat, uint8_t colour[3])
{
    static const double stops[5][3] = {
        {0, 0, 0}, {32, 40, 170}, {215, 40, 60}, {250, 210, 50}, {255, 255, 255}};
    const double position = heat < 1 ? heat * 4 : 4;
    const int stop = position < 3 ? (int)position : 3;
    for (int c = 0; c < 3; c++) {
        const double from = stops[stop][c], to = stops[stop + 1][c];
        colour[c] = (uint8_t)(from + (to - from) * (position - stop) + 0.5);
    }
}

MicaStatus metrics_map(const MicaImage *reference, const MicaImage *distorted, MicaImage *map,
                       MicaError *error)
{
    MicaStatus status = check_sizes(reference, distorted, error);
    if (status != MICA_OK)
        return status;
    status = mica_image_alloc(map, reference->width, reference->height, 3);
    if (status != MICA_OK)
        return report_fail(error, status, "%s", mica_status_string(status));
    LabTables tables;
    lab_tables_init(&tables);
    for (int y = 0; y < map->height; y++) {
        const uint8_t *p = reference->data + y * reference->stride;
        const uint8_t *q = distorted->data + y * distorted->stride;
        uint8_t *to = map->data + y * map->stride;
        for (int x = 0; x < map->width; x++) {
            heat_colour(
                ciede2000_pixels(&tables, p, reference->channels, q, distorted->channels) / 10, to);
            p += reference->channels;
            q += distorted->channels;
            to += 3;
        }
    }
    return MICA_OK;
}
