/*
 * Running a network over a picture: the thread pool, scratch memory of each thread, and the
 * building blocks that the nets share. All work is split into jobs of whole rows; a job depends on
 * nothing but its index, so the results do not depend on the number of threads.
 *
 * Planes are int16, NHWC; a plane of c channels has stride c unless a stride is given. A runner is
 * used by one caller at a time.
 */
#ifndef MICA_MODELS_RUNNER_H
#define MICA_MODELS_RUNNER_H

#include "codec/base/pool.h"
#include "models/network.h"

/* Sizes of one picture in all resolutions; the padded sides are multiples of 64 pixels. */
typedef struct MicaGeometry {
    int width, height; /* of the picture, pixels */
    int w8, h8;        /* padded, 1/8: the feature streams */
    int w16, h16;      /* padded, 1/16: y */
    int w64, h64;      /* padded, 1/64: z */
    int coded_w16;     /* columns and rows of y that lie in the picture; the rest is not coded */
    int coded_h16;
} MicaGeometry;

MicaGeometry mica_geometry(int width, int height);

typedef struct MicaRunner {
    const MicaNetwork *network;
    MicaPool *pool;
    MicaGeometry geometry;
    uint8_t *scratch;
    size_t scratch_size; /* of one thread */
} MicaRunner;

MicaStatus mica_runner_create(MicaRunner *runner, const MicaNetwork *network, MicaPool *pool,
                              const MicaGeometry *geometry, MicaError *error);
void mica_runner_free(MicaRunner *runner);

/* Scratch memory of a pool thread, 64-byte aligned. */
void *mica_runner_scratch(const MicaRunner *runner, int thread);

/* out = layer(in) over `rows` rows of `width` pixels; strides in elements. */
void mica_run_pointwise(const MicaRunner *runner, const MicaPointwise *layer, const int16_t *in,
                        ptrdiff_t in_stride, int16_t *out, ptrdiff_t out_stride, int width,
                        int rows);

/* One residual block from plane `in` to plane `out` (not the same memory). */
void mica_run_block(const MicaRunner *runner, const MicaBlock *block, const int16_t *in,
                    int16_t *out, int width, int rows);

/* `count` blocks, alternating between planes a and b, starting in a; returns the plane that holds
 * the result. */
int16_t *mica_run_blocks(const MicaRunner *runner, const MicaBlock *blocks, int count, int16_t *a,
                         int16_t *b, int width, int rows);

/* layer(space_to_depth(in, 2)): in is 2 width x 2 rows pixels of layer->inputs / 4 channels. */
void mica_run_down(const MicaRunner *runner, const MicaPointwise *layer, const int16_t *in,
                   int16_t *out, int width, int rows);

/* depth_to_space(layer(in), 2): out is 2 width x 2 rows pixels of layer->outputs / 4 channels. */
void mica_run_up(const MicaRunner *runner, const MicaPointwise *layer, const int16_t *in,
                 ptrdiff_t in_stride, int16_t *out, int width, int rows);

/* Apply the gains of `quality` in place; anchors is [MICA_GAIN_ANCHORS][channels]. */
void mica_run_gain(const MicaRunner *runner, const int16_t *anchors, int quality, int channels,
                   int16_t *plane, int width, int rows);

/* Mantissas and shifts of one gain table at one quality, for up to MICA_MAX_GAIN_CHANNELS channels.
 */
#define MICA_MAX_GAIN_CHANNELS 1024
typedef struct MicaGains {
    int16_t mantissa[MICA_MAX_GAIN_CHANNELS];
    uint8_t shift[MICA_MAX_GAIN_CHANNELS];
} MicaGains;

void mica_gains_at(const int16_t *anchors, int channels, int quality, int sign, MicaGains *gains);

#endif
