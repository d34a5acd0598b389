#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tools/batch.h"
#include "tools/codec_options.h"
#include "tools/commands.h"
#include "tools/contents.h"
#include "tools/files.h"
#include "tools/input/reader.h"
#include "tools/picture.h"
#include "tools/report.h"
#include "tools/video/video.h"

typedef struct EncodeJob {
    const char *input_name, *output_name;
    double quality;
    int effort, segment;
    bool progressive;
    double target_bpp, target_psnr;
    int target_size;
    bool depth8;
    EncodeContents contents;
    CodecOptions codec;
    BatchOptions batch;
    VideoEncodeJob video;
    FileBytes input;
    MicaImage image;
    MicaBuffer stream;
    OutputFile output;
} EncodeJob;

static MicaStatus read_image(EncodeJob *job, MicaError *error)
{
    MicaStatus status = files_read(&job->input, job->input_name, error);
    if (status != MICA_OK)
        return status;
    const ReadOptions options = {.file = report_input_name(job->input_name),
                                 .depth8 = job->depth8,
                                 .everything = true,
                                 .strip = job->contents.strip,
                                 .verbose = job->codec.verbose};
    const Reader *reader = input_probe(job->input.data, job->input.size, error);
    if (!reader)
        return MICA_ERROR_BITSTREAM;
    if (reader == &reader_mica)
        return report_fail(error, MICA_ERROR_INVALID_ARGUMENT, "is a mica file already");
    status = input_read(job->input.data, job->input.size, &options, &job->image, error);
    files_free(&job->input);
    return status == MICA_OK ? contents_before_encoding(&job->contents, &job->image, error)
                             : status;
}

static MicaStatus encode_image(EncodeJob *job, MicaTimes *times, MicaError *error)
{
    MicaEncodeSettings settings;
    mica_encode_defaults(&settings, sizeof settings);
    settings.model = job->codec.model;
    settings.quality = job->quality;
    settings.effort = job->effort;
    settings.segment = job->segment;
    settings.progressive = job->progressive;
    settings.alpha_quality = job->contents.alpha_quality;
    settings.target_bpp = job->target_bpp;
    settings.target_psnr = job->target_psnr;
    settings.target_size = (size_t)job->target_size;
    settings.threads = job->codec.threads;
    if (job->codec.cpu)
        settings.cpu_mask = job->codec.cpu_mask;
    settings.times = times;
    return mica_image_encode(&job->image, &settings, &job->stream, error);
}

static int run_job(EncodeJob *job)
{
    const char *input = report_input_name(job->input_name);
    const char *output = report_output_name(job->output_name);
    MicaError error = {MICA_OK, ""};
    if ((error.status = read_image(job, &error)) != MICA_OK)
        return report_error(input, &error);

    /* Before the work: where the result cannot be written, nobody should wait for it. */
    error.status = output_file_open(&job->output, job->output_name, &job->input, true, &error);
    if (error.status != MICA_OK)
        return report_error(output, &error);
    MicaTimes times = {0};
    if ((error.status = encode_image(job, &times, &error)) != MICA_OK)
        return report_error(input, &error);
    output_file_write(&job->output, job->stream.data, job->stream.size);
    if ((error.status = output_file_commit(&job->output, &error)) != MICA_OK)
        return report_error(output, &error);

    if (job->codec.verbose) {
        char kind[32];
        const double pixels = (double)job->image.width * job->image.height;
        char encodes[32] = "";
        if (times.encodes > 1)
            snprintf(encodes, sizeof encodes, ", %d encodes", times.encodes);
        report_note(output,
                    "%dx%d %s, %zu bytes, %.4f bpp, %.1f ms (analysis %.1f, hyper %.1f, "
                    "search %.1f, context %.1f, entropy %.1f)%s",
                    job->image.width, job->image.height,
                    picture_kind(job->image.channels, job->image.depth, kind, sizeof kind),
                    job->stream.size, (double)job->stream.size * 8 / pixels, times.total,
                    times.analysis, times.hyper, times.search, times.context, times.entropy,
                    encodes);
    }
    return EXIT_DONE;
}

static void close_job(EncodeJob *job)
{
    output_file_discard(&job->output);
    mica_buffer_free(&job->stream);
    mica_image_free(&job->image);
    files_free(&job->input);
}

/* One picture of a batch. */
static int run_item(void *context, const char *input, const char *output, int *width, int *height)
{
    EncodeJob job = *(const EncodeJob *)context;
    job.input_name = input;
    job.output_name = output;
    const int code = run_job(&job);
    *width = job.image.width;
    *height = job.image.height;
    close_job(&job);
    return code;
}

static bool is_whole(const char *output)
{
    FileBytes bytes;
    MicaStreamInfo info;
    if (files_read(&bytes, output, NULL) != MICA_OK)
        return false;
    const bool whole = mica_stream_info(bytes.data, bytes.size, &info, NULL) == MICA_OK;
    files_free(&bytes);
    return whole;
}

static int run_batch(EncodeJob *job, const char *const *paths)
{
    static const char *const endings[] = {"png", "jpg", "jpeg", "ppm", "pgm", "pnm", "pam", NULL};
    const BatchWork work = {.command = "encode",
                            .endings = endings,
                            .output_ending = "mica",
                            .writes_mica = true,
                            .run = run_item,
                            .is_whole = is_whole,
                            .context = job,
                            .verbose = job->codec.verbose};
    if (job->codec.threads == 0 && job->batch.jobs != 1)
        job->codec.threads = 1; /* the processes use the processors */
    return batch_run(&job->batch, &work, paths);
}

/* A container or y4m on either side: frames instead of one picture. */
static bool is_video(const EncodeJob *job)
{
    return !job->batch.output &&
           (video_is_container(job->output_name) || video_is_format(job->video.format));
}

static int run_video(EncodeJob *job)
{
    VideoEncodeJob *video = &job->video;
    if (strcasecmp(video->format ? video->format : "", "y4m") == 0)
        return report_usage("encode",
                            "--output-format: y4m is not coded; nut, mov, mkv or avi are");
    video->input_name = job->input_name;
    video->output_name = job->output_name;
    video->quality = job->quality;
    video->effort = job->effort;
    video->codec = &job->codec;
    return video_encode(video);
}

int cmd_encode(int argc, char **argv)
{
    EncodeJob job;
    const char *tune = NULL;
    memset(&job, 0, sizeof job);
    job.quality = 50;
    job.effort = 2;
    job.contents = (EncodeContents)ENCODE_CONTENTS_DEFAULTS;
    job.video.gop = 120;
    job.video.lookahead = 8;
    job.video.buffer_ms = 1000;
    const Option options[] = {{"quality", 'q', OPTION_REAL, &job.quality, 0, 100, "Q",
                               "0 (smallest file) .. 100, default 50, steps of 0.1"},
                              {"effort", 'e', OPTION_INT, &job.effort, 1, 9, "N",
                               "1 (fastest) .. 9 (smallest file), default 2"},
                              {"progressive", 0, OPTION_FLAG, &job.progressive, 0, 0, NULL,
                               "order the file so that a part of it gives a preview"},
                              {"segment", 0, OPTION_INT, &job.segment, 32, 65535, "N",
                               "pixels, side of the parts that decode alone, default about 1024"},
                              {"target-size", 0, OPTION_INT, &job.target_size, 1, 2147483647.0,
                               "BYTES", "size of the file: at most this, at least 99 % of it"},
                              {"target-bpp", 0, OPTION_REAL, &job.target_bpp, 1e-4, 1000, "B",
                               "the same as bits per pixel"},
                              {"target-psnr", 0, OPTION_REAL, &job.target_psnr, 1, 100, "DB",
                               "PSNR of the decoded picture over all colour samples, to 0.05 dB"},
                              OPTION_MODEL(job.codec, "built-in model or model file, default S"),
                              {"tune", 0, OPTION_STRING, &tune, 0, 0, "psnr|perceptual",
                               "what the model is trained for: PSNR (default) or the eye"},
                              OPTION_THREADS(job.codec),
                              OPTION_CPU(job.codec),
                              {"depth8", 0, OPTION_FLAG, &job.depth8, 0, 0, NULL,
                               "round samples of more than 8 bits to 8"},
                              OPTIONS_CONTENTS_ENCODE(job.contents),
                              OPTIONS_VIDEO_ENCODE(job.video),
                              OPTION_VERBOSE(job.codec),
                              OPTIONS_BATCH(job.batch),
                              OPTION_END};
    const OptionSyntax syntax = {
        .command = "encode",
        .usage = "[options] IN OUT.mica|OUT.nut|OUT.mov|OUT.mkv|OUT.avi | -o DIR IN...",
        .description = "Encode a picture: PNG, JPEG, PPM, PGM or PAM, told from its content. '-' "
                       "is standard input\nor output. With -o many: files, and folders "
                       "with all that is in them. With a video\ncontainer as OUT: a video, of "
                       "anything that FFmpeg reads.",
        .options = options,
        .min_arguments = 0,
        .max_arguments = argc};
    const char **const arguments = calloc((size_t)argc + 1, sizeof *arguments);
    if (!arguments)
        return report_error(NULL, &(MicaError){MICA_ERROR_OUT_OF_MEMORY, "out of memory"});
    int code = options_parse(&syntax, argc, argv, arguments);
    if (code == OPTIONS_CONTINUE)
        code = batch_check(&job.batch, syntax.command, arguments, 2, 2);
    if (code != OPTIONS_CONTINUE) {
        free(arguments);
        return code;
    }
    if ((job.target_size > 0) + (job.target_bpp > 0) + (job.target_psnr > 0) > 1) {
        free(arguments);
        return report_usage(syntax.command, "only one of --target-size, --target-bpp and "
                                            "--target-psnr can be met");
    }
    job.input_name = arguments[0];
    job.output_name = arguments[1];

    code = codec_options_tune(&job.codec, syntax.command, tune);
    if (code == OPTIONS_CONTINUE)
        code = video_read_preset(&job.video, syntax.command);
    if (code == OPTIONS_CONTINUE)
        code = codec_options_open(&job.codec, syntax.command);
    if (code == OPTIONS_CONTINUE)
        code = job.batch.output ? run_batch(&job, arguments)
               : is_video(&job) ? run_video(&job)
                                : run_job(&job);
    close_job(&job);
    codec_options_close(&job.codec);
    free(arguments);
    return code;
}
