/* Models that are part of the library; builtin_data.S holds their bytes. */
#include <string.h>

#include "codec/base/diag.h"
#include "models/model.h"

extern const uint8_t mica_builtin_s[], mica_builtin_s_perceptual[], mica_builtin_v[],
    mica_builtin_v_fast[];
extern const uint32_t mica_builtin_s_size, mica_builtin_s_perceptual_size, mica_builtin_v_size,
    mica_builtin_v_fast_size;

typedef struct Builtin {
    const char *name;
    const uint8_t *data;
    const uint32_t *size;
} Builtin;

static const Builtin builtins[] = {
    {"S", mica_builtin_s, &mica_builtin_s_size},
    {"S-perceptual", mica_builtin_s_perceptual, &mica_builtin_s_perceptual_size},
    {"V", mica_builtin_v, &mica_builtin_v_size},
    {"V-fast", mica_builtin_v_fast, &mica_builtin_v_fast_size},
};

#define BUILTIN_COUNT (sizeof builtins / sizeof *builtins)
#define DIGEST_SIZE 32 /* at the end of a model file; its first bytes are the id */

/* Upper and lower case letters are the same, whatever the locale. */
static int same_name(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if (*a != *b && ((*a | 32) != (*b | 32) || (*a | 32) < 'a' || (*a | 32) > 'z'))
            return 0;
    return *a == *b;
}

const char *mica_model_builtin_name(size_t index)
{
    return index < BUILTIN_COUNT ? builtins[index].name : NULL;
}

MicaStatus mica_model_builtin(MicaModel **model, const char *name, MicaError *error)
{
    if (model)
        *model = NULL;
    if (!model || !name)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no model name");
    for (size_t i = 0; i < BUILTIN_COUNT; i++)
        if (same_name(name, builtins[i].name))
            return mica_model_load_trusted(model, builtins[i].data, *builtins[i].size, error);
    return mica_fail(error, MICA_ERROR_MODEL_MISSING, "there is no built-in model %s", name);
}

MicaStatus mica_model_builtin_by_id(MicaModel **model, const uint8_t id[MICA_MODEL_ID_SIZE],
                                    MicaError *error)
{
    if (model)
        *model = NULL;
    if (!model || !id)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no model id");
    for (size_t i = 0; i < BUILTIN_COUNT; i++)
        if (!memcmp(builtins[i].data + *builtins[i].size - DIGEST_SIZE, id, MICA_MODEL_ID_SIZE))
            return mica_model_load_trusted(model, builtins[i].data, *builtins[i].size, error);
    char text[2 * MICA_MODEL_ID_SIZE + 1];
    for (int i = 0; i < MICA_MODEL_ID_SIZE; i++) {
        text[2 * i] = "0123456789abcdef"[id[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
    }
    text[sizeof text - 1] = 0;
    return mica_fail(error, MICA_ERROR_MODEL_MISSING,
                     "needs the model %s, which is not built in: give its file", text);
}
