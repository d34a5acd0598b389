/* Pictures of 1/4 the size, where the motion search begins: every place within +-48 pixels. */
#ifndef MICA_CODEC_ENC_COARSE_H
#define MICA_CODEC_ENC_COARSE_H

#include "codec/motion.h"

typedef struct MicaCoarse {
    int width, height;
    ptrdiff_t stride;
    uint8_t *data, *memory;
} MicaCoarse;

/* For pictures of this size. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_coarse_create(MicaCoarse *coarse, int width, int height);
void mica_coarse_free(MicaCoarse *coarse);

void mica_coarse_set(MicaCoarse *coarse, const MicaReference *reference, MicaPool *pool);

/* The vector, in whole pixels, of the square at (column, row): of what is equally good the
 * shortest. */
MicaVector mica_coarse_search(const MicaCoarse *current, const MicaCoarse *reference,
                              const MicaMotionKernels *kernels, int column, int row);

#endif
