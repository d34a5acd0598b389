/*
 * Speed of the codec on one picture. Each kind of measurement is one entry of `benches`, which runs
 * and prints for itself.
 */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mica/speed.h"
#include "tools/bench_coder.h"
#include "tools/bench_kernels.h"
#include "tools/codec_options.h"
#include "tools/commands.h"
#include "tools/files.h"
#include "tools/input/reader.h"
#include "tools/json.h"
#include "tools/report.h"

#define MAX_RUNS 1000

typedef struct BenchJob {
    const char *file;         /* NULL: a generated picture */
    const char *coder_arrays; /* folder of arrays for the coder; NULL: generated ones */
    const char *coder_tag;
    int runs, effort;
    double quality;
    CodecOptions codec;
    MicaImage image;
    double clock; /* cycles of the processor in a ns */
    Json *json;   /* NULL: print text */
} BenchJob;

static const struct {
    const char *name;
    size_t offset;
    bool encoder, decoder; /* who goes through this stage */
} stages[] = {
    {"analysis", offsetof(MicaTimes, analysis), true, false},
    {"hyper", offsetof(MicaTimes, hyper), true, true},
    {"search", offsetof(MicaTimes, search), true, false},
    {"context", offsetof(MicaTimes, context), true, true},
    {"entropy", offsetof(MicaTimes, entropy), true, true},
    {"synthesis", offsetof(MicaTimes, synthesis), false, true},
    {"total", offsetof(MicaTimes, total), true, true},
};

static double stage_time(const MicaTimes *times, size_t stage)
{
    double value;
    memcpy(&value, (const char *)times + stages[stage].offset, sizeof value);
    return value;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Multiply-accumulates of a stage for the whole picture, sides padded to multiples of 64; 0 if it
 * has none to speak of. */
static double stage_mac(const BenchJob *job, const char *name, bool encoder)
{
    MicaStageMac mac;
    mica_stage_mac(job->codec.model, &mac);
    const double pixels =
        (double)((job->image.width + 63) / 64 * 64) * ((job->image.height + 63) / 64 * 64);
    const double each = strcmp(name, "analysis") == 0 ? mac.analysis
                        : strcmp(name, "hyper") == 0
                            ? encoder ? mac.hyper_encoder : mac.hyper_decoder
                        : strcmp(name, "context") == 0   ? mac.context
                        : strcmp(name, "synthesis") == 0 ? mac.synthesis
                                                         : 0;
    return each * pixels;
}

static void print_stages(const BenchJob *job, const char *title, bool encoder, int threads,
                         const MicaTimes *times)
{
    const double megapixels = (double)job->image.width * job->image.height / 1e6;
    if (job->json)
        json_object(job->json, title);
    for (size_t s = 0; s < sizeof stages / sizeof stages[0]; s++) {
        if (encoder ? !stages[s].encoder : !stages[s].decoder)
            continue;
        double values[MAX_RUNS];
        for (int i = 0; i < job->runs; i++)
            values[i] = stage_time(&times[i], s);
        qsort(values, (size_t)job->runs, sizeof values[0], compare_doubles);
        const double least = values[0];
        const double median = (values[(job->runs - 1) / 2] + values[job->runs / 2]) / 2;
        const double speed = least > 0 ? megapixels / (least / 1000) : INFINITY;
        const double mac = threads == 1 ? stage_mac(job, stages[s].name, encoder) : 0;
        const double rate = mac > 0 && least > 0 ? mac / (least * 1e6) / job->clock : 0;
        if (job->json) {
            json_object(job->json, stages[s].name);
            json_real(job->json, "min_ms", least);
            json_real(job->json, "median_ms", median);
            json_real(job->json, "mp_per_s", speed);
            if (rate > 0)
                json_real(job->json, "mac_per_cycle", rate);
            json_object_end(job->json);
        } else {
            printf("  %-7s %-10s %10.2f %10.2f %10.2f", title, stages[s].name, least, median,
                   speed);
            if (rate > 0)
                printf(" %10.1f", rate);
            putchar('\n');
        }
    }
    if (job->json)
        json_object_end(job->json);
}

/* One encoding and one decoding. */
static MicaStatus run_once(const BenchJob *job, int threads, MicaBuffer *stream,
                           MicaTimes *encode_times, MicaTimes *decode_times, MicaError *error)
{
    MicaEncodeSettings encode;
    mica_encode_defaults(&encode, sizeof encode);
    encode.model = job->codec.model;
    encode.quality = job->quality;
    encode.effort = job->effort;
    encode.threads = threads;
    encode.times = encode_times;
    MicaDecodeSettings decode;
    codec_options_decoder(&job->codec, &decode);
    decode.threads = threads;
    decode.times = decode_times;
    if (job->codec.cpu)
        encode.cpu_mask = job->codec.cpu_mask;

    memset(encode_times, 0, sizeof *encode_times);
    memset(decode_times, 0, sizeof *decode_times);
    MicaStatus status = mica_image_encode(&job->image, &encode, stream, error);
    if (status != MICA_OK)
        return status;
    MicaImage decoded;
    status = mica_image_decode(stream->data, stream->size, &decode, &decoded, error);
    mica_image_free(&decoded);
    return status;
}

/* All runs with this number of threads. The first stream is kept in *expected; the others must
 * equal it. */
static MicaStatus run_threads(const BenchJob *job, int threads, MicaBuffer *expected,
                              MicaTimes *encode_times, MicaTimes *decode_times, MicaError *error)
{
    /* Run -1 is not counted: it finds the memory and the caches cold. */
    for (int i = -1; i < job->runs; i++) {
        const int slot = i < 0 ? 0 : i;
        MicaBuffer stream = {NULL, 0};
        MicaStatus status =
            run_once(job, threads, &stream, &encode_times[slot], &decode_times[slot], error);
        if (status == MICA_OK && !expected->data) {
            *expected = stream;
            continue;
        }
        if (status == MICA_OK && (stream.size != expected->size ||
                                  memcmp(stream.data, expected->data, stream.size) != 0))
            status = report_fail(error, MICA_ERROR_INTERNAL,
                                 "the stream of %d threads differs from that of 1", threads);
        mica_buffer_free(&stream);
        if (status != MICA_OK)
            return status;
    }
    return MICA_OK;
}

static MicaStatus bench_codec(const BenchJob *job, MicaError *error)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int counts[2] = {1, processors > MAX_THREADS ? MAX_THREADS : (int)processors};
    int variants = processors > 1 ? 2 : 1;
    if (job->codec.threads) {
        counts[0] = job->codec.threads;
        variants = 1;
    }
    MicaTimes *const times = calloc(2 * (size_t)job->runs, sizeof *times);
    if (!times)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");

    MicaBuffer stream = {NULL, 0};
    MicaStatus status = MICA_OK;
    if (job->json)
        json_array(job->json, "codec");
    for (int v = 0; v < variants && status == MICA_OK; v++) {
        status = run_threads(job, counts[v], &stream, times, times + job->runs, error);
        if (status != MICA_OK)
            break;
        if (job->json) {
            json_object(job->json, NULL);
            json_integer(job->json, "threads", counts[v]);
            json_integer(job->json, "bytes", (int64_t)stream.size);
        } else {
            printf("%d thread%s, %zu bytes\n  %-18s %10s %10s %10s%s\n", counts[v],
                   counts[v] == 1 ? "" : "s", stream.size, "stage", "min ms", "median ms", "MP/s",
                   counts[v] == 1 ? "  MAC/cycle" : "");
        }
        print_stages(job, "encode", true, counts[v], times);
        print_stages(job, "decode", false, counts[v], times + job->runs);
        if (job->json)
            json_object_end(job->json);
    }
    if (job->json)
        json_array_end(job->json);
    mica_buffer_free(&stream);
    free(times);
    return status;
}

static uint32_t cpu_flags(const BenchJob *job)
{
    return job->codec.cpu ? job->codec.cpu_mask & mica_cpu_flags() : mica_cpu_flags();
}

static MicaStatus bench_entropy_coder(const BenchJob *job, MicaError *error)
{
    BenchCoderResult results[BENCH_CODER_SETS];
    const MicaStatus status =
        bench_coder(job->coder_arrays, job->coder_tag, cpu_flags(job), job->runs, results);
    if (status != MICA_OK)
        return report_fail(error, status, "coder: %s",
                           status == MICA_ERROR_IO ? "cannot read the arrays"
                                                   : mica_status_string(status));
    if (job->json)
        json_object(job->json, "coder");
    else
        printf("entropy coder, 1 thread\n  %-18s %10s %10s %10s\n", "model", "encode ns",
               "decode ns", "over ideal");
    for (int i = 0; i < BENCH_CODER_SETS; i++) {
        const BenchCoderResult *r = &results[i];
        if (job->json) {
            json_object(job->json, r->name);
            json_integer(job->json, "symbols", (int64_t)r->symbols);
            json_integer(job->json, "bytes", (int64_t)r->bytes);
            json_real(job->json, "encode_ns_per_symbol", r->encode_ns);
            json_real(job->json, "decode_ns_per_symbol", r->decode_ns);
            json_real(job->json, "size_over_ideal_percent", r->over_ideal_percent);
            json_object_end(job->json);
        } else {
            printf("  %-18s %10.2f %10.2f %9.3f%%\n", r->name, r->encode_ns, r->decode_ns,
                   r->over_ideal_percent);
        }
    }
    if (job->json)
        json_object_end(job->json);
    return MICA_OK;
}

static MicaStatus bench_layers(const BenchJob *job, MicaError *error)
{
    return bench_kernels(job->codec.model, cpu_flags(job), job->runs, job->json, error);
}

static MicaStatus (*const benches[])(const BenchJob *job, MicaError *error) = {
    bench_codec, bench_layers, bench_entropy_coder};

/* Smooth areas, edges and noise, the same on every machine. */
static MicaStatus generate_picture(MicaImage *image, MicaError *error)
{
    const MicaStatus status = input_alloc(image, 768, 512, 3, 8, error);
    if (status != MICA_OK)
        return status;
    uint32_t random = 1;
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->data + y * image->stride;
        for (int x = 0; x < image->width; x++) {
            const int u = x % 192 - 96, v = y % 128 - 64;
            const bool disc = u * u + v * v < 48 * 48;
            const int noise_level = 4 + 24 * (x / 384);
            for (int c = 0; c < 3; c++) {
                random = random * 1664525u + 1013904223u;
                const int noise = (int)(random >> 24) % noise_level;
                const int base = disc ? 200 - 40 * c : (x * (3 - c) + y * (c + 1)) / 16;
                const int value = base + noise;
                *row++ = (uint8_t)(value > 255 ? 255 : value);
            }
        }
    }
    return MICA_OK;
}

static MicaStatus load_picture(BenchJob *job, MicaError *error)
{
    if (!job->file)
        return generate_picture(&job->image, error);
    FileBytes bytes;
    MicaStatus status = files_read(&bytes, job->file, error);
    if (status != MICA_OK)
        return status;
    MicaDecodeSettings settings;
    codec_options_decoder(&job->codec, &settings);
    const ReadOptions options = {
        .file = report_input_name(job->file), .depth8 = true, .settings = &settings};
    status = input_read(bytes.data, bytes.size, &options, &job->image, error);
    files_free(&bytes);
    return status;
}

static int run_job(BenchJob *job)
{
    const char *file = job->file ? report_input_name(job->file) : "generated picture";
    MicaError error = {MICA_OK, ""};
    if ((error.status = load_picture(job, &error)) != MICA_OK)
        return report_error(file, &error);
    job->clock = bench_cycles_per_ns();
    char flags[128];
    mica_cpu_flags_text(cpu_flags(job), flags, sizeof flags);
    if (job->json) {
        json_object(job->json, NULL);
        json_text(job->json, "file", job->file ? file : NULL);
        json_integer(job->json, "width", job->image.width);
        json_integer(job->json, "height", job->image.height);
        json_integer(job->json, "channels", job->image.channels);
        json_real(job->json, "quality", job->quality);
        json_integer(job->json, "effort", job->effort);
        json_text(job->json, "cpu", flags);
        json_integer(job->json, "runs", job->runs);
    } else {
        printf("%s, %dx%d %s, quality %g, effort %d, %s, %d runs\n", file, job->image.width,
               job->image.height, job->image.channels == 1 ? "gray" : "RGB", job->quality,
               job->effort, flags, job->runs);
    }
    for (size_t i = 0; i < sizeof benches / sizeof benches[0]; i++)
        if ((error.status = benches[i](job, &error)) != MICA_OK)
            return report_error(file, &error);
    if (job->json)
        json_object_end(job->json);
    return EXIT_DONE;
}

int cmd_bench(int argc, char **argv)
{
    BenchJob job;
    bool as_json = false;
    memset(&job, 0, sizeof job);
    job.runs = 5;
    job.quality = 50;
    job.effort = 2;
    job.coder_tag = "kodak";
    /* Named, so that it is loaded once and not in every run, as a program with many pictures would.
     */
    job.codec.model_name = "S";
    const Option options[] = {
        {"runs", 'n', OPTION_INT, &job.runs, 1, MAX_RUNS, "N", "timed runs, default 5"},
        {"quality", 'q', OPTION_REAL, &job.quality, 0, 100, "Q", "as of encode, default 50"},
        {"effort", 'e', OPTION_INT, &job.effort, 1, 9, "N", "as of encode, default 2"},
        OPTION_MODEL(job.codec, "built-in model or model file, default S"),
        {"threads", 0, OPTION_INT, &job.codec.threads, 0, MAX_THREADS, "N",
         "measure only this number; 0: 1 and all (default)"},
        OPTION_CPU(job.codec),
        {"coder-arrays", 0, OPTION_STRING, &job.coder_arrays, 0, 0, "FOLDER",
         "arrays TAG_*.npy for the entropy coder; without, similar ones are generated"},
        {"coder-tag", 0, OPTION_STRING, &job.coder_tag, 0, 0, "TAG",
         "of these arrays, default kodak"},
        {"json", 0, OPTION_FLAG, &as_json, 0, 0, NULL, "print JSON"},
        OPTION_END};
    const OptionSyntax syntax = {
        .command = "bench",
        .usage = "[options] [IN]",
        .description =
            "Encode and decode a picture several times and print, for every stage, the "
            "least and the median time\nin ms, and MP/s of the least; then the kernels and the "
            "entropy coder by themselves. Without IN a\ngenerated picture of 768x512 is used.",
        .options = options,
        .min_arguments = 0,
        .max_arguments = 1};
    const char *arguments[1];
    int code = options_parse(&syntax, argc, argv, arguments);
    if (code != OPTIONS_CONTINUE)
        return code;
    job.file = arguments[0];
    Json json = {.stream = stdout};
    job.json = as_json ? &json : NULL;

    code = codec_options_open(&job.codec, syntax.command);
    if (code == OPTIONS_CONTINUE)
        code = run_job(&job);
    mica_image_free(&job.image);
    codec_options_close(&job.codec);
    return code;
}
