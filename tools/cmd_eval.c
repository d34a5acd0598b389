#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/codec_options.h"
#include "tools/commands.h"
#include "tools/eval/eval.h"
#include "tools/eval/page.h"
#include "tools/eval/print.h"
#include "tools/files.h"
#include "tools/options.h"
#include "tools/report.h"

static const char command[] = "eval";

typedef struct EvalJob {
    bool json;
    const char *qualities, *peers, *metrics, *anchors, *folder, *models;
    int effort, realism, threads, jobs;
    PageRange range;
    /* made from them: */
    char self[1024], effort_option[32], realism_option[32];
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

static bool has_codec(const EvalJob *job, const char *name)
{
    for (int c = 0; c < job->eval.codec_count; c++)
        if (strcmp(job->eval.codecs[c].name, name) == 0)
            return true;
    return false;
}

/* `model` is the option of mica that chooses it, or "". */
static void add_codec(EvalJob *job, const Codec *codec, const char *name, const char *model)
{
    if (has_codec(job, name))
        return;
    CodecSetup *const setup = &job->eval.codecs[job->eval.codec_count];
    snprintf(setup->name, sizeof setup->name, "%s", name);
    snprintf(setup->model, sizeof setup->model, "%s", model);
    setup->effort = job->effort_option;
    setup->realism = job->realism_option;
    setup->threads = job->threads;
    if (codec_find(setup, codec, job->self))
        job->eval.codec_count++;
    else
        report_note(codec->name, "%s%s%s not found, the codec is left out", codec->encode[0],
                    codec->decode ? " or " : "", codec->decode ? codec->decode[0] : "");
}

/* One model of --model. The name of its curve says which it is where there are several. */
static int add_model(EvalJob *job, const char *model, bool only)
{
    MicaError error = {MICA_OK, ""};
    MicaModel *opened = NULL; /* better to know now than from every single run */
    if ((error.status = model_open(&opened, model, &error)) != MICA_OK)
        return report_error(model, &error);
    mica_model_unref(&opened);
    char option[1100], name[CODEC_NAME_SIZE] = "mica";
    snprintf(option, sizeof option, "--model=%s", model);
    if (!only) {
        const char *slash = strrchr(model, '/'), *base = slash ? slash + 1 : model;
        snprintf(name, sizeof name, "mica:%.*s", (int)strcspn(base, "."), base);
    }
    if (has_codec(job, name))
        return report_usage(command, "--model: two models are called '%s'", name + 5);
    add_codec(job, &codec_table[0], name, option);
    return OPTIONS_CONTINUE;
}

static int add_models(EvalJob *job)
{
    if (!job->models) {
        add_codec(job, &codec_table[0], "mica", "");
        return OPTIONS_CONTINUE;
    }
    const bool only = !strchr(job->models, ',');
    int code = OPTIONS_CONTINUE;
    for (const char *p = job->models; p && code == OPTIONS_CONTINUE;) {
        char model[1024];
        const char *const comma = strchr(p, ',');
        snprintf(model, sizeof model, "%.*s", comma ? (int)(comma - p) : (int)strlen(p), p);
        code = add_model(job, model, only);
        p = comma ? comma + 1 : NULL;
    }
    return code;
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
    size_t models = 1;
    for (const char *p = job->models; p && *p; p++)
        models += *p == ',';
    job->eval.codecs = calloc((size_t)codec_count + models, sizeof *job->eval.codecs);
    if (!job->eval.codecs) {
        const MicaError error = {MICA_ERROR_OUT_OF_MEMORY, ""};
        return report_error(command, &error);
    }
    const int code = add_models(job);
    if (code != OPTIONS_CONTINUE)
        return code;
    for (const char *p = job->peers; p && *p;) {
        const size_t length = strcspn(p, ",");
        const Codec *const codec = find_peer(p, length);
        if (!codec)
            return report_usage(command,
                                "--peers: '%.*s' is not one of jpeg, webp, jxl, avif, x265",
                                (int)(length < 40 ? length : 40), p);
        add_codec(job, codec, codec->name, "");
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
    if (job->effort)
        snprintf(job->effort_option, sizeof job->effort_option, "--effort=%d", job->effort);
    if (job->realism)
        snprintf(job->realism_option, sizeof job->realism_option, "--realism=%d", job->realism);
    job->eval.jobs = job->jobs;
    find_self(job);
    return choose_codecs(job);
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
        print_json(out.stream, &job->eval, &job->set, &job->range);
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
        print_json(stdout, &job->eval, &job->set, &job->range);
    else
        print_text(&job->eval, &job->set, &job->range);
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
        {"model", 0, OPTION_STRING, &job->models, 0, 0, "LIST",
         "models of mica: S, S-perceptual or files; a curve for each"},
        {"effort", 'e', OPTION_INT, &job->effort, 1, 9, "N", "effort of mica"},
        {"realism", 0, OPTION_INT, &job->realism, 0, 100, "N", "realism of mica's decoder"},
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
