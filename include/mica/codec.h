/*
 * Encode and decode one picture in one call.
 *
 * Settings start from their defaults function, so that fields added later keep old callers working.
 * The same input, settings and model give the same bytes and the same pixels on every machine,
 * whatever `threads` and `cpu_mask` are. Efforts 5 to 9 (3 to 9 in predicted frames) search in
 * floating point, with IEEE 754 single precision operations in a fixed order, so this holds for
 * them as long as the process keeps the default rounding and does not flush denormals to zero.
 * Decoding is integer arithmetic throughout.
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
    double search;    /* better latents (encoder, efforts 2 to 9) */
    double total;
    int encodes; /* how often the encoder coded the picture, to meet a target */
} MicaTimes;

/* Called between parts of the work with the share that is done, 0..1; not 0 stops it, and the call
 * returns MICA_ERROR_CANCELLED. */
typedef int (*MicaProgress)(void *user, double done);

typedef struct MicaEncodeSettings {
    size_t struct_size;
    const MicaModel *model; /* NULL: the built-in S */
    double quality;         /* 0 (smallest file) .. 100, default 50; steps of 0.1 are distinct */
    int effort;             /* 1 (fastest) .. 9 (smallest file), default 2; see docs/effort.md */
    int threads;            /* 0: one per processor */
    uint32_t cpu_mask; /* instruction sets that may be used, see mica_cpu_flags(); default all */
    MicaTimes *times;  /* filled if not NULL */
    int alpha_quality; /* 100: alpha is kept exactly (default); 0..99: it is rounded to fewer
                          levels, from 2 at 0 to 239 at 99 */
    /* Side of the segments, which are coded without knowing each other, in pixels: 0 (the default)
     * for about 1024, or 32..65535, rounded up to a multiple of 32. Smaller ones make regions
     * cheaper to decode and contain damage; they cost bits. */
    int segment;
    /* Not 0: order the file so that what has arrived of it can be decoded (best_effort), better and
     * better. Costs some bytes for each segment. */
    int progressive;
    MicaProgress progress;
    void *progress_user;
    /*
     * Targets, at most one of them; 0: none. With a target `quality` is not looked at: the encoder
     * codes the picture several times (usually 3 to 6) to find the quality that meets it.
     *
     * A size is never exceeded and is met to 1 % below, a PSNR to 0.05 dB. Where even quality 100
     * stays below the size, or quality 0 above the PSNR, that quality is the result; where quality
     * 0 exceeds the size, or quality 100 misses the PSNR, the call fails with MICA_ERROR_LIMIT.
     * (A file of less than 100 bytes is as near as a whole number of bytes can be.)
     */
    size_t target_size; /* bytes of the stream, all sections */
    double target_bpp;  /* bits of the stream per pixel of the picture */
    double target_psnr; /* dB, over all colour samples of the decoded picture */
} MicaEncodeSettings;

/* A rectangle of a picture, in pixels. */
typedef struct MicaRegion {
    int x, y, width, height;
} MicaRegion;

/* What a damaged file lost, as far as it was decoded. */
typedef struct MicaDamage {
    int found; /* 0: the file is intact */
    int segments,
        damaged_segments; /* of those that were decoded; parts of up to 1024x1024 pixels */
    double damaged_area;  /* share of the pixels that lie in damaged segments, 0..1 */
} MicaDamage;

typedef struct MicaDecodeSettings {
    size_t struct_size;
    const MicaModel *model; /* NULL: a built-in one, by the id in the stream */
    int threads;            /* 0: one per processor */
    uint32_t cpu_mask;
    uint64_t max_pixels; /* larger pictures are refused with MICA_ERROR_LIMIT; default 2^28 */
    MicaTimes *times;
    int depth; /* bits per sample of the result: 8, 16, or 0 for those of the encoded picture */
    /* The part to decode; the result equals that part of the whole picture. It takes time and
     * memory for the segments that it touches. All zero (the default): the whole picture. After
     * scaling, that is to say, in pixels of the smaller picture. MICA_ERROR_INVALID_ARGUMENT if it
     * is not in the picture. */
    MicaRegion region;
    int scale; /* 1 (the default), 2, 4 or 8: decode a picture of 1/scale the sides, rounded up */
    /* Bytes that decoding may allocate, the samples included, estimated before any is allocated
     * (to the library's few MB for model and threads); MICA_ERROR_LIMIT. 0 (the default): any. */
    uint64_t max_memory;
    /* 0 (the default): a damaged file is an error. 1: decode what is intact; the rest is predicted
     * from what is, down to a blurred picture from the hyper latents. The header must be intact and
     * the hyper latents be there; damage to one byte of them is undone, more of it costs the
     * segments from there on. */
    int best_effort;
    MicaDamage *damage; /* filled if not NULL and the call succeeds */
    MicaProgress progress;
    void *progress_user;
    /* 0 (the default): the picture that is nearest to the original. Above that, up to 100: noise in
     * place of the detail that was rounded away, as strong as the entropy model expects it. The
     * picture looks less smoothed, and is further from the original. The noise is the same
     * everywhere and every time. */
    int realism;
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
