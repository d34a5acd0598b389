/* Inside of MicaModel: a parsed file and the networks packed from it, one for each kernel level
 * asked for. */
#ifndef MICA_MODELS_MODEL_H
#define MICA_MODELS_MODEL_H

#include "mica/model.h"
#include "models/network.h"

/* The network of the model for these CPU flags, built on first use; it lives as long as the model.
 * Thread safe. */
MicaStatus mica_model_network(const MicaModel *model, uint32_t cpu_flags,
                              const MicaNetwork **network, MicaError *error);

/* mica_model_load() for bytes that are part of the library: the checksum is not computed, which
 * saves a fifth of the time to load. They must outlive the model, for mica_model_verify(). */
MicaStatus mica_model_load_trusted(MicaModel **model, const void *data, size_t size,
                                   MicaError *error);

const uint8_t *mica_model_id(const MicaModel *model);

/* The parsed file, as long as the model lives. */
const MicaModelFile *mica_model_file(const MicaModel *model);

#endif
