#include "models/model.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "codec/base/cpu.h"
#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "entropy/shared_tables.h"

typedef struct PackedNetwork {
    struct PackedNetwork *next;
    uint32_t cpu_flags;
    MicaNetwork *network;
} PackedNetwork;

struct MicaModel {
    atomic_int references;
    MicaModelFile file;
    pthread_mutex_t lock; /* guards `packed`; entries never change once linked */
    PackedNetwork *packed;
    const MicaSymbolTables *tables; /* held so that no picture has to build them */
    const void *unchecked;          /* the bytes whose checksum was not computed, or NULL */
};

static MicaStatus load(MicaModel **model, const void *data, size_t size, int verify,
                       MicaError *error)
{
    if (model)
        *model = NULL;
    if (!model || !data)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no model data");
    MicaModel *m = mica_alloc_zero(1, sizeof *m);
    if (!m)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the model");
    atomic_init(&m->references, 1);
    m->unchecked = verify ? NULL : data;
    pthread_mutex_init(&m->lock, NULL);
    m->tables = mica_shared_tables_acquire();
    MicaStatus status = m->tables
                            ? mica_model_file_parse(&m->file, data, size, verify, error)
                            : mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the model");
    const MicaNetwork *network;
    if (status == MICA_OK) /* checks the tensors, and packs what will be needed anyway */
        status = mica_model_network(m, mica_cpu_flags(), &network, error);
    if (status != MICA_OK)
        mica_model_unref(&m);
    *model = m;
    return status;
}

MicaStatus mica_model_load(MicaModel **model, const void *data, size_t size, MicaError *error)
{
    return load(model, data, size, 1, error);
}

MicaStatus mica_model_load_trusted(MicaModel **model, const void *data, size_t size,
                                   MicaError *error)
{
    return load(model, data, size, 0, error);
}

MicaStatus mica_model_verify(const MicaModel *model, MicaError *error)
{
    if (!model)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no model");
    if (!model->unchecked)
        return MICA_OK;
    MicaModel *again;
    const MicaStatus status =
        mica_model_load(&again, model->unchecked, model->file.file_size, error);
    mica_model_unref(&again);
    return status;
}

MicaModel *mica_model_ref(MicaModel *model)
{
    if (model)
        atomic_fetch_add(&model->references, 1);
    return model;
}

void mica_model_unref(MicaModel **model)
{
    if (!model || !*model)
        return;
    MicaModel *m = *model;
    *model = NULL;
    if (atomic_fetch_sub(&m->references, 1) != 1)
        return;
    while (m->packed) {
        PackedNetwork *next = m->packed->next;
        mica_network_destroy(&m->packed->network);
        mica_free(m->packed);
        m->packed = next;
    }
    mica_model_file_free(&m->file);
    mica_shared_tables_release(&m->tables);
    pthread_mutex_destroy(&m->lock);
    mica_free(m);
}

MicaStatus mica_model_network(const MicaModel *model, uint32_t cpu_flags,
                              const MicaNetwork **network, MicaError *error)
{
    /* The cache of packed weights is not part of the model's value, hence the const in the
     * signature. */
    MicaModel *m = (MicaModel *)(uintptr_t)model;
    MicaStatus status = MICA_OK;
    pthread_mutex_lock(&m->lock);
    PackedNetwork *p = m->packed;
    while (p && p->cpu_flags != cpu_flags)
        p = p->next;
    if (!p) {
        p = mica_alloc_zero(1, sizeof *p);
        status = p ? mica_network_create(&p->network, &m->file, cpu_flags, error)
                   : mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the model");
        if (status == MICA_OK) {
            p->cpu_flags = cpu_flags;
            p->next = m->packed;
            m->packed = p;
        } else {
            mica_free(p);
        }
    }
    *network = status == MICA_OK ? p->network : NULL;
    pthread_mutex_unlock(&m->lock);
    return status;
}

const MicaModelFile *mica_model_file(const MicaModel *model)
{
    return &model->file;
}

const uint8_t *mica_model_id(const MicaModel *model)
{
    return model->file.id;
}

void mica_model_info(const MicaModel *model, MicaModelInfo *info)
{
    if (!info)
        return;
    memset(info, 0, sizeof *info);
    if (!model)
        return;
    const MicaModelFile *f = &model->file;
    memcpy(info->id, f->id, sizeof info->id);
    memcpy(info->name, f->name, sizeof info->name);
    info->format_version = MICA_MODEL_FORMAT_VERSION;
    info->file_size = f->file_size;
    for (int i = 0; i < f->tensor_count; i++)
        info->parameters += f->tensors[i].count;
    double encoder, decoder;
    mica_network_complexity(&f->config, &encoder, &decoder);
    info->encoder_kmac_per_pixel = encoder / 1000;
    info->decoder_kmac_per_pixel = decoder / 1000;
    info->condition = f->config.condition;
}
