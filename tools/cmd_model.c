#include <stdio.h>
#include <string.h>

#include "tools/codec_options.h"
#include "tools/commands.h"
#include "tools/json.h"
#include "tools/report.h"

static void put_json(Json *json, const MicaModel *model)
{
    MicaModelInfo info;
    char id[MODEL_ID_TEXT_SIZE];
    mica_model_info(model, &info);
    model_id_text(info.id, id);
    json_object(json, NULL);
    json_text(json, "name", info.name);
    json_text(json, "id", id);
    json_integer(json, "format_version", info.format_version);
    json_integer(json, "bytes", (int64_t)info.file_size);
    json_integer(json, "parameters", (int64_t)info.parameters);
    json_real(json, "decoder_kmac_per_pixel", info.decoder_kmac_per_pixel);
    json_real(json, "encoder_kmac_per_pixel", info.encoder_kmac_per_pixel);
    json_integer(json, "condition", info.condition);
    json_object_end(json);
}

static void print_text(const MicaModel *model)
{
    MicaModelInfo info;
    char id[MODEL_ID_TEXT_SIZE];
    mica_model_info(model, &info);
    model_id_text(info.id, id);
    printf("name            %s\n", info.name);
    printf("id              %s\n", id);
    printf("format version  %d\n", info.format_version);
    printf("file            %zu bytes\n", info.file_size);
    printf("parameters      %zu\n", info.parameters);
    printf("decoder         %.2f kMAC/pixel\n", info.decoder_kmac_per_pixel);
    printf("encoder         %.2f kMAC/pixel\n", info.encoder_kmac_per_pixel);
    if (info.condition)
        printf("codes           predicted frames, %d blocks look at the prediction\n",
               info.condition);
}

static int list_models(bool as_json)
{
    Json json = {.stream = stdout};
    if (as_json)
        json_array(&json, NULL);
    const char *name;
    for (size_t i = 0; (name = mica_model_builtin_name(i)); i++) {
        MicaModel *model = NULL;
        MicaError error = {MICA_OK, ""};
        error.status = mica_model_builtin(&model, name, &error);
        if (error.status != MICA_OK)
            return report_error(name, &error);
        if (as_json) {
            put_json(&json, model);
        } else {
            if (i)
                putchar('\n');
            print_text(model);
        }
        mica_model_unref(&model);
    }
    if (as_json)
        json_array_end(&json);
    return EXIT_DONE;
}

static int show_model(const char *name, bool verify, bool as_json)
{
    MicaModel *model = NULL;
    MicaError error = {MICA_OK, ""};
    error.status = model_open(&model, name, &error);
    if (error.status == MICA_OK && verify)
        error.status = mica_model_verify(model, &error);
    if (error.status != MICA_OK) {
        mica_model_unref(&model);
        return report_error(report_input_name(name), &error);
    }
    if (as_json) {
        Json json = {.stream = stdout};
        put_json(&json, model);
    } else if (verify) {
        MicaModelInfo info;
        char id[MODEL_ID_TEXT_SIZE];
        mica_model_info(model, &info);
        model_id_text(info.id, id);
        printf("%s: good, model %s, id %s\n", report_input_name(name), info.name, id);
    } else {
        print_text(model);
    }
    mica_model_unref(&model);
    return EXIT_DONE;
}

int cmd_model(int argc, char **argv)
{
    bool as_json = false;
    const Option options[] = {{"json", 0, OPTION_FLAG, &as_json, 0, 0, NULL, "print JSON"},
                              OPTION_END};
    const OptionSyntax syntax = {
        .command = "model",
        .usage = "[options] [list | info MODEL | verify MODEL]",
        .description = "List the built-in models, or describe or check one: a file, or the "
                       "name of a built-in one.",
        .options = options,
        .min_arguments = 0,
        .max_arguments = 2};
    const char *arguments[2];
    const int code = options_parse(&syntax, argc, argv, arguments);
    if (code != OPTIONS_CONTINUE)
        return code;
    const char *action = arguments[0] ? arguments[0] : "list", *name = arguments[1];
    const bool info = strcmp(action, "info") == 0, verify = strcmp(action, "verify") == 0;
    if (info || verify)
        return name ? show_model(name, verify, as_json)
                    : report_usage(syntax.command, "a model is missing");
    if (strcmp(action, "list") != 0)
        return report_usage(syntax.command, "'%s' is not one of list, info and verify", action);
    if (name)
        return report_usage(syntax.command, "too many arguments: '%s'", name);
    return list_models(as_json);
}
