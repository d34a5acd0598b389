/* Options that several commands share, and models by name or file. */
#ifndef MICA_TOOLS_CODEC_OPTIONS_H
#define MICA_TOOLS_CODEC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "mica/codec.h"
#include "mica/model.h"
#include "tools/options.h"

typedef struct CodecOptions {
    const char *model_name;
    const char *cpu;
    int threads;
    bool verbose;
    /* Set by codec_options_open(): */
    MicaModel *model; /* NULL if none was named */
    uint32_t cpu_mask;
} CodecOptions;

#define MAX_THREADS 1024

#define OPTION_MODEL(options, text)                                                                \
    {                                                                                              \
        "model", 0, OPTION_STRING, &(options).model_name, 0, 0, "S|S-perceptual|FILE", text        \
    }
#define OPTION_THREADS(options)                                                                    \
    {                                                                                              \
        "threads", 0, OPTION_INT, &(options).threads, 0, MAX_THREADS, "N",                         \
            "threads to use; 0: one per processor (default)"                                       \
    }
#define OPTION_CPU(options)                                                                        \
    {                                                                                              \
        "cpu", 0, OPTION_STRING, &(options).cpu, 0, 0, "FLAGS",                                    \
            "instruction sets to use, for example avx2 or c (none)"                                \
    }
#define OPTION_VERBOSE(options)                                                                    \
    {                                                                                              \
        "verbose", 'v', OPTION_FLAG, &(options).verbose, 0, 0, NULL, "say more on stderr"          \
    }
#define OPTION_END                                                                                 \
    {                                                                                              \
        NULL, 0, OPTION_FLAG, NULL, 0, 0, NULL, NULL                                               \
    }

/* Choose the model for "psnr" or "perceptual"; NULL leaves it as it is. Returns as the next one. */
int codec_options_tune(CodecOptions *options, const char *command, const char *tune);

/* Check the names and load the model; returns OPTIONS_CONTINUE or, after a message, the exit code.
 */
int codec_options_open(CodecOptions *options, const char *command);

void codec_options_close(CodecOptions *options);

/* A built-in model by its name, or one from a file; "./S" is always a file. */
MicaStatus model_open(MicaModel **model, const char *name, MicaError *error);
MicaStatus model_open_file(MicaModel **model, const char *file, MicaError *error);

void codec_options_decoder(const CodecOptions *options, MicaDecodeSettings *settings);

#define MODEL_ID_TEXT_SIZE (2 * MICA_MODEL_ID_SIZE + 1)

/* The id in hexadecimal digits. */
void model_id_text(const uint8_t id[MICA_MODEL_ID_SIZE], char text[MODEL_ID_TEXT_SIZE]);

#endif
