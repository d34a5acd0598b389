#include <string.h>

#include "tools/codec_options.h"
#include "tools/commands.h"
#include "tools/files.h"
#include "tools/input/reader.h"
#include "tools/report.h"

typedef struct EncodeJob {
    const char *input_name, *output_name;
    double quality;
    int effort;
    bool depth8;
    CodecOptions codec;
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
                                 .verbose = job->codec.verbose};
    const Reader *reader = input_probe(job->input.data, job->input.size, error);
    if (!reader)
        return MICA_ERROR_BITSTREAM;
    if (reader == &reader_mica)
        return report_fail(error, MICA_ERROR_INVALID_ARGUMENT, "is a mica file already");
    status = reader->read(job->input.data, job->input.size, &options, &job->image, error);
    files_free(&job->input);
    return status;
}

static MicaStatus encode_image(EncodeJob *job, MicaTimes *times, MicaError *error)
{
    MicaEncodeSettings settings;
    mica_encode_defaults(&settings, sizeof settings);
    settings.model = job->codec.model;
    settings.quality = job->quality;
    settings.effort = job->effort;
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
        const double pixels = (double)job->image.width * job->image.height;
        report_note(output,
                    "%dx%d %s, %zu bytes, %.4f bpp, %.1f ms (analysis %.1f, hyper %.1f, "
                    "context %.1f, entropy %.1f)",
                    job->image.width, job->image.height, job->image.channels == 1 ? "gray" : "RGB",
                    job->stream.size, (double)job->stream.size * 8 / pixels, times.total,
                    times.analysis, times.hyper, times.context, times.entropy);
    }
    return EXIT_DONE;
}

int cmd_encode(int argc, char **argv)
{
    EncodeJob job;
    memset(&job, 0, sizeof job);
    job.quality = 50;
    job.effort = 5;
    const Option options[] = {{"quality", 'q', OPTION_REAL, &job.quality, 0, 100, "Q",
                               "0 (smallest file) .. 100, default 50, steps of 0.1"},
                              {"effort", 'e', OPTION_INT, &job.effort, 1, 9, "N",
                               "1 (fastest) .. 9 (smallest file), default 5"},
                              OPTION_MODEL(job.codec, "built-in model or model file, default S"),
                              OPTION_THREADS(job.codec),
                              OPTION_CPU(job.codec),
                              {"depth8", 0, OPTION_FLAG, &job.depth8, 0, 0, NULL,
                               "round samples of more than 8 bits to 8"},
                              OPTION_VERBOSE(job.codec),
                              OPTION_END};
    const OptionSyntax syntax = {
        .command = "encode",
        .usage = "[options] IN OUT.mica",
        .description = "Encode a picture: PNG, JPEG, PPM, PGM or PAM, told from its content. '-' "
                       "is standard input\nor output.",
        .options = options,
        .min_arguments = 2,
        .max_arguments = 2};
    const char *arguments[2];
    int code = options_parse(&syntax, argc, argv, arguments);
    if (code != OPTIONS_CONTINUE)
        return code;
    job.input_name = arguments[0];
    job.output_name = arguments[1];

    code = codec_options_open(&job.codec, syntax.command);
    if (code == OPTIONS_CONTINUE)
        code = run_job(&job);
    output_file_discard(&job.output);
    mica_buffer_free(&job.stream);
    mica_image_free(&job.image);
    files_free(&job.input);
    codec_options_close(&job.codec);
    return code;
}
