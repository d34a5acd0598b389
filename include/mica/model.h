/*
 * Models: the trained integer networks. Weights are normative: a stream names the model that wrote
 * it by its id, and only that model decodes it.
 *
 * A MicaModel is immutable and reference counted; any number of threads and calls may use it at
 * once.
 */
#ifndef MICA_MODEL_H
#define MICA_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "mica/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MICA_MODEL_ID_SIZE 8

typedef struct MicaModel MicaModel;

typedef struct MicaModelInfo {
    uint8_t id[MICA_MODEL_ID_SIZE]; /* first bytes of the SHA-256 of the model file */
    char name[32];                  /* "S", "M", "L" or what the trainer called it */
    int format_version;             /* of the model file */
    size_t file_size;               /* bytes */
    size_t parameters;              /* weights and biases */
    double decoder_kmac_per_pixel;  /* multiply-accumulates of the decoder per picture pixel, in
                                       thousands */
    double encoder_kmac_per_pixel; /* the same for the encoder, without the decoder networks that it
                                      runs too */
    int condition; /* blocks that look at a prediction: with any, the model codes predicted frames
                      of a video, and no pictures by themselves */
} MicaModelInfo;

/* Load and check a model from memory; the bytes may be released afterwards. `error` may be NULL.
 * MICA_ERROR_MODEL_CORRUPT, MICA_ERROR_UNSUPPORTED_VERSION, MICA_ERROR_OUT_OF_MEMORY. */
MICA_API MicaStatus mica_model_load(MicaModel **model, const void *data, size_t size,
                                    MicaError *error);

/* A model compiled into the library by its name ("S"), upper or lower case.
 * MICA_ERROR_MODEL_MISSING. */
MICA_API MicaStatus mica_model_builtin(MicaModel **model, const char *name, MicaError *error);

/* Name of built-in model number 0, 1, ...; NULL after the last one. "S" is tuned for PSNR,
 * "S-perceptual" for what people see (SSIMULACRA 2), at a loss of PSNR. */
MICA_API const char *mica_model_builtin_name(size_t index);

/* A model compiled into the library by its id. MICA_ERROR_MODEL_MISSING. */
MICA_API MicaStatus mica_model_builtin_by_id(MicaModel **model,
                                             const uint8_t id[MICA_MODEL_ID_SIZE],
                                             MicaError *error);

/* Check the SHA-256 over the bytes that the model came from, and load them once more. Built-in
 * models are not checked when they are opened; for others mica_model_load() has done it, and this
 * returns at once. MICA_ERROR_MODEL_CORRUPT, MICA_ERROR_OUT_OF_MEMORY. */
MICA_API MicaStatus mica_model_verify(const MicaModel *model, MicaError *error);

MICA_API MicaModel *mica_model_ref(MicaModel *model);

/* Drop a reference and set *model to NULL; NULL is fine. */
MICA_API void mica_model_unref(MicaModel **model);

/* No model: all zero. */
MICA_API void mica_model_info(const MicaModel *model, MicaModelInfo *info);

#ifdef __cplusplus
}
#endif

#endif
