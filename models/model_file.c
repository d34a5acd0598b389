#include "models/model_file.h"

#include <stdio.h>
#include <string.h>

#include "codec/base/bytes.h"
#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/base/sha256.h"
#include "models/model_values.h"

#define DIGEST_SIZE 32
#define MAX_TENSORS 4096
#define MAX_BYTES (1u << 26) /* of all values */
/* A table entry takes at least 2 + 2 + 4 + 10 bytes. */
#define MIN_ENTRY 18
/* Zeros cost next to nothing, so a short file could ask for much; real models expand less than 8
 * times. */
#define MAX_EXPANSION 64

static const char magic[8] = {'M', 'I', 'C', 'A', 'M', 'O', 'D', 'L'};

static size_t type_size(int type)
{
    switch (type) {
    case MICA_TENSOR_S8:
    case MICA_TENSOR_U8:
        return 1;
    case MICA_TENSOR_S16:
        return 2;
    case MICA_TENSOR_S32:
        return 4;
    default:
        return 0;
    }
}

static MicaStatus corrupt(MicaError *error, const char *what)
{
    return mica_fail(error, MICA_ERROR_MODEL_CORRUPT, "model file is damaged: %s", what);
}

static size_t aligned(size_t n)
{
    return (n + MICA_ALIGNMENT - 1) & ~(size_t)(MICA_ALIGNMENT - 1);
}

/* A length-prefixed name of printable characters into text[size]. */
static int read_name(MicaReader *r, char *text, size_t size)
{
    const size_t length = mica_read8(r);
    const uint8_t *p = mica_read_bytes(r, length);
    if (!p || length == 0 || length >= size)
        return 0;
    for (size_t i = 0; i < length; i++)
        if (p[i] <= ' ' || p[i] > '~')
            return 0;
    memcpy(text, p, length);
    text[length] = 0;
    return 1;
}

static int read_tensor_header(MicaReader *r, MicaTensor *t)
{
    if (!read_name(r, t->name, sizeof t->name))
        return 0;
    const int type = mica_read8(r);
    t->ndim = mica_read8(r);
    if (!type_size(type) || t->ndim < 1 || t->ndim > MICA_TENSOR_MAX_DIMS)
        return 0;
    t->type = (MicaTensorType)type;
    t->count = 1;
    for (int i = 0; i < t->ndim; i++) {
        t->dims[i] = mica_read32(r);
        if (t->dims[i] == 0 || t->dims[i] > MAX_BYTES / t->count)
            return 0;
        t->count *= t->dims[i];
    }
    return !r->failed;
}

/* The table, then room for the values, then the values. */
static MicaStatus parse_values(MicaModelFile *file, MicaValueCode *codes, MicaReader *r,
                               MicaError *error)
{
    size_t in_memory = 0;
    for (int i = 0; i < file->tensor_count; i++) {
        MicaTensor *t = &file->tensors[i];
        if (!read_tensor_header(r, t) || !mica_value_code_read(r, &codes[i]))
            return corrupt(error, "tensor table");
        for (int j = 0; j < i; j++)
            if (!strcmp(file->tensors[j].name, t->name))
                return corrupt(error, "two tensors of one name");
        in_memory += aligned(t->count * type_size(t->type)) + MICA_ALIGNMENT;
        if (in_memory > MAX_BYTES || in_memory / MAX_EXPANSION > r->size)
            return corrupt(error, "tensors are too large");
    }
    file->values = mica_alloc(in_memory + 1, 1);
    if (!file->values)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the model");
    uint8_t *to = file->values;
    for (int i = 0; i < file->tensor_count; i++) {
        MicaTensor *t = &file->tensors[i];
        t->data = to;
        to += aligned(t->count * type_size(t->type)) + MICA_ALIGNMENT;
    }
    return mica_values_decode(r, file->tensors, codes, file->tensor_count, error);
}

/* What an architecture has beside the picture networks. */
static int read_parts(MicaNetworkConfig *config, int architecture, MicaReader *r)
{
    switch (architecture) {
    case MICA_ARCHITECTURE_PREDICTED:
        config->condition = mica_read16(r);
        return config->condition > 0;
    case MICA_ARCHITECTURE_RESTORED:
        config->restoration = 1;
        return 1;
    case MICA_ARCHITECTURE_COMBINED:
        config->condition = mica_read16(r);
        config->restoration = mica_read16(r);
        config->hyper_context = mica_read16(r);
        return config->restoration <= !config->condition;
    default:
        return 1;
    }
}

static MicaStatus parse(MicaModelFile *file, MicaReader *r, int architecture, MicaError *error)
{
    const int name_ok = read_name(r, file->name, sizeof file->name);
    int *const dims[7] = {&file->config.features, &file->config.latents,   &file->config.hyper,
                          &file->config.analysis, &file->config.synthesis, &file->config.prior,
                          &file->config.context};
    for (int i = 0; i < 7; i++)
        *dims[i] = mica_read16(r);
    if (!read_parts(&file->config, architecture, r))
        return corrupt(error, "parts of the architecture");
    file->tensor_count = mica_read16(r);
    if (!name_ok || r->failed || file->tensor_count > MAX_TENSORS)
        return corrupt(error, "header");
    /* No large table for a short file. */
    if ((size_t)file->tensor_count > mica_reader_left(r) / MIN_ENTRY)
        return corrupt(error, "tensor count");

    file->tensors = mica_alloc_zero((size_t)file->tensor_count + 1, sizeof *file->tensors);
    MicaValueCode *codes = mica_alloc_zero((size_t)file->tensor_count + 1, sizeof *codes);
    MicaStatus status = MICA_ERROR_OUT_OF_MEMORY;
    if (!file->tensors || !codes)
        mica_fail(error, status, "no memory for the model");
    else
        status = parse_values(file, codes, r, error);
    mica_free(codes);
    return status;
}

MicaStatus mica_model_file_parse(MicaModelFile *file, const void *data, size_t size, int verify,
                                 MicaError *error)
{
    memset(file, 0, sizeof *file);
    if (size < sizeof magic + DIGEST_SIZE + 16 || memcmp(data, magic, sizeof magic) != 0)
        return mica_fail(error, MICA_ERROR_MODEL_CORRUPT, "not a mica model file");
    const size_t body = size - DIGEST_SIZE;
    MicaReader r = mica_reader((const uint8_t *)data + sizeof magic, body - sizeof magic);
    const int version = mica_read16(&r), architecture = mica_read16(&r);
    if (version > MICA_MODEL_FORMAT_VERSION || architecture > MICA_ARCHITECTURE_COMBINED)
        return mica_fail(error, MICA_ERROR_UNSUPPORTED_VERSION,
                         "model format %d, architecture %d is newer than this mica", version,
                         architecture);
    const uint8_t *stored = (const uint8_t *)data + body;
    if (verify) {
        uint8_t digest[DIGEST_SIZE];
        mica_sha256(data, body, digest);
        if (memcmp(digest, stored, DIGEST_SIZE) != 0)
            return corrupt(error, "checksum");
    }
    if (version != MICA_MODEL_FORMAT_VERSION || architecture < MICA_ARCHITECTURE_PICTURE)
        return corrupt(error, "version");
    memcpy(file->id, stored, sizeof file->id);
    file->file_size = size;

    const MicaStatus status = parse(file, &r, architecture, error);
    if (status != MICA_OK)
        mica_model_file_free(file);
    return status;
}

void mica_model_file_free(MicaModelFile *file)
{
    mica_free(file->tensors);
    mica_free(file->values);
    memset(file, 0, sizeof *file);
}

static int has_shape(const MicaTensor *t, uint32_t dim0, uint32_t dim1)
{
    return t->ndim == (dim1 ? 2 : 1) && t->dims[0] == dim0 && (!dim1 || t->dims[1] == dim1);
}

/* The tensor of that name and shape, else NULL. */
static const MicaTensor *find(const MicaModelFile *file, const char *name, uint32_t dim0,
                              uint32_t dim1)
{
    for (int i = 0; i < file->tensor_count; i++)
        if (strcmp(file->tensors[i].name, name) == 0)
            return has_shape(&file->tensors[i], dim0, dim1) ? &file->tensors[i] : NULL;
    return NULL;
}

const MicaTensor *mica_model_file_find(const MicaModelFile *file, const char *name,
                                       MicaTensorType type, uint32_t dim0, uint32_t dim1)
{
    const MicaTensor *t = find(file, name, dim0, dim1);
    return t && t->type == type ? t : NULL;
}

MicaWeights mica_model_file_weights(const MicaModelFile *file, const char *layer, int outputs,
                                    int inputs)
{
    char name[96];
    snprintf(name, sizeof name, "%s.weight", layer);
    const MicaTensor *t = find(file, name, (uint32_t)outputs, (uint32_t)inputs);
    if (!t || (t->type != MICA_TENSOR_S8 && t->type != MICA_TENSOR_S16))
        return (MicaWeights){NULL, 0};
    return (MicaWeights){t->data, t->type == MICA_TENSOR_S16};
}
