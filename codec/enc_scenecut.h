/*
 * Finding cuts: a frame that the one before does not help to predict is better coded as a key
 * frame. Decided on pictures of 1/8 the size, by what remains of blocks of 8x8 after a search for
 * motion, compared to what remains when their own mean is subtracted.
 */
#ifndef MICA_CODEC_ENC_SCENECUT_H
#define MICA_CODEC_ENC_SCENECUT_H

#include "mica/image.h"
#include "transforms/motion_kernels.h"

typedef struct MicaSceneCut {
    int width, height; /* of the small pictures */
    uint8_t *small[2]; /* of this frame and the one before */
    int started;
} MicaSceneCut;

/* MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_scene_cut_create(MicaSceneCut *scene, int width, int height);
void mica_scene_cut_free(MicaSceneCut *scene);

/* Look at the next frame: whether a new scene begins with it. */
int mica_scene_cut_next(MicaSceneCut *scene, const MicaMotionKernels *kernels,
                        const MicaImage *image);
void mica_scene_cut_restart(MicaSceneCut *scene);

#endif
