#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/codec_options.h"
#include "tools/commands.h"
#include "tools/files.h"
#include "tools/input/reader.h"
#include "tools/json.h"
#include "tools/metrics.h"
#include "tools/report.h"

typedef struct CompareJob {
    bool json, depth8;
    CodecOptions codec;
    MicaImage reference, distorted;
} CompareJob;

static int read_image(const CompareJob *job, const char *file, MicaImage *image)
{
    MicaDecodeSettings settings;
    codec_options_decoder(&job->codec, &settings);
    const ReadOptions options = {.file = report_input_name(file),
                                 .depth8 = job->depth8,
                                 .verbose = job->codec.verbose,
                                 .settings = &settings};
    FileBytes bytes;
    MicaError error = {MICA_OK, ""};
    error.status = files_read(&bytes, file, &error);
    if (error.status == MICA_OK) {
        error.status = input_read(bytes.data, bytes.size, &options, image, &error);
        files_free(&bytes);
    }
    return error.status == MICA_OK ? EXIT_DONE : report_error(options.file, &error);
}

static void print_json(const Metrics *metrics, const MicaImage *image)
{
    Json json = {.stream = stdout};
    json_object(&json, NULL);
    json_integer(&json, "width", image->width);
    json_integer(&json, "height", image->height);
    json_real(&json, "mse_rgb", metrics->mse_rgb);
    json_real(&json, "psnr_rgb", metrics->psnr_rgb);
    json_real(&json, "psnr_y", metrics->psnr_y);
    json_real(&json, "ssim", metrics->ssim);
    json_real(&json, "ms_ssim", metrics->ms_ssim);
    json_object_end(&json);
}

static void print_metric(const char *name, int digits, double value, const char *unit)
{
    if (isnan(value))
        printf("%-10s n/a (the picture is too small)\n", name);
    else if (isinf(value))
        printf("%-10s inf\n", name);
    else
        printf("%-10s %.*f%s\n", name, digits, value, unit);
}

static void print_text(const Metrics *metrics, const MicaImage *image)
{
    printf("%-10s %dx%d\n", "size", image->width, image->height);
    print_metric("mse_rgb", 4, metrics->mse_rgb, "");
    print_metric("psnr_rgb", 4, metrics->psnr_rgb, " dB");
    print_metric("psnr_y", 4, metrics->psnr_y, " dB");
    print_metric("ssim", 6, metrics->ssim, "");
    print_metric("ms_ssim", 6, metrics->ms_ssim, "");
}

static int run_job(CompareJob *job, const char *reference, const char *distorted)
{
    int code = read_image(job, reference, &job->reference);
    if (code == EXIT_DONE)
        code = read_image(job, distorted, &job->distorted);
    if (code != EXIT_DONE)
        return code;
    Metrics metrics;
    MicaError error = {MICA_OK, ""};
    error.status = metrics_compare(&job->reference, &job->distorted, &metrics, &error);
    if (error.status != MICA_OK)
        return report_error(report_input_name(distorted), &error);
    if (job->json)
        print_json(&metrics, &job->reference);
    else
        print_text(&metrics, &job->reference);
    return EXIT_DONE;
}

int cmd_compare(int argc, char **argv)
{
    CompareJob job;
    memset(&job, 0, sizeof job);
    const Option options[] = {
        {"json", 0, OPTION_FLAG, &job.json, 0, 0, NULL, "print JSON"},
        {"depth8", 0, OPTION_FLAG, &job.depth8, 0, 0, NULL,
         "round samples of more than 8 bits to 8"},
        OPTION_MODEL(job.codec, "model for mica files; default: the built-in one of the stream"),
        OPTION_THREADS(job.codec),
        OPTION_CPU(job.codec),
        OPTION_VERBOSE(job.codec),
        OPTION_END};
    const OptionSyntax syntax = {
        .command = "compare",
        .usage = "[options] REF DIST",
        .description = "Measure how far two pictures of the same size are apart: PSNR over RGB and "
                       "of luma, SSIM and\nMS-SSIM of luma. Any format that can be read will do, "
                       "mica included.",
        .options = options,
        .min_arguments = 2,
        .max_arguments = 2};
    const char *arguments[2];
    int code = options_parse(&syntax, argc, argv, arguments);
    if (code != OPTIONS_CONTINUE)
        return code;
    if (strcmp(arguments[0], "-") == 0 && strcmp(arguments[1], "-") == 0)
        return report_usage(syntax.command, "only one picture can come from standard input");

    code = codec_options_open(&job.codec, syntax.command);
    if (code == OPTIONS_CONTINUE)
        code = run_job(&job, arguments[0], arguments[1]);
    mica_image_free(&job.reference);
    mica_image_free(&job.distorted);
    codec_options_close(&job.codec);
    return code;
}
