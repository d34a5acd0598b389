/*
 * The five nets of a picture: analysis and hyper-analysis (encoder), hyper-synthesis (prior), the
 * four-step context and synthesis (decoder; the encoder runs prior and context too, because its
 * symbols depend on them).
 *
 * All of them look at the prediction of the picture if the runner has one (models/condition.h).
 *
 * Integer from pixels to symbols and back; docs/numerics.md states the arithmetic,
 * tools/train/integer.py is the same in numpy. All of them work on windows (models/plane.h).
 */
#ifndef MICA_MODELS_NETS_H
#define MICA_MODELS_NETS_H

#include "mica/image.h"
#include "models/canvas.h"
#include "models/grid.h"
#include "models/noise.h"
#include "models/restoration.h"
#include "models/runner.h"

/* Pixels -> the rows of y (whole width, `latents` channels, before its gain) that the window of `y`
 * covers; even. Gray pictures are seen as RGB with three equal channels, sides are padded by
 * repeating the last row and column. The image has the rows of the picture from `top` on, at least
 * those that the rows of y depend on (mica_analysis_reach() cells of 8x8 pixels more than their own
 * on both sides). */
void mica_analyse(const MicaRunner *runner, const MicaImage *image, int top, int quality,
                  const MicaPlane *y);

/* y -> rows first..last-1 of z, whose window is the whole plane, in 1/16 quantiser step and not yet
 * rounded (models/hyper_context.h). The window of y has the whole width and the rows from
 * mica_hyper_rows_before(first) to mica_hyper_rows_needed(last), as far as the plane goes. */
void mica_hyper_analyse(const MicaRunner *runner, const MicaPlane *y, int quality, int first,
                        int last, const MicaPlane *z);
int mica_hyper_rows_before(int first);
int mica_hyper_rows_needed(int last);

/*
 * The latents of a row of segments, or a part of it, while they are coded. One position of
 * `features` holds the hyper features and then the dequantised latents, the input of the context
 * steps; the window reaches over `rect` by a position (features only), and above it are the last
 * rows of the window before, which the synthesis still needs.
 *
 * A step codes one channel group of M/4 at every position: mean, scale, symbol are arrays of that
 * quarter of the latents in coding order: [phase][rows / 2][columns / 2][M / 4], phase = (row & 1)
 * * 2 + (column & 1).
 */
typedef struct MicaLatents {
    const MicaRunner *runner;
    const MicaGrid *grid;
    int quality;
    int quarter;        /* latents / 4 */
    int stride;         /* channels of features: prior + latents, and latents with noise */
    MicaRect rect;      /* positions that are coded now */
    int segments;       /* of them */
    size_t phase_count; /* elements of one phase */
    size_t step_count;  /* elements of one step */
    MicaPlane features;
    int16_t *mean;                          /* of the current step, in 1/16 */
    uint8_t *scale;                         /* scale indices, of the current step */
    int16_t *symbol;                        /* of the current step */
    MicaGains gain, inverse;                /* y to 1/16 steps and back */
    int16_t offset[MICA_MAX_GAIN_CHANNELS]; /* of the log scales at this quality */
    /* The networks that follow know the latents as they were coded; what is shown may have noise,
     * which has channels of its own. */
    int shown;                            /* first channel of features that the synthesis reads */
    int16_t amplitude[MICA_NOISE_SCALES]; /* of the noise, by scale index */
    int restoration;                      /* strength of the filter; 0 after creation */
} MicaLatents;

/* Rows of latents above the window that the synthesis may need. */
int mica_latents_kept_rows(const MicaNetwork *network);

/* The window that `columns` segments side by side need, surroundings included. */
MicaWindowLimit mica_latents_limit(const MicaGrid *grid, int columns);

/* Bytes that latents of that size allocate. */
size_t mica_latents_memory(const MicaNetwork *network, MicaWindowLimit limit, int realism);

/* `grid` and `runner` outlive the latents. `realism` is 0..100 (models/noise.h); 0: no noise. */
MicaStatus mica_latents_create(MicaLatents *latents, const MicaRunner *runner, const MicaGrid *grid,
                               MicaWindowLimit limit, int quality, int realism, MicaError *error);
void mica_latents_free(MicaLatents *latents);

/* Go on with columns first..last-1 of a row of segments: the same columns every time, and each row
 * after the one above it. The dequantised latents of the new window are zero. */
void mica_latents_move(MicaLatents *latents, int first, int last, int row);

/* Zero the dequantised latents of one segment of the row. */
void mica_latents_clear(const MicaLatents *latents, int segment);

/* Channel group that step k codes at a phase. */
int mica_step_group(int step, int phase);

/* Hyper-synthesis: z (the whole plane) -> the hyper features of the window. */
void mica_prior(MicaLatents *latents, const MicaPlane *z);

/* Rows of z that the prior reads for a window of latents that ends before row `last`. */
int mica_prior_rows_needed(const MicaGeometry *geometry, int last);

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

/* Encoder: symbols of step k from y, whose window covers that of the latents; positions outside the
 * picture get 0. */
void mica_quantise(MicaLatents *latents, int step, const MicaPlane *y,
                   const MicaRounding *rounding);

/* Put the dequantised latents of step k into the features. */
void mica_dequantise(MicaLatents *latents, int step);

/* Rows of 8x8 pixel cells whose latents are known once all above row `last` of y are. */
int mica_synthesis_rows(const MicaRunner *runner, int last);

/* Positions of y that the synthesis of these cells reads. */
MicaRect mica_synthesis_latents(const MicaNetwork *network, const MicaGeometry *geometry,
                                MicaRect cells);

/* Latents in `features` -> the pixels of these cells that lie on the canvas. With a prediction the
 * canvas has 8 bits, the prediction's channels and full size. */
void mica_synthesise(const MicaLatents *latents, MicaRect cells, const MicaCanvas *canvas);

/* Those of the cells whose latents are known after this row of segments, all of them after the last
 * one. */
MicaRect mica_synthesis_known(const MicaLatents *latents, int is_last, MicaRect cells);

/* mica_synthesise() for these; the others remain in `cells`. */
void mica_synthesise_known(const MicaLatents *latents, int is_last, MicaRect *cells,
                           const MicaCanvas *canvas);

/* What the restoration filter of the network would gain in these cells; the strength of the latents
 * does not matter. */
void mica_synthesis_gain(const MicaLatents *latents, MicaRect cells, MicaRestorationGain *gain);

#endif
