#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/codec_options.h"
#include "tools/commands.h"
#include "tools/eval/eval.h"
#include "tools/eval/page.h"
#include "tools/files.h"
#include "tools/json.h"
#include "tools/options.h"
#include "tools/report.h"

static const char command[] = "eval";

typedef struct EvalJob {
    bool json;
    const char *qualities, *peers, *metrics, *anchors, *folder, *model;
    int effort, threads, jobs;
    PageRange range;
    /* made from them: */
    char self[1024], model_option[1100], effort_option[32];
    char store[1100];
    double quality_list[BD_MAX_POINTS];
    int quality_count;
    Eval eval;
    CurveSet set;
} EvalJob;

static int parse_qualities(EvalJob *job)
{
    const char *p = job->qualities;
    for (char *end; p; p = *end ? end + 1 : NULL) {
        const bool plain = *p && strchr("0123456789.", *p);
        const double value = plain ? strtod(p, &end) : -1;
        if (!plain || (*end && *end != ',') || !(value >= 0 && value <= 100))
            return report_usage(command, "--qualities: '%s' is not a list of numbers in 0..100",
                                job->qualities);
        if (job->quality_count == BD_MAX_POINTS)
            return report_usage(command, "--qualities: more than %d", BD_MAX_POINTS);
        job->quality_list[job->quality_count++] = value;
    }
    return OPTIONS_CONTINUE;
}

/* The path of this program, to run it again. */
static void find_self(EvalJob *job)
{
    const ssize_t length = readlink("/proc/self/exe", job->self, sizeof job->self - 1);
    if (length > 0)
        job->self[length] = 0;
    else
        snprintf(job->self, sizeof job->self, "mica"); /* that in the path, then */
}

static int add_codec(EvalJob *job, const Codec *codec)
{
    CodecSetup *const setup = &job->eval.codecs[job->eval.codec_count];
    for (int c = 0; c < job->eval.codec_count; c++)
        if (job->eval.codecs[c].codec == codec)
            return OPTIONS_CONTINUE;
    setup->model = job->model_option;
    setup->effort = job->effort_option;
    setup->threads = job->threads;
    if (codec_find(setup, codec, job->self))
        job->eval.codec_count++;
    else
        report_note(codec->name, "%s%s%s not found, the codec is left out", codec->encode[0],
                    codec->decode ? " or " : "", codec->decode ? codec->decode[0] : "");
    return OPTIONS_CONTINUE;
}

static bool is_word(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(word, text, length) == 0;
}

static const Codec *find_peer(const char *name, size_t length)
{
    for (int c = 0; c < codec_count; c++)
        if (is_word(name, length, codec_table[c].name) ||
            (is_word(name, length, "jpegxl") && strcmp(codec_table[c].name, "jxl") == 0))
            return &codec_table[c];
    return NULL;
}

static int choose_codecs(EvalJob *job)
{
    job->eval.codecs = calloc((size_t)codec_count, sizeof *job->eval.codecs);
    if (!job->eval.codecs) {
        const MicaError error = {MICA_ERROR_OUT_OF_MEMORY, ""};
        return report_error(command, &error);
    }
    add_codec(job, &codec_table[0]);
    for (const char *p = job->peers; p && *p;) {
        const size_t length = strcspn(p, ",");
        const Codec *const codec = find_peer(p, length);
        if (!codec)
            return report_usage(command,
                                "--peers: '%.*s' is not one of jpeg, webp, jxl, avif, x265",
                                (int)(length < 40 ? length : 40), p);
        add_codec(job, codec);
        p += length + (p[length] == ',');
    }
    return OPTIONS_CONTINUE;
}

/* Check the options, and prepare what follows from them. */
static int prepare(EvalJob *job)
{
    MicaError error = {MICA_OK, ""};
    job->eval.wanted = METRICS_OWN;
    if (job->metrics && metrics_parse(job->metrics, &job->eval.wanted, &error) != MICA_OK)
        return report_usage(command, "--metrics: %s", error.text);
    if (job->range.lowest_bpp >= job->range.highest_bpp)
        return report_usage(command, "--bpp-from must be below --bpp-to");
    int code = parse_qualities(job);
    if (code != OPTIONS_CONTINUE)
        return code;
    if (job->model) {
        MicaModel *model = NULL; /* better to know now than from every single run */
        if ((error.status = model_open(&model, job->model, &error)) != MICA_OK)
            return report_error(job->model, &error);
        mica_model_unref(&model);
        snprintf(job->model_option, sizeof job->model_option, "--model=%s", job->model);
    }
    if (job->effort)
        snprintf(job->effort_option, sizeof job->effort_option, "--effort=%d", job->effort);
    job->eval.jobs = job->jobs;
    find_self(job);
    return choose_codecs(job);
}

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

static void print_json(FILE *stream, const EvalJob *job)
{
    Json json = {.stream = stream};
    json_object(&json, NULL);
    json_array(&json, "pictures");
    for (int p = 0; p < job->eval.picture_count; p++)
        json_text(&json, NULL, job->eval.pictures[p].path);
    json_array_end(&json);
    json_real(&json, "bpp_from", job->range.lowest_bpp);
    json_real(&json, "bpp_to", job->range.highest_bpp);
    json_object(&json, "codecs");
    for (int c = 0; c < job->set.count; c++)
        print_curve(&json, &job->set.curves[c], job->eval.wanted);
    json_object_end(&json);
    json_object(&json, "bd_rate");
    for (int id = 0; id < METRIC_COUNT; id++)
        if (curve_is_compared(job->eval.wanted, (MetricId)id))
            print_bd_rates(&json, &job->set, (MetricId)id, &job->range);
    json_object_end(&json);
    json_object_end(&json);
}

static void print_points(const EvalJob *job)
{
    printf("%-6s %7s %8s", "codec", "quality", "bpp");
    for (int id = 0; id < METRIC_COUNT; id++)
        if (job->eval.wanted >> id & 1)
            printf(" %11s", metric_table[id].name);
    printf(" %9s %9s\n", "encode ms", "decode ms");
    for (int c = 0; c < job->set.count; c++) {
        const Curve *curve = &job->set.curves[c];
        for (int i = 0; i < curve->count && !curve->published; i++) {
            const CurvePoint *point = &curve->points[i];
            printf("%-6s %7g %8.4f", curve->name, point->quality, point->bpp);
            for (int id = 0; id < METRIC_COUNT; id++)
                if (job->eval.wanted >> id & 1)
                    printf(" %11.*f", metric_table[id].digits, point->values[id]);
            printf(" %9.1f %9.1f\n", point->encode_ms, point->decode_ms);
        }
    }
}

/* A line of BD-rates against one curve; nothing where there is no range in common. */
static void print_bd_line(const EvalJob *job, int anchor, MetricId metric)
{
    char line[256] = "";
    size_t length = 0;
    bool any = false;
    for (int c = 0; c < job->set.count; c++) {
        BdRate bd;
        if (job->set.curves[c].published)
            continue;
        char text[32] = "-";
        if (anchor == c) {
            text[0] = 0;
        } else if (curve_bd_rate(&job->set.curves[c], &job->set.curves[anchor], metric,
                                 job->range.lowest_bpp, job->range.highest_bpp, &bd)) {
            snprintf(text, sizeof text, "%+.2f", bd.percent);
            any = true;
        }
        length += (size_t)snprintf(line + length, sizeof line - length, " %9s", text);
    }
    if (any)
        printf("%-42.42s%s\n", job->set.curves[anchor].name, line);
}

static void print_text(const EvalJob *job)
{
    print_points(job);
    for (int id = 0; id < METRIC_COUNT; id++) {
        if (!curve_is_compared(job->eval.wanted, (MetricId)id) || job->set.count < 2)
            continue;
        printf("\nBD-rate by %s, %%, of\n%-42s", metric_table[id].name, "against");
        for (int c = 0; c < job->set.count; c++)
            if (!job->set.curves[c].published)
                printf(" %9s", job->set.curves[c].name);
        putchar('\n');
        for (int a = 0; a < job->set.count; a++)
            print_bd_line(job, a, (MetricId)id);
    }
}

/* One file of the report, which replaces an older one only when it is complete. */
static int write_file(const EvalJob *job, const char *name, bool page)
{
    char path[1100];
    snprintf(path, sizeof path, "%s/%s", job->folder, name);
    OutputFile out;
    MicaError error = {MICA_OK, ""};
    error.status = output_file_open(&out, path, NULL, false, &error);
    if (error.status == MICA_OK && page)
        error.status = page_write(out.stream, &job->eval, &job->set, &job->range, &error);
    else if (error.status == MICA_OK)
        print_json(out.stream, job);
    if (error.status == MICA_OK && ferror(out.stream))
        error.status = report_fail_errno(&error, EIO);
    if (error.status == MICA_OK)
        error.status = output_file_commit(&out, &error);
    output_file_discard(&out);
    return error.status == MICA_OK ? EXIT_DONE : report_error(path, &error);
}

static int run_job(EvalJob *job, const char *const *paths)
{
    MicaError error = {MICA_OK, ""};
    Eval *const eval = &job->eval;
    if (job->anchors &&
        (error.status = curve_set_read_anchors(&job->set, job->anchors, &error)) != MICA_OK)
        return report_error(job->anchors, &error);
    CurveSet published = job->set; /* they come last */
    memset(&job->set, 0, sizeof job->set);
    error.status = eval_find_pictures(eval, paths, &error);
    if (error.status == MICA_OK)
        error.status = eval_make_tasks(eval, job->quality_count ? job->quality_list : NULL,
                                       job->quality_count, &error);
    if (error.status == MICA_OK && job->folder && mkdir(job->folder, 0777) != 0 && errno != EEXIST)
        error.status = report_fail_errno(&error, errno);
    if (error.status == MICA_OK && job->folder) {
        snprintf(job->store, sizeof job->store, "%s/results.txt", job->folder);
        error.status = eval_load(eval, job->store, &error);
    }
    if (error.status == MICA_OK)
        error.status = eval_run(eval, job->folder ? job->store : NULL, &error);
    if (error.status == MICA_OK)
        error.status = eval_average(eval, &job->set, &error);
    for (int c = 0; c < published.count && error.status == MICA_OK; c++) {
        Curve *const curve = curve_set_add(&job->set, "", true);
        if (curve)
            *curve = published.curves[c];
        else
            error.status = report_fail(&error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    curve_set_free(&published);
    if (error.status != MICA_OK)
        return report_error(job->folder ? job->folder : command, &error);

    int code = EXIT_DONE;
    if (job->folder)
        code = write_file(job, "report.json", false);
    if (job->folder && code == EXIT_DONE)
        code = write_file(job, "report.html", true);
    if (job->json)
        print_json(stdout, job);
    else
        print_text(job);
    for (int t = 0; t < eval->task_count; t++)
        if (eval->tasks[t].failed)
            code = EXIT_FAILED;
    return code;
}

int cmd_eval(int argc, char **argv)
{
    EvalJob *const job = calloc(1, sizeof *job);
    const char **const paths = calloc((size_t)argc + 1, sizeof *paths);
    if (!job || !paths) {
        const MicaError error = {MICA_ERROR_OUT_OF_MEMORY, ""};
        free(job);
        free(paths);
        return report_error(command, &error);
    }
    job->jobs = job->threads = 1;
    job->range.lowest_bpp = 0.05;
    job->range.highest_bpp = 1.6;
    const Option options[] = {
        {"output", 'o', OPTION_STRING, &job->folder, 0, 0, "DIR",
         "write report.html and report.json there; a second run resumes"},
        {"peers", 0, OPTION_STRING, &job->peers, 0, 0, "LIST",
         "codecs to compare with: jpeg, webp, jxl, avif, x265"},
        {"qualities", 0, OPTION_STRING, &job->qualities, 0, 0, "LIST",
         "numbers in 0..100, for every codec; default: its own"},
        {"metrics", 0, OPTION_STRING, &job->metrics, 0, 0, "LIST",
         "as in mica compare --metrics; default: all"},
        {"anchors", 0, OPTION_STRING, &job->anchors, 0, 0, "DIR",
         "JSON files of published curves to compare with"},
        {"bpp-from", 0, OPTION_REAL, &job->range.lowest_bpp, 0.001, 100, "B",
         "lowest rate that counts for BD-rates, default 0.05"},
        {"bpp-to", 0, OPTION_REAL, &job->range.highest_bpp, 0.001, 100, "B",
         "highest rate that counts for BD-rates, default 1.6"},
        {"model", 0, OPTION_STRING, &job->model, 0, 0, "S|S-perceptual|FILE", "model of mica"},
        {"effort", 'e', OPTION_INT, &job->effort, 1, 9, "N", "effort of mica"},
        {"threads", 0, OPTION_INT, &job->threads, 1, MAX_THREADS, "N",
         "threads of each codec that has any, default 1"},
        {"jobs", 'j', OPTION_INT, &job->jobs, 1, 256, "N",
         "runs at the same time, default 1; more of them disturb the times"},
        {"json", 0, OPTION_FLAG, &job->json, 0, 0, NULL, "print JSON"},
        OPTION_END};
    const OptionSyntax syntax = {
        .command = command,
        .usage = "[options] PICTURES...",
        .description =
            "Encode and decode pictures, or folders of them, with mica and other codecs, and "
            "compare size,\nquality, time and memory.",
        .options = options,
        .min_arguments = 1,
        .max_arguments = argc};
    int code = options_parse(&syntax, argc, argv, paths);
    if (code == OPTIONS_CONTINUE)
        code = prepare(job);
    if (code == OPTIONS_CONTINUE)
        code = run_job(job, paths);
    eval_free(&job->eval);
    curve_set_free(&job->set);
    free(job);
    free(paths);
    return code;
}
