#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/batch.h"
#include "tools/codec_options.h"
#include "tools/commands.h"
#include "tools/contents.h"
#include "tools/decode_options.h"
#include "tools/files.h"
#include "tools/output/writer.h"
#include "tools/picture.h"
#include "tools/report.h"
#include "tools/video/video.h"

typedef struct DecodeJob {
    const char *input_name, *output_name;
    const char *format;
    bool md5;
    WriteOptions write;
    DecodeContents contents;
    CodecOptions codec;
    DecodeOptions decode;
    BatchOptions batch;
    VideoDecodeJob video;
    const Writer *writer;
    FileBytes input;
    MicaImage image;
    OutputFile output;
} DecodeJob;

/* A container as input, or a video as output. */
static bool is_video(const DecodeJob *job)
{
    if (job->batch.output)
        return false;
    return video_is_container(job->input_name) || video_is_format(job->format) ||
           (job->output_name &&
            (video_is_container(job->output_name) || video_is_raw(job->output_name)));
}

static int run_video(DecodeJob *job)
{
    VideoDecodeJob *video = &job->video;
    const char *out = job->md5 && !job->output_name ? "-" : job->output_name;
    if (!out)
        return report_usage("decode", "an argument is missing");
    if (job->decode.region_text || job->decode.scale_text || job->decode.realism)
        return report_usage("decode", "--region, --scale and --realism are for pictures only");
    video->format = job->md5 ? "md5" : job->format;
    const bool known = video->format
                           ? video_is_format(video->format) || strcmp(video->format, "md5") == 0
                           : strcmp(out, "-") == 0 || video_is_raw(out) || video_is_container(out);
    if (!known)
        return report_usage("decode", "a video is written as .y4m, .nut, .mov, .mkv, .avi or md5");
    video->input_name = job->input_name;
    video->output_name = out;
    video->codec = &job->codec;
    return video_decode(video);
}

/* Fill in where the output goes and as what; a usage error if that stays unclear. */
static int choose_writer(DecodeJob *job, const char *command)
{
    if (job->md5) {
        job->writer = &writer_md5;
        if (!job->output_name && !job->batch.output)
            job->output_name = "-";
        return OPTIONS_CONTINUE;
    }
    if (!job->output_name && !job->batch.output)
        return report_usage(command, "an argument is missing");
    if (job->format) {
        job->writer = output_by_name(job->format);
        if (!job->writer)
            return report_usage(command,
                                "--output-format: '%s' is not one of png, jpeg, ppm, pgm, "
                                "pnm, pam and md5",
                                job->format);
    } else if (job->batch.output) {
        job->writer = &writer_png;
    } else if (strcmp(job->output_name, "-") == 0) {
        job->writer = &writer_pnm;
    } else {
        job->writer = output_by_file(job->output_name);
        if (!job->writer)
            return report_usage(command,
                                "the ending of '%s' names no known format, use --output-format",
                                job->output_name);
    }
    return OPTIONS_CONTINUE;
}

static int run_job(DecodeJob *job)
{
    const char *input = report_input_name(job->input_name);
    const char *output = report_output_name(job->output_name);
    MicaError error = {MICA_OK, ""};
    if ((error.status = files_read(&job->input, job->input_name, &error)) != MICA_OK)
        return report_error(input, &error);
    /* A damaged header is the input's fault even where the output cannot be written either. */
    MicaStreamInfo info;
    error.status = mica_stream_info(job->input.data, job->input.size, &info, &error);
    if (error.status != MICA_OK && !job->decode.best_effort)
        return report_error(input, &error);
    /* Before the work: where the result cannot be written, nobody should wait for it. */
    error.status =
        output_file_open(&job->output, job->output_name, &job->input, job->writer->binary, &error);
    if (error.status != MICA_OK)
        return report_error(output, &error);

    MicaDecodeSettings settings;
    MicaTimes times = {0};
    codec_options_decoder(&job->codec, &settings);
    MicaDamage damage = {0};
    decode_options_apply(&job->decode, &settings);
    settings.damage = &damage;
    settings.times = &times;
    settings.depth = contents_depth(&job->contents, job->writer);
    error.status =
        mica_image_decode(job->input.data, job->input.size, &settings, &job->image, &error);
    if (error.status == MICA_ERROR_CANCELLED)
        report_fail(&error, error.status, "not decoded within %g s", job->decode.time_limit);
    if (error.status != MICA_OK)
        return report_error(input, &error);

    error.status =
        contents_before_writing(&job->contents, job->writer, output, &job->image, &error);
    if (error.status == MICA_OK)
        error.status = job->writer->write(&job->output, &job->image, &job->write, &error);
    if (job->output.error) /* the cause; the writer only saw that it could not go on */
        error.status = output_file_commit(&job->output, &error);
    if (error.status == MICA_OK)
        error.status = output_file_commit(&job->output, &error);
    if (error.status != MICA_OK)
        return report_error(output, &error);

    char kind[32];
    if (job->codec.verbose)
        report_note(output,
                    "%dx%d %s, %.1f ms (hyper %.1f, context %.1f, entropy %.1f, synthesis "
                    "%.1f)",
                    job->image.width, job->image.height,
                    picture_kind(job->image.channels, job->image.depth, kind, sizeof kind),
                    times.total, times.hyper, times.context, times.entropy, times.synthesis);
    if (damage.found) {
        report_note(input, "damaged: %.3g %% of the picture (%d of %d segments) is lost or blurred",
                    100 * damage.damaged_area, damage.damaged_segments, damage.segments);
        return EXIT_DAMAGED;
    }
    return EXIT_DONE;
}

static void close_job(DecodeJob *job)
{
    output_file_discard(&job->output);
    mica_image_free(&job->image);
    files_free(&job->input);
}

/* One file of a batch. */
static int run_item(void *context, const char *input, const char *output, int *width, int *height)
{
    DecodeJob job = *(const DecodeJob *)context;
    job.input_name = input;
    job.output_name = output;
    const int code = run_job(&job);
    *width = job.image.width;
    *height = job.image.height;
    close_job(&job);
    return code;
}

/* Files appear under their names when they are complete, so one that is there is whole. */
static bool is_whole(const char *output)
{
    struct stat info;
    return stat(output, &info) == 0 && info.st_size > 0;
}

static int run_batch(DecodeJob *job, const char *const *paths)
{
    static const char *const endings[] = {"mica", NULL};
    const BatchWork work = {.command = "decode",
                            .endings = endings,
                            .output_ending = job->writer->extensions[0],
                            .run = run_item,
                            .is_whole = is_whole,
                            .context = job,
                            .verbose = job->codec.verbose};
    if (job->codec.threads == 0 && job->batch.jobs != 1)
        job->codec.threads = 1; /* the processes use the processors */
    return batch_run(&job->batch, &work, paths);
}

int cmd_decode(int argc, char **argv)
{
    DecodeJob job;
    memset(&job, 0, sizeof job);
    job.write.jpeg_quality = 95;
    const Option options[] = {
        {"output-format", 'f', OPTION_STRING, &job.format, 0, 0, "FMT",
         "png, jpeg, ppm, pgm, pnm, pam or md5; default: by the ending"},
        {"md5", 0, OPTION_FLAG, &job.md5, 0, 0, NULL,
         "write the MD5 of the samples instead; OUT may be left out"},
        {"jpeg-quality", 0, OPTION_INT, &job.write.jpeg_quality, 1, 100, "Q",
         "quality of JPEG output, default 95"},
        OPTIONS_DECODE(job.decode),
        OPTIONS_CONTENTS_DECODE(job.contents),
        OPTIONS_VIDEO_DECODE(job.video),
        OPTION_MODEL(job.codec, "model to use; default: the built-in one of the stream"),
        OPTION_THREADS(job.codec),
        OPTION_CPU(job.codec),
        OPTION_VERBOSE(job.codec),
        OPTIONS_BATCH(job.batch),
        OPTION_END};
    const OptionSyntax syntax = {
        .command = "decode",
        .usage = "[options] IN.mica OUT | -o DIR IN...",
        .description = "Decode a picture and write it in the format that the ending of OUT names: "
                       ".png, .jpg, .jpeg,\n.ppm, .pgm, .pnm, .pam or .md5. '-' is standard input "
                       "or output, which gets PNM. With -o many:\nfiles, and folders with "
                       "all that is in them; PNG unless -f says otherwise.\nA video (.nut, .mov, "
                       ".mkv, .avi) becomes .y4m, or FFV1 in a container.",
        .options = options,
        .min_arguments = 0,
        .max_arguments = argc};
    const char **const arguments = calloc((size_t)argc + 1, sizeof *arguments);
    if (!arguments)
        return report_error(NULL, &(MicaError){MICA_ERROR_OUT_OF_MEMORY, "out of memory"});
    int code = options_parse(&syntax, argc, argv, arguments);
    if (code == OPTIONS_CONTINUE && job.contents.depth % 8 != 0)
        code = report_usage(syntax.command, "--depth: %d is not 8 or 16", job.contents.depth);
    if (code == OPTIONS_CONTINUE)
        code = batch_check(&job.batch, syntax.command, arguments, 1, 2);
    if (code != OPTIONS_CONTINUE) {
        free(arguments);
        return code;
    }
    job.input_name = arguments[0];
    job.output_name = job.batch.output ? NULL : arguments[1];

    const bool video = is_video(&job);
    code = video ? OPTIONS_CONTINUE : choose_writer(&job, syntax.command);
    if (code == OPTIONS_CONTINUE)
        code = decode_options_check(&job.decode, syntax.command);
    if (code == OPTIONS_CONTINUE)
        code = codec_options_open(&job.codec, syntax.command);
    if (code == OPTIONS_CONTINUE)
        code = job.batch.output ? run_batch(&job, arguments)
               : video          ? run_video(&job)
                                : run_job(&job);
    close_job(&job);
    codec_options_close(&job.codec);
    free(arguments);
    return code;
}
