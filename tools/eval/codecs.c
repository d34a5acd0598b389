#include "tools/eval/codecs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/process.h"
#include "tools/eval/y4m.h"
#include "tools/files.h"
#include "tools/input/reader.h"
#include "tools/output/writer.h"
#include "tools/report.h"

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static double whole_number(double quality)
{
    return floor(quality + 0.5);
}

static double av1_quantizer(double quality)
{
    return floor((100 - quality) * 63 / 100 + 0.5);
}

static double hevc_quantizer(double quality)
{
    return floor((100 - quality) * 51 / 100 + 0.5);
}

const Codec codec_table[] = {
    {.name = "mica",
     .encode = ARGUMENTS("mica", "encode", "--quality={q}", "--threads={threads}", "{model}",
                         "{effort}", "{in}", "{coded}"),
     .decode = ARGUMENTS("mica", "decode", "--threads={threads}", "{model}", "{realism}", "{coded}",
                         "{out}"),
     .qualities = {0, 15, 30, 45, 60, 75, 90, -1}},
    {.name = "jpeg",
     .encode = ARGUMENTS("cjpeg", "-quality", "{q}", "-optimize", "-outfile", "{coded}", "{in}"),
     .decode = ARGUMENTS("djpeg", "-pnm", "-outfile", "{out}", "{coded}"),
     .scale = whole_number,
     .qualities = {5, 10, 20, 35, 50, 65, 80, 90, 95, -1}},
    {.name = "webp",
     .encode = ARGUMENTS("cwebp", "-quiet", "-m", "6", "-q", "{q}", "{in}", "-o", "{coded}"),
     .decode = ARGUMENTS("dwebp", "-quiet", "-ppm", "{coded}", "-o", "{out}"),
     .qualities = {0, 10, 25, 40, 60, 75, 85, 95, -1}},
    {.name = "jxl",
     .encode =
         ARGUMENTS("cjxl", "{in}", "{coded}", "-q", "{q}", "-e", "7", "--num_threads={threads}"),
     .decode = ARGUMENTS("djxl", "{coded}", "{out}", "--num_threads={threads}"),
     .qualities = {5, 20, 35, 50, 65, 80, 90, 95, -1}},
    {.name = "avif",
     .encode =
         ARGUMENTS("avifenc", "-s", "6", "-j", "{threads}", "-y", "444", "--min", "0", "--max",
                   "63", "-a", "end-usage=q", "-a", "cq-level={q}", "{in}", "{coded}"),
     .decode = ARGUMENTS("avifdec", "-j", "{threads}", "{coded}", "{out}"),
     .input = FORMAT_PNG,
     .output = FORMAT_PNG,
     .scale = av1_quantizer,
     .qualities = {5, 20, 35, 50, 62, 75, 85, -1}},
    {.name = "x265",
     .encode = ARGUMENTS("x265", "--input", "{in}", "--frames", "1", "--keyint", "1", "--preset",
                         "slow", "--tune", "psnr", "--range", "full", "--qp", "{q}", "--no-info",
                         "--pools", "{threads}", "--output", "{coded}", "--recon", "{out}"),
     .input = FORMAT_Y4M,
     .output = FORMAT_Y4M,
     .scale = hevc_quantizer,
     .qualities = {10, 20, 30, 40, 50, 60, 70, -1}},
};

const int codec_count = (int)(sizeof codec_table / sizeof codec_table[0]);

static const char *const endings[] = {
    [FORMAT_PNM] = "ppm", [FORMAT_PNG] = "png", [FORMAT_Y4M] = "y4m"};

uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

/* A program or a model is what is in its file, wherever that is and whenever it was built. */
static uint64_t hash_file(uint64_t hash, const char *path)
{
    FileBytes bytes;
    MicaError error;
    if (files_read(&bytes, path, &error) != MICA_OK)
        return hash_bytes(hash, path, strlen(path) + 1);
    hash = hash_bytes(hash, bytes.data, bytes.size);
    files_free(&bytes);
    return hash;
}

bool codec_find(CodecSetup *setup, const Codec *codec, const char *self)
{
    setup->codec = codec;
    setup->decoder[0] = 0;
    const bool own = strcmp(codec->encode[0], "mica") == 0;
    if (!process_find(own ? self : codec->encode[0], setup->encoder, sizeof setup->encoder) ||
        (codec->decode &&
         !process_find(own ? self : codec->decode[0], setup->decoder, sizeof setup->decoder)))
        return false;
    setup->files = hash_file(HASH_START, setup->encoder);
    if (codec->decode)
        setup->files = hash_file(setup->files, setup->decoder);
    const char *model = own ? strchr(setup->model, '=') : NULL;
    if (model)
        setup->files = hash_file(setup->files, model + 1);
    return true;
}

/* The files of one run, and the arguments made for it. */
typedef struct Workplace {
    char in[1100], coded[1100], out[1100], log[1100];
    char text[CODEC_MAX_ARGUMENTS][1200];
    const char *argv[CODEC_MAX_ARGUMENTS + 1];
} Workplace;

static const char *replacement(const CodecSetup *setup, const Workplace *place, const char *name,
                               size_t length, double quality, char *number, size_t size)
{
    const struct {
        const char *name, *text;
    } words[] = {{"in", place->in},       {"coded", place->coded},   {"out", place->out},
                 {"model", setup->model}, {"effort", setup->effort}, {"realism", setup->realism},
                 {"q", number},           {"threads", number}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i].name) == length && memcmp(words[i].name, name, length) == 0) {
            if (words[i].text == number && name[0] == 'q')
                snprintf(number, size, "%g",
                         setup->codec->scale ? setup->codec->scale(quality) : quality);
            else if (words[i].text == number)
                snprintf(number, size, "%d", setup->threads);
            return words[i].text;
        }
    return "";
}

static void expand(const CodecSetup *setup, Workplace *place, const char *program,
                   const char *const *arguments, double quality)
{
    int count = 0;
    place->argv[count++] = program;
    for (const char *const *a = arguments + 1; *a && count < CODEC_MAX_ARGUMENTS; a++) {
        char *to = place->text[count];
        const char *from = *a, *open = strchr(from, '{'), *close = open ? strchr(open, '}') : NULL;
        if (close) {
            char number[32];
            const char *word = replacement(setup, place, open + 1, (size_t)(close - open - 1),
                                           quality, number, sizeof number);
            snprintf(to, sizeof place->text[count], "%.*s%s%s", (int)(open - from), from, word,
                     close + 1);
        } else {
            snprintf(to, sizeof place->text[count], "%s", from);
        }
        if (*to)
            place->argv[count++] = to;
    }
    place->argv[count] = NULL;
}

static uint64_t hash_arguments(uint64_t hash, const Workplace *place)
{
    for (const char *const *a = place->argv + 1; *a; a++)
        if (strncmp(*a, "--model=", 8) != 0) /* its content counts, in `files` */
            hash = hash_bytes(hash, *a, strlen(*a) + 1);
    return hash;
}

uint64_t codec_fingerprint(const CodecSetup *setup, double quality)
{
    Workplace *const place = calloc(1, sizeof *place);
    uint64_t hash = setup->files;
    if (!place)
        return hash;
    expand(setup, place, setup->encoder, setup->codec->encode, quality);
    hash = hash_arguments(hash, place);
    if (setup->codec->decode) {
        expand(setup, place, setup->decoder, setup->codec->decode, quality);
        hash = hash_arguments(hash, place);
    }
    free(place);
    return hash;
}

static MicaStatus write_input(const char *path, CodecFormat format, const MicaImage *picture,
                              MicaError *error)
{
    OutputFile out;
    const WriteOptions options = {.jpeg_quality = 100};
    MicaStatus status = output_file_open(&out, path, NULL, true, error);
    if (status != MICA_OK)
        return status;
    status = format == FORMAT_Y4M ? y4m_write(&out, picture)
                                  : (format == FORMAT_PNG ? &writer_png : &writer_pnm)
                                        ->write(&out, picture, &options, error);
    if (status == MICA_OK)
        status = output_file_commit(&out, error);
    output_file_discard(&out);
    return status;
}

static MicaStatus read_output(const char *path, CodecFormat format, MicaImage *decoded,
                              MicaError *error)
{
    FileBytes bytes;
    MicaStatus status = files_read(&bytes, path, error);
    if (status != MICA_OK)
        return status;
    const ReadOptions options = {.file = path, .depth8 = true};
    status = format == FORMAT_Y4M ? y4m_read(bytes.data, bytes.size, decoded, error)
                                  : input_read(bytes.data, bytes.size, &options, decoded, error);
    files_free(&bytes);
    return status;
}

static MicaStatus run_in(const CodecSetup *setup, double quality, const MicaImage *picture,
                         const char *folder, Workplace *place, CodecRun *run, MicaImage *decoded,
                         MicaError *error)
{
    const Codec *codec = setup->codec;
    snprintf(place->in, sizeof place->in, "%s/in.%s", folder, endings[codec->input]);
    snprintf(place->out, sizeof place->out, "%s/out.%s", folder, endings[codec->output]);
    snprintf(place->coded, sizeof place->coded, "%s/coded.%s", folder, codec->name);
    snprintf(place->log, sizeof place->log, "%s/log", folder);
    MicaStatus status = write_input(place->in, codec->input, picture, error);
    if (status != MICA_OK)
        return status;

    expand(setup, place, setup->encoder, codec->encode, quality);
    ProcessTime time;
    status = process_run(place->argv, place->log, &time, error);
    if (status != MICA_OK)
        return status;
    run->encode_ms = time.wall_ms;
    run->encode_cpu_ms = time.cpu_ms;
    struct stat info;
    if (stat(place->coded, &info) != 0)
        return report_fail(error, MICA_ERROR_IO, "%s wrote no file", codec->encode[0]);
    run->bytes = (double)info.st_size;

    run->decode_ms = run->decode_cpu_ms = NAN;
    if (codec->decode) {
        expand(setup, place, setup->decoder, codec->decode, quality);
        status = process_run(place->argv, place->log, &time, error);
        if (status != MICA_OK)
            return status;
        run->decode_ms = time.wall_ms;
        run->decode_cpu_ms = time.cpu_ms;
    }
    run->memory_kb = (double)process_peak_memory();
    return read_output(place->out, codec->output, decoded, error);
}

MicaStatus codec_run(const CodecSetup *setup, double quality, const MicaImage *picture,
                     CodecRun *run, MicaImage *decoded, MicaError *error)
{
    char *folder = NULL;
    Workplace *const place = calloc(1, sizeof *place);
    if (!place)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    sigset_t before;
    process_hold_signals(&before);
    MicaStatus status = process_make_folder(&folder, error);
    if (status == MICA_OK) {
        status = run_in(setup, quality, picture, folder, place, run, decoded, error);
        process_remove_folder(folder);
    }
    process_release_signals(&before);
    free(folder);
    free(place);
    return status;
}
