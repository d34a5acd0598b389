/*
 * The codecs that mica eval compares: mica itself and its peers, all run as programs, so that times
 * and memory mean the same for each. A new peer is one more entry of the table in codecs.c.
 */
#ifndef MICA_TOOLS_EVAL_CODECS_H
#define MICA_TOOLS_EVAL_CODECS_H

#include <stdbool.h>
#include <stdint.h>

#include "mica/image.h"

#define CODEC_MAX_ARGUMENTS 24
#define CODEC_NAME_SIZE 64
#define CODEC_MAX_QUALITIES 12

typedef enum CodecFormat { FORMAT_PNM, FORMAT_PNG, FORMAT_Y4M } CodecFormat;

typedef struct Codec {
    const char *name;
    /* Arguments of the encoder and of the decoder, the program first; {q}, {in}, {coded}, {out},
     * {threads}, {model}, {effort} and {realism} are replaced, and arguments that are then empty
     * dropped. Without a decoder, the encoder writes the decoded picture to {out} too. */
    const char *const *encode, *const *decode;
    CodecFormat input, output;
    double (*scale)(double quality); /* from 0..100 to what the encoder takes; NULL: the same */
    double qualities[CODEC_MAX_QUALITIES]; /* the default ones, ends with a negative number */
} Codec;

extern const Codec codec_table[];
extern const int codec_count;

/* What is the same for all runs of a codec. */
typedef struct CodecSetup {
    const Codec *codec;
    char name[CODEC_NAME_SIZE]; /* of its curve: that of the codec, or mica: and the model's */
    char encoder[1024], decoder[1024]; /* paths of the programs */
    char model[1100];                  /* of mica, as its option; "" for the default */
    const char *effort, *realism;      /* the same */
    int threads;
    uint64_t files; /* hash of the programs and of the model file */
} CodecSetup;

/* Find the programs. `self` is the path of mica. False if one is missing. */
bool codec_find(CodecSetup *setup, const Codec *codec, const char *self);

/* A number that changes with everything that the result of a run depends on, the picture apart. */
uint64_t codec_fingerprint(const CodecSetup *setup, double quality);

typedef struct CodecRun {
    double bytes;
    double encode_ms, decode_ms;         /* wall time; NaN without a decoder */
    double encode_cpu_ms, decode_cpu_ms; /* processor time, of all threads */
    double memory_kb;                    /* the peak of the encoder or of the decoder */
} CodecRun;

/* Encode and decode a picture in a folder of its own. *decoded is to be freed. */
MicaStatus codec_run(const CodecSetup *setup, double quality, const MicaImage *picture,
                     CodecRun *run, MicaImage *decoded, MicaError *error);

/* FNV-1a, continued from `hash`. */
#define HASH_START 0xcbf29ce484222325u
uint64_t hash_bytes(uint64_t hash, const void *data, size_t size);

#endif
