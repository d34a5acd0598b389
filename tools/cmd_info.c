#include <stdio.h>
#include <string.h>

#include "tools/codec_options.h"
#include "tools/commands.h"
#include "tools/files.h"
#include "tools/json.h"
#include "tools/picture.h"
#include "tools/report.h"

typedef struct Description {
    const char *file;
    size_t size;
    MicaStreamInfo info;
    double bpp;
    int orientation;                      /* 1..8 */
    size_t icc_size, exif_size, xmp_size; /* bytes, 0: none */
    char model_id[MODEL_ID_TEXT_SIZE];
    char model_name[sizeof((MicaModelInfo *)0)->name]; /* empty: no built-in model */
} Description;

/* What the optional sections hold. */
static void describe_metadata(Description *d, const uint8_t *data)
{
    d->orientation = 1;
    for (int i = 0; i < d->info.section_count; i++) {
        const MicaSectionInfo *s = &d->info.sections[i];
        if (strcmp(s->type, "ICCP") == 0)
            d->icc_size = s->size;
        if (strcmp(s->type, "XMP ") == 0)
            d->xmp_size = s->size;
        if (strcmp(s->type, "EXIF") == 0) {
            d->exif_size = s->size;
            d->orientation = picture_orientation(data + s->offset, s->size);
        }
    }
}

static void describe(Description *d)
{
    const MicaStreamInfo *info = &d->info;
    d->bpp = 8.0 * (double)d->size / ((double)info->width * info->height);
    model_id_text(info->model_id, d->model_id);
    d->model_name[0] = 0;
    MicaModel *model = NULL;
    if (mica_model_builtin_by_id(&model, info->model_id, NULL) == MICA_OK) {
        MicaModelInfo model_info;
        mica_model_info(model, &model_info);
        memcpy(d->model_name, model_info.name, sizeof d->model_name);
        mica_model_unref(&model);
    }
}

static void print_json(const Description *d)
{
    const MicaStreamInfo *info = &d->info;
    char version[32];
    snprintf(version, sizeof version, "%d.%d", info->version_major, info->version_minor);
    Json json = {.stream = stdout};
    json_object(&json, NULL);
    json_text(&json, "file", d->file);
    json_integer(&json, "bytes", (int64_t)d->size);
    json_text(&json, "version", version);
    json_text(&json, "model_id", d->model_id);
    json_text(&json, "model_name", d->model_name[0] ? d->model_name : NULL);
    json_integer(&json, "width", info->width);
    json_integer(&json, "height", info->height);
    json_integer(&json, "channels", info->channels);
    json_integer(&json, "depth", info->depth);
    json_boolean(&json, "alpha", info->channels % 2 == 0);
    json_boolean(&json, "premultiplied", info->premultiplied);
    if (info->colour.described) {
        json_object(&json, "colour");
        json_integer(&json, "primaries", info->colour.primaries);
        json_integer(&json, "transfer", info->colour.transfer);
        json_boolean(&json, "full_range", info->colour.full_range);
        json_object_end(&json);
    } else {
        json_text(&json, "colour", NULL);
    }
    json_integer(&json, "icc_bytes", (int64_t)d->icc_size);
    json_integer(&json, "exif_bytes", (int64_t)d->exif_size);
    json_integer(&json, "xmp_bytes", (int64_t)d->xmp_size);
    json_integer(&json, "orientation", d->orientation);
    json_real(&json, "quality", info->quality);
    json_real(&json, "bpp", d->bpp);
    json_array(&json, "sections");
    for (int i = 0; i < info->section_count; i++) {
        json_object(&json, NULL);
        json_text(&json, "type", info->sections[i].type);
        json_integer(&json, "offset", (int64_t)info->sections[i].offset);
        json_integer(&json, "size", (int64_t)info->sections[i].size);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_object_end(&json);
}

static void print_text(const Description *d)
{
    const MicaStreamInfo *info = &d->info;
    char kind[32];
    printf("%s: mica %d.%d, %dx%d %s, quality %.4g, %zu bytes, %.4f bpp\n", d->file,
           info->version_major, info->version_minor, info->width, info->height,
           picture_kind(info->channels, info->depth, kind, sizeof kind), info->quality, d->size,
           d->bpp);
    printf("model    %s  %s\n", d->model_id,
           d->model_name[0] ? d->model_name : "(not built in, needs --model)");
    if (info->premultiplied)
        printf("alpha    premultiplied\n");
    if (info->colour.described)
        printf("colour   primaries %d, transfer %d, %s range\n", info->colour.primaries,
               info->colour.transfer, info->colour.full_range ? "full" : "narrow");
    if (d->orientation != 1)
        printf("exif     orientation %d\n", d->orientation);
    printf("section      offset        size\n");
    size_t payload = 0;
    for (int i = 0; i < info->section_count; i++) {
        printf("%-8s %10zu  %10zu\n", info->sections[i].type, info->sections[i].offset,
               info->sections[i].size);
        payload += info->sections[i].size;
    }
    printf("%-8s %10s  %10zu\n", "headers", "", d->size > payload ? d->size - payload : 0);
}

int cmd_info(int argc, char **argv)
{
    bool as_json = false;
    const Option options[] = {{"json", 0, OPTION_FLAG, &as_json, 0, 0, NULL, "print JSON"},
                              OPTION_END};
    const OptionSyntax syntax = {
        .command = "info",
        .usage = "[options] IN.mica",
        .description = "Show the header of a mica file, its model, and every section with its "
                       "offset and size.",
        .options = options,
        .min_arguments = 1,
        .max_arguments = 1};
    const char *arguments[1];
    const int code = options_parse(&syntax, argc, argv, arguments);
    if (code != OPTIONS_CONTINUE)
        return code;

    Description description = {.file = report_input_name(arguments[0])};
    FileBytes bytes;
    MicaError error = {MICA_OK, ""};
    if ((error.status = files_read(&bytes, arguments[0], &error)) == MICA_OK) {
        description.size = bytes.size;
        error.status = mica_stream_info(bytes.data, bytes.size, &description.info, &error);
        if (error.status == MICA_OK)
            describe_metadata(&description, bytes.data);
        files_free(&bytes);
    }
    if (error.status != MICA_OK)
        return report_error(description.file, &error);
    describe(&description);
    if (as_json)
        print_json(&description);
    else
        print_text(&description);
    return EXIT_DONE;
}
