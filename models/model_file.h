/*
 * The model file: named integer tensors (docs/models.md gives every field).
 *
 * The parser checks magic, versions, lengths and the SHA-256 before it hands out anything; it
 * allocates one block for the tensor table and one for the values in host byte order. Names are
 * unique, dimensions and the memory for the values are bounded, the latter by the file's size too.
 */
#ifndef MICA_MODELS_MODEL_FILE_H
#define MICA_MODELS_MODEL_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "codec/base/attributes.h"
#include "mica/model.h"
#include "mica/status.h"

typedef enum MicaTensorType {
    MICA_TENSOR_S8 = 1,
    MICA_TENSOR_U8 = 2,
    MICA_TENSOR_S16 = 3,
    MICA_TENSOR_S32 = 4
} MicaTensorType;

#define MICA_TENSOR_MAX_DIMS 4

typedef struct MicaTensor {
    char name[64];
    MicaTensorType type;
    int ndim;
    uint32_t dims[MICA_TENSOR_MAX_DIMS];
    size_t count;     /* elements */
    const void *data; /* host byte order, 64-byte aligned, owned by the model file */
} MicaTensor;

/* Channel and block counts of the picture networks. */
typedef struct MicaNetworkConfig {
    int features;      /* channels at 1/8 */
    int latents;       /* channels of y at 1/16 */
    int hyper;         /* channels of z at 1/64 */
    int analysis;      /* blocks */
    int synthesis;     /* blocks */
    int prior;         /* hyper feature channels at 1/16 */
    int context;       /* channels of the context steps */
    int condition;     /* blocks that look at a prediction; 0 in architectures without one */
    int restoration;   /* there is a restoration filter */
    int hyper_context; /* hidden channels of the context of z; 0 in architectures without one */
} MicaNetworkConfig;

typedef struct MicaModelFile {
    char name[32];
    uint8_t id[MICA_MODEL_ID_SIZE];
    size_t file_size;
    MicaNetworkConfig config;
    int tensor_count;
    MicaTensor *tensors;
    uint8_t *values;
} MicaModelFile;

#define MICA_MODEL_FORMAT_VERSION 3

/* The architectures: picture networks, the same with a prediction of the picture, with a
 * restoration filter, and with any of these and a context of the hyper latents. */
#define MICA_ARCHITECTURE_PICTURE 1
#define MICA_ARCHITECTURE_PREDICTED 2
#define MICA_ARCHITECTURE_RESTORED 3
#define MICA_ARCHITECTURE_COMBINED 4

/* `verify` computes the checksum; without it (for files that are part of the library, which a test
 * verifies) the id is taken as it stands. MICA_ERROR_MODEL_CORRUPT, MICA_ERROR_UNSUPPORTED_VERSION,
 * MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_model_file_parse(MicaModelFile *file, const void *data, size_t size, int verify,
                                 MicaError *error);
void mica_model_file_free(MicaModelFile *file);

/* The tensor of that name if it has this type and shape (dims up to the first 0), else NULL. */
const MicaTensor *mica_model_file_find(const MicaModelFile *file, const char *name,
                                       MicaTensorType type, uint32_t dim0, uint32_t dim1);

/* Weights of a layer, [outputs][inputs]: int8, or int16 where they are wide. */
typedef struct MicaWeights {
    const void *data;
    int wide;
} MicaWeights;

/* Those of the layer of that name; data is NULL if they are not there. */
MicaWeights mica_model_file_weights(const MicaModelFile *file, const char *layer, int outputs,
                                    int inputs);

MICA_INLINE int mica_weight_at(MicaWeights w, ptrdiff_t i)
{
    return w.wide ? ((const int16_t *)w.data)[i] : ((const int8_t *)w.data)[i];
}

#endif
