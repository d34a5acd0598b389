#include "tools/codec_options.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tools/files.h"
#include "tools/report.h"

MicaStatus model_open_file(MicaModel **model, const char *file, MicaError *error)
{
    FileBytes bytes;
    MicaStatus status = files_read(&bytes, file, error);
    if (status != MICA_OK)
        return status;
    status = mica_model_load(model, bytes.data, bytes.size, error);
    files_free(&bytes);
    return status;
}

MicaStatus model_open(MicaModel **model, const char *name, MicaError *error)
{
    for (size_t i = 0; mica_model_builtin_name(i); i++)
        if (strcasecmp(name, mica_model_builtin_name(i)) == 0)
            return mica_model_builtin(model, name, error);
    return model_open_file(model, name, error);
}

int codec_options_tune(CodecOptions *options, const char *command, const char *tune)
{
    if (!tune)
        return OPTIONS_CONTINUE;
    if (options->model_name)
        return report_usage(command, "--tune chooses a model, and so does --model");
    if (strcasecmp(tune, "psnr") == 0)
        options->model_name = "S";
    else if (strcasecmp(tune, "perceptual") == 0)
        options->model_name = "S-perceptual";
    else
        return report_usage(command, "--tune: '%s' is not one of psnr and perceptual", tune);
    return OPTIONS_CONTINUE;
}

int codec_options_open(CodecOptions *options, const char *command)
{
    options->model = NULL;
    options->cpu_mask = 0;
    if (options->cpu && mica_cpu_flags_parse(options->cpu, &options->cpu_mask) != MICA_OK) {
        char flags[128];
        mica_cpu_flags_text(mica_cpu_flags(), flags, sizeof flags);
        return report_usage(command, "--cpu: unknown instruction set in '%s', this machine has %s",
                            options->cpu, flags);
    }
    MicaError error = {MICA_OK, ""};
    if (options->model_name &&
        (error.status = model_open(&options->model, options->model_name, &error)) != MICA_OK)
        return report_error(report_input_name(options->model_name), &error);
    return OPTIONS_CONTINUE;
}

void codec_options_close(CodecOptions *options)
{
    mica_model_unref(&options->model);
}

void codec_options_decoder(const CodecOptions *options, MicaDecodeSettings *settings)
{
    mica_decode_defaults(settings, sizeof *settings);
    settings->model = options->model;
    settings->threads = options->threads;
    if (options->cpu)
        settings->cpu_mask = options->cpu_mask;
}

void model_id_text(const uint8_t id[MICA_MODEL_ID_SIZE], char text[MODEL_ID_TEXT_SIZE])
{
    for (int i = 0; i < MICA_MODEL_ID_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", id[i]);
}
