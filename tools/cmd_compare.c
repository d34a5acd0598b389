#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/codec_options.h"
#include "tools/commands.h"
#include "tools/files.h"
#include "tools/input/reader.h"
#include "tools/json.h"
#include "tools/metrics/metrics.h"
#include "tools/output/writer.h"
#include "tools/picture.h"
#include "tools/report.h"

typedef struct CompareJob {
    bool json, depth8;
    const char *metric_list, *map_name;
    uint32_t wanted;
    CodecOptions codec;
    MicaImage reference, distorted;
    bool has_alpha;
    double alpha_psnr;
    FileBytes files[2]; /* where they came from; the bytes are freed */
} CompareJob;

static int read_image(const CompareJob *job, const char *file, FileBytes *bytes, MicaImage *image)
{
    MicaDecodeSettings settings;
    codec_options_decoder(&job->codec, &settings);
    const ReadOptions options = {.file = report_input_name(file),
                                 .depth8 = job->depth8,
                                 .everything = true,
                                 .verbose = job->codec.verbose,
                                 .settings = &settings};
    MicaError error = {MICA_OK, ""};
    error.status = files_read(bytes, file, &error);
    if (error.status == MICA_OK) {
        error.status = input_read(bytes->data, bytes->size, &options, image, &error);
        files_free(bytes);
    }
    return error.status == MICA_OK ? EXIT_DONE : report_error(options.file, &error);
}

static void print_json(const CompareJob *job, const Metrics *metrics)
{
    Json json = {.stream = stdout};
    json_object(&json, NULL);
    json_integer(&json, "width", job->reference.width);
    json_integer(&json, "height", job->reference.height);
    for (int id = 0; id < METRIC_COUNT; id++)
        if (job->wanted >> id & 1)
            json_real(&json, metric_table[id].name, metrics->values[id]);
    if (job->has_alpha)
        json_real(&json, "psnr_alpha", job->alpha_psnr);
    json_object_end(&json);
}

static void print_text(const CompareJob *job, const Metrics *metrics)
{
    printf("%-12s %dx%d\n", "size", job->reference.width, job->reference.height);
    for (int id = 0; id < METRIC_COUNT; id++) {
        if (!(job->wanted >> id & 1))
            continue;
        const Metric *metric = &metric_table[id];
        const double value = metrics->values[id];
        if (isnan(value))
            printf("%-12s n/a (the picture is too small)\n", metric->name);
        else if (isinf(value))
            printf("%-12s inf\n", metric->name);
        else
            printf("%-12s %.*f%s\n", metric->name, metric->digits, value, metric->unit);
    }
    if (job->has_alpha && isinf(job->alpha_psnr))
        printf("%-12s inf\n", "psnr_alpha");
    else if (job->has_alpha)
        printf("%-12s %.4f dB\n", "psnr_alpha", job->alpha_psnr);
}

/* Alpha is measured by itself, and the colours without it, transparent or not. */
static MicaStatus measure_alpha(CompareJob *job, MicaError *error)
{
    MicaImage *a = &job->reference, *b = &job->distorted;
    job->has_alpha = picture_has_alpha(a) || picture_has_alpha(b);
    if (a->width != b->width || a->height != b->height)
        return MICA_OK; /* reported when the colours are compared */
    if (job->has_alpha)
        job->alpha_psnr = metrics_alpha_psnr(a, b);
    const MicaStatus status = picture_drop_alpha(a, error);
    return status == MICA_OK ? picture_drop_alpha(b, error) : status;
}

static int write_map(CompareJob *job)
{
    const char *name = report_output_name(job->map_name);
    const Writer *writer = output_by_file(job->map_name);
    const WriteOptions options = {.jpeg_quality = 95};
    OutputFile out;
    MicaImage map = {0};
    MicaError error = {MICA_OK, ""};
    error.status = output_file_open(&out, job->map_name, NULL, true, &error);
    if (error.status != MICA_OK)
        return report_error(name, &error);
    error.status = picture_round(&job->reference, &error);
    if (error.status == MICA_OK)
        error.status = picture_round(&job->distorted, &error);
    if (error.status == MICA_OK)
        error.status = metrics_map(&job->reference, &job->distorted, &map, &error);
    if (error.status == MICA_OK)
        error.status = writer->write(&out, &map, &options, &error);
    if (error.status == MICA_OK || out.error)
        error.status = output_file_commit(&out, &error);
    output_file_discard(&out);
    mica_image_free(&map);
    return error.status == MICA_OK ? EXIT_DONE : report_error(name, &error);
}

static int run_job(CompareJob *job, const char *reference, const char *distorted)
{
    int code = read_image(job, reference, &job->files[0], &job->reference);
    if (code == EXIT_DONE)
        code = read_image(job, distorted, &job->files[1], &job->distorted);
    if (code != EXIT_DONE)
        return code;
    Metrics metrics;
    MicaError error = {MICA_OK, ""};
    for (int i = 0; i < 2 && job->map_name; i++)
        if (files_is_input(job->map_name, &job->files[i])) {
            report_fail(&error, MICA_ERROR_INVALID_ARGUMENT, "is an input file as well");
            return report_error(report_output_name(job->map_name), &error);
        }
    error.status = measure_alpha(job, &error);
    if (error.status == MICA_OK)
        error.status =
            metrics_compare(&job->reference, &job->distorted, job->wanted, &metrics, &error);
    if (error.status != MICA_OK)
        return report_error(report_input_name(distorted), &error);
    if (job->map_name && (code = write_map(job)) != EXIT_DONE)
        return code;
    if (job->json)
        print_json(job, &metrics);
    else
        print_text(job, &metrics);
    return EXIT_DONE;
}

int cmd_compare(int argc, char **argv)
{
    CompareJob job;
    memset(&job, 0, sizeof job);
    const Option options[] = {
        {"json", 0, OPTION_FLAG, &job.json, 0, 0, NULL, "print JSON"},
        {"metrics", 0, OPTION_STRING, &job.metric_list, 0, 0, "LIST",
         "only these, for example psnr_rgb,ssimulacra2; 'all' and the default are all but "
         "butteraugli"},
        {"map", 0, OPTION_STRING, &job.map_name, 0, 0, "OUT.png",
         "draw where the difference is (CIEDE2000, black 0, white 10)"},
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
        .description = "Measure how far two pictures of the same size are apart: PSNR over RGB, of "
                       "luma and of YCbCr,\nSSIM and MS-SSIM of luma, PSNR-HVS-M, CIEDE2000, "
                       "SSIMULACRA 2, and Butteraugli by its own program. Any format that can "
                       "be\nread will do, mica included.",
        .options = options,
        .min_arguments = 2,
        .max_arguments = 2};
    const char *arguments[2];
    int code = options_parse(&syntax, argc, argv, arguments);
    if (code != OPTIONS_CONTINUE)
        return code;
    if (strcmp(arguments[0], "-") == 0 && strcmp(arguments[1], "-") == 0)
        return report_usage(syntax.command, "only one picture can come from standard input");

    job.wanted = METRICS_OWN;
    MicaError error = {MICA_OK, ""};
    if (job.metric_list && metrics_parse(job.metric_list, &job.wanted, &error) != MICA_OK)
        return report_usage(syntax.command, "--metrics: %s", error.text);
    if (job.map_name && !output_by_file(job.map_name))
        return report_usage(syntax.command, "--map: the ending of '%s' names no known format",
                            job.map_name);

    code = codec_options_open(&job.codec, syntax.command);
    if (code == OPTIONS_CONTINUE)
        code = run_job(&job, arguments[0], arguments[1]);
    mica_image_free(&job.reference);
    mica_image_free(&job.distorted);
    codec_options_close(&job.codec);
    return code;
}
