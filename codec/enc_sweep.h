/*
 * Rate-distortion optimised quantisation in sweeps: the picture is decoded in float, and every
 * latent whose symbol is better one step up or down takes that step; then again.
 *
 * The gain of a step follows from the gradient of the squared error at the decoded picture, its
 * curvature, and the bits of both symbols under the coder's own models. What thresholds on a latent
 * by itself cannot know is in the gradient: the errors of all the latents that reach the same
 * pixels.
 */
#ifndef MICA_CODEC_ENC_SWEEP_H
#define MICA_CODEC_ENC_SWEEP_H

#include "codec/enc_search_window.h"

/* `count` sweeps over the targets of the window. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_search_sweep(MicaSearchWindow *window, int count, MicaError *error);

#endif
