/*
 * The five nets of a picture: analysis and hyper-analysis (encoder), hyper-synthesis (prior), the
 * four-step context and synthesis (decoder; the encoder runs prior and context too, because its
 * symbols depend on them).
 *
 * Integer from pixels to symbols and back; docs/numerics.md states the arithmetic,
 * tools/train/integer.py is the same in numpy. All planes are int16 NHWC, allocated by the caller.
 */
#ifndef MICA_MODELS_NETS_H
#define MICA_MODELS_NETS_H

#include "mica/image.h"
#include "models/runner.h"

/* Pixels -> y (w16 x h16 x latents), before its gain. Gray pictures are seen as RGB with three
 * equal channels, sides are padded by repeating the last row and column. */
MicaStatus mica_analyse(const MicaRunner *runner, const MicaImage *image, int quality, int16_t *y,
                        MicaError *error);

/* y -> symbols of z (w64 x h64 x hyper). */
MicaStatus mica_hyper_analyse(const MicaRunner *runner, const int16_t *y, int quality, int16_t *z,
                              MicaError *error);

/* Shape and scale index of every symbol of z (w64 x h64 x hyper) at a quality. */
void mica_z_models(const MicaRunner *runner, int quality, uint8_t *shape, uint8_t *scale);

/*
 * The latents while they are coded. One pixel of `features` holds the hyper features and then the
 * dequantised latents, the input of the context steps.
 *
 * A step codes one channel group of M/4 at every position: mean, scale, symbol are arrays of that
 * quarter of the latents in coding order: [phase][h16 / 2][w16 / 2][M / 4], phase = (row & 1) * 2 +
 * (column & 1).
 */
typedef struct MicaLatents {
    const MicaRunner *runner;
    int quality;
    int quarter;        /* latents / 4 */
    int stride;         /* channels of features: prior + latents */
    size_t phase_count; /* elements of one phase */
    size_t step_count;  /* elements of one step */
    int16_t *features;
    int16_t *plane[2];                      /* streams of the context block */
    int16_t *mean;                          /* of the current step, in 1/16 */
    uint8_t *scale;                         /* scale indices, of the current step */
    int16_t *symbol;                        /* of the current step */
    MicaGains gain, inverse;                /* y to 1/16 steps and back */
    int16_t offset[MICA_MAX_GAIN_CHANNELS]; /* of the log scales at this quality */
} MicaLatents;

MicaStatus mica_latents_create(MicaLatents *latents, const MicaRunner *runner, int quality,
                               MicaError *error);
void mica_latents_free(MicaLatents *latents);

/* Channel group that step k codes at a phase. */
int mica_step_group(int step, int phase);

/* Hyper-synthesis: symbols of z -> the hyper features; clears the dequantised latents. */
MicaStatus mica_prior(MicaLatents *latents, const int16_t *z, MicaError *error);

/* Means and scale indices of step k from the features. */
void mica_context(MicaLatents *latents, int step);

/*
 * How the encoder rounds a residual of magnitude m (in 1/16 step) whose model is (shape, scale): 0
 * below threshold[shape][scale][0], 1 below threshold[shape][scale][1], and beyond that like the
 * step from 1 to 2, period 16. Plain rounding is 8 and 24 everywhere. Scale indices below `skip`
 * give 0.
 */
typedef struct MicaRounding {
    int skip;
    uint8_t threshold[16][64][2];
} MicaRounding;

/* Encoder: symbols of step k from y; positions outside the picture get 0. */
void mica_quantise(MicaLatents *latents, int step, const int16_t *y, const MicaRounding *rounding);

/* Put the dequantised latents of step k into the features. */
void mica_dequantise(MicaLatents *latents, int step);

/* Latents in `features` -> pixels; image is allocated, gray takes the mean of the three channels.
 */
MicaStatus mica_synthesise(const MicaLatents *latents, MicaImage *image, MicaError *error);

#endif
