/*
 * Running a network over windows of a picture: the thread pool, work memory, and the building
 * blocks that the nets share. All work is split into jobs of whole rows; a job depends on nothing
 * but its index, so the results do not depend on the number of threads.
 *
 * A runner is used by one caller at a time.
 */
#ifndef MICA_MODELS_RUNNER_H
#define MICA_MODELS_RUNNER_H

#include "codec/base/pool.h"
#include "models/network.h"
#include "models/plane.h"

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

/* The row of pixels that stands for row y: beyond the picture its first and last rows repeat. */
MICA_INLINE int mica_repeated_row(const MicaGeometry *g, int y)
{
    return y < 0 ? 0 : y < g->height ? y : g->height - 1;
}

/* The padded plane at 1/16, and those at 1/32 and 1/8. */
MICA_INLINE MicaRect mica_whole16(const MicaGeometry *g)
{
    return (MicaRect){0, 0, g->w16, g->h16};
}

MICA_INLINE MicaRect mica_whole32(const MicaGeometry *g)
{
    return (MicaRect){0, 0, g->w64 * 2, g->h64 * 2};
}

MICA_INLINE MicaRect mica_whole8(const MicaGeometry *g)
{
    return (MicaRect){0, 0, g->w8, g->h8};
}

struct MicaCondition;

typedef struct MicaRunner {
    const MicaNetwork *network;
    MicaPool *pool;
    MicaGeometry geometry;
    int rows8; /* largest number of rows at 1/8 that the feature streams may have in memory */
    uint8_t *scratch;
    size_t scratch_size;  /* of one thread */
    int16_t *work[2];     /* planes that every net uses within one call */
    size_t work_elements; /* of each */
    /* Set after creation where the network has one: what it sees of the prediction
     * (models/condition.h). */
    const struct MicaCondition *condition;
} MicaRunner;

/* Largest window at 1/16 that the hyper and context nets will be run on, surroundings included. */
typedef struct MicaWindowLimit {
    int columns, rows;
} MicaWindowLimit;

/* Bytes that a runner allocates, for `threads` threads. */
size_t mica_runner_memory(const MicaNetwork *network, const MicaGeometry *geometry,
                          MicaWindowLimit limit, int threads);

MicaStatus mica_runner_create(MicaRunner *runner, const MicaNetwork *network, MicaPool *pool,
                              const MicaGeometry *geometry, MicaWindowLimit limit,
                              MicaError *error);
void mica_runner_free(MicaRunner *runner);

/* Scratch memory of a pool thread, 64-byte aligned. */
void *mica_runner_scratch(const MicaRunner *runner, int thread);

/* Work plane 0 or 1, as a window of `rect` with `channels` channels. */
MicaPlane mica_runner_plane(const MicaRunner *runner, int index, MicaRect rect, int channels);

/* out = layer(in), all of out's window, which lies in that of `in`. A layer whose output kind says
 * so adds to what is there; the same below. */
void mica_run_pointwise(const MicaRunner *runner, const MicaPointwise *layer, const MicaPlane *in,
                        const MicaPlane *out);

/*
 * What a block finds beyond its window. The rows and columns around are read from `in`, which has
 * them as far as `whole` goes; beyond `whole` there are zeros.
 *
 * With tile_width > 0 the columns of the window are cut into that many tiles of that width (the
 * last one takes the rest) that know nothing of each other nor of the rows above and below: inside
 * of `whole`, a tile's second row or column from its border stands for what is beyond.
 */
typedef struct MicaSurroundings {
    MicaRect whole;
    int tile_width, tiles;
} MicaSurroundings;

/* One residual block. in and out have as many channels as the block and are not the same memory. */
void mica_run_block(const MicaRunner *runner, const MicaBlock *block, const MicaPlane *in,
                    const MicaPlane *out, const MicaSurroundings *around);

/* The first rows of `needed` for which the work planes hold `count` blocks of the feature stream;
 * an even number unless it is all of them. */
MicaRect mica_run_band(const MicaRunner *runner, int count, MicaRect needed, MicaRect whole);

/* `count` blocks of the feature stream, alternating between the work planes; `in` is work plane 0
 * and covers `needed` grown by `count`. Returns the plane with the result for `needed`. */
MicaPlane mica_run_blocks(const MicaRunner *runner, const MicaBlock *blocks, int count,
                          MicaPlane in, MicaRect needed, MicaRect whole);

/* out = layer(space_to_depth(in, 2)); in has layer->inputs / 4 channels. */
void mica_run_down(const MicaRunner *runner, const MicaPointwise *layer, const MicaPlane *in,
                   const MicaPlane *out);

/* out = depth_to_space(layer(in), 2); out has layer->outputs / 4 channels and an even window. */
void mica_run_up(const MicaRunner *runner, const MicaPointwise *layer, const MicaPlane *in,
                 const MicaPlane *out);

/* out = in with the gains of `quality`, in the window of both, which may be the same plane; anchors
 * is [MICA_GAIN_ANCHORS][channels]. */
void mica_run_gain(const MicaRunner *runner, const int16_t *anchors, int quality, int channels,
                   const MicaPlane *in, const MicaPlane *out);

/* Mantissas and shifts of one gain table at one quality, for up to MICA_MAX_GAIN_CHANNELS channels.
 */
#define MICA_MAX_GAIN_CHANNELS 1024
typedef struct MicaGains {
    int16_t mantissa[MICA_MAX_GAIN_CHANNELS];
    uint8_t shift[MICA_MAX_GAIN_CHANNELS];
} MicaGains;

void mica_gains_at(const int16_t *anchors, int channels, int quality, int sign, MicaGains *gains);

#endif
