/*
 * How fast the kernels run a model's layers, each by itself on one thread, without the rest of a
 * network around: for `mica bench` and for porting to a new processor. Nothing else needs it.
 */
#ifndef MICA_SPEED_H
#define MICA_SPEED_H

#include <stddef.h>
#include <stdint.h>

#include "mica/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum MicaKernelKind {
    MICA_KERNEL_POINTWISE_S16 = 0, /* int16 inputs, int8 weights */
    MICA_KERNEL_POINTWISE_S8 = 1,  /* 8-bit inputs, int8 weights */
    MICA_KERNEL_POINTWISE_S4 = 2,  /* the same layers, weights cut to -8..7 */
    MICA_KERNEL_DEPTHWISE_S8 = 3   /* 3x3, 8-bit inputs, int8 weights */
} MicaKernelKind;

typedef struct MicaKernelSpeed {
    MicaKernelKind kind;
    char layer[32];      /* the first layer of this shape in the model */
    int inputs, outputs; /* channels */
    int pixels;          /* of one call */
    double mac;          /* multiply-accumulates of one call */
    double nanoseconds;  /* of one call, the least of all runs */
} MicaKernelSpeed;

/*
 * Measure every distinct shape of the model's layers with the kernels for `cpu_flags`. At most
 * `capacity` results; *count is their number. MICA_ERROR_OUT_OF_MEMORY.
 */
MICA_API MicaStatus mica_kernel_speed(const MicaModel *model, uint32_t cpu_flags, int runs,
                                      MicaKernelSpeed *speeds, size_t capacity, size_t *count,
                                      MicaError *error);

/* Multiply-accumulates per pixel of the stages of MicaTimes, without what windows recompute at
 * their borders. */
typedef struct MicaStageMac {
    double analysis;
    double hyper_encoder; /* the decoder's, and those that find z */
    double hyper_decoder; /* with the look at a prediction, where the model has one */
    double context;
    double synthesis;
} MicaStageMac;

MICA_API void mica_stage_mac(const MicaModel *model, MicaStageMac *mac);

#ifdef __cplusplus
}
#endif

#endif
