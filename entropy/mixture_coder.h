/*
 * Segments of elements with mixture models; see mixture.h for the models and rans.h for the
 * segment.
 *
 * Elements that are 0 with more than `skip` of the 2^20 slots, by the likeliest symbol that the
 * kernels find, are not in the segment; skip = MICA_RANS_SLOTS codes all.
 */
#ifndef MICA_ENTROPY_MIXTURE_CODER_H
#define MICA_ENTROPY_MIXTURE_CODER_H

#include "entropy/mixture.h"

MicaStatus mica_mixture_encode(const MicaMixtureTables *tables, const MicaMixtureDsp *dsp,
                               const MicaEntropyModel *model, uint32_t skip, const int16_t *symbols,
                               size_t count, MicaWriter *writer);

/* The next `count` symbols; the block is working space. */
void mica_mixture_decode(const MicaMixtureTables *tables, const MicaMixtureDsp *dsp,
                         const MicaEntropyModel *model, uint32_t skip, MicaRansDecoder *rans,
                         MicaMixtureBlock *block, int16_t *symbols, size_t count);

#endif
