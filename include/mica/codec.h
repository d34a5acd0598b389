/*
 * Encode and decode one picture in one call.
 *
 * Settings start from their defaults function, so that fields added later keep old callers working.
 * The same input, settings and model give the same bytes and the same pixels on every machine,
 * whatever `threads` and `cpu_mask` are.
 */
#ifndef MICA_CODEC_H
#define MICA_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "mica/image.h"
#include "mica/model.h"
#include "mica/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Milliseconds that one call spent in each stage. */
typedef struct MicaTimes {
    double analysis;  /* pixels to latents (encoder) */
    double hyper;     /* hyperprior networks */
    double context;   /* context networks and quantisation */
    double entropy;   /* rANS coding */
    double synthesis; /* latents to pixels (decoder) */
    double total;
} MicaTimes;

typedef struct MicaEncodeSettings {
    size_t struct_size;
    const MicaModel *model; /* NULL: the built-in S */
    double quality;         /* 0 (smallest file) .. 100, default 50; steps of 0.1 are distinct */
    int effort;             /* 1 (fastest) .. 9, default 5 */
    int threads;            /* 0: one per processor */
    uint32_t cpu_mask; /* instruction sets that may be used, see mica_cpu_flags(); default all */
    MicaTimes *times;  /* filled if not NULL */
    int alpha_quality; /* 100: alpha is kept exactly (default); 0..99: it is rounded to fewer
                          levels, from 2 at 0 to 239 at 99 */
} MicaEncodeSettings;

typedef struct MicaDecodeSettings {
    size_t struct_size;
    const MicaModel *model; /* NULL: a built-in one, by the id in the stream */
    int threads;            /* 0: one per processor */
    uint32_t cpu_mask;
    uint64_t max_pixels; /* larger pictures are refused with MICA_ERROR_LIMIT; default 2^28 */
    MicaTimes *times;
    int depth; /* bits per sample of the result: 8, 16, or 0 for those of the encoded picture */
} MicaDecodeSettings;

MICA_API void mica_encode_defaults(MicaEncodeSettings *settings, size_t struct_size);
MICA_API void mica_decode_defaults(MicaDecodeSettings *settings, size_t struct_size);

/* Encode a picture with its metadata. On failure *out is empty and *error (if not NULL) says why.
 */
MICA_API MicaStatus mica_image_encode(const MicaImage *image, const MicaEncodeSettings *settings,
                                      MicaBuffer *out, MicaError *error);

/* Decode a picture and its metadata into newly allocated memory. On failure *image is zeroed. */
MICA_API MicaStatus mica_image_decode(const void *data, size_t size,
                                      const MicaDecodeSettings *settings, MicaImage *image,
                                      MicaError *error);

/* One length-prefixed section of a stream. */
typedef struct MicaSectionInfo {
    char type[5];  /* four letters and a zero */
    size_t offset; /* of the payload, bytes from the start of the file */
    size_t size;   /* of the payload, bytes */
} MicaSectionInfo;

#define MICA_MAX_SECTIONS 16

typedef struct MicaStreamInfo {
    int version_major, version_minor; /* of the bitstream */
    uint8_t model_id[MICA_MODEL_ID_SIZE];
    int width, height, channels; /* of the picture */
    int depth;                   /* bits per sample of the picture, 8 or 16 */
    int premultiplied;
    MicaColour colour;
    double quality; /* as given to the encoder */
    int section_count;
    MicaSectionInfo sections[MICA_MAX_SECTIONS];
} MicaStreamInfo;

/* Read the headers of a stream without decoding it. */
MICA_API MicaStatus mica_stream_info(const void *data, size_t size, MicaStreamInfo *info,
                                     MicaError *error);

/* Instruction sets that this machine has and this build uses, as bits of cpu_mask. */
MICA_API uint32_t mica_cpu_flags(void);

/* "sse41+avx2", "c", ...: names of the flags, into text of `size` bytes. */
MICA_API void mica_cpu_flags_text(uint32_t flags, char *text, size_t size);

/* Flags from such names ("c" is 0). MICA_ERROR_INVALID_ARGUMENT for an unknown name. */
MICA_API MicaStatus mica_cpu_flags_parse(const char *text, uint32_t *flags);

/* "0.1.0" */
MICA_API const char *mica_version(void);

#ifdef __cplusplus
}
#endif

#endif
