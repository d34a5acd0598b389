/*
 * The restoration filter, the last step of the synthesis of models that have one (docs/networks.md,
 * section 9): luma and chroma of every pixel are corrected by the differences to its neighbours,
 * with weights chosen by how much the luma around varies and in which direction. After the adaptive
 * loop filter of VVC (ITU-T H.266, 8.8.5), with weights that are part of the model.
 */
#ifndef MICA_MODELS_RESTORATION_H
#define MICA_MODELS_RESTORATION_H

#include "mica/image.h"
#include "models/runner.h"

#define MICA_RESTORATION_ACTIVITIES 5
#define MICA_RESTORATION_DIRECTIONS 9
#define MICA_RESTORATION_CLASSES (MICA_RESTORATION_ACTIVITIES * MICA_RESTORATION_DIRECTIONS)
#define MICA_RESTORATION_SET (MICA_RESTORATION_CLASSES * MICA_RESTORATION_WEIGHTS)

/* A picture has its own strength of the filter: the weights of the model times strength / 8. */
#define MICA_RESTORATION_UNIT_SHIFT 3
#define MICA_RESTORATION_UNIT (1 << MICA_RESTORATION_UNIT_SHIFT)
#define MICA_RESTORATION_STRONGEST 16

/* Sum of the magnitudes of the weights of a class in a model, of luma or of chroma, so that the
 * strongest are in the bounds of the kernel. */
#define MICA_RESTORATION_MOST_STORED                                                               \
    (MICA_RESTORATION_MOST_WEIGHT * MICA_RESTORATION_UNIT / MICA_RESTORATION_STRONGEST -           \
     MICA_RESTORATION_WEIGHTS)

/* A window of samples, with margins: rows of pixels, each as its planes Y, Co, Cg in 1/64 (YCoCg-R:
 * Malvar and Sullivan 2003, which loses nothing) and the luma that decides on classes, in 1/16. */
typedef struct MicaSampleWindow {
    int16_t *data;
    MicaRect cells;   /* what it has */
    ptrdiff_t stride; /* of a row of pixels */
} MicaSampleWindow;

/* int16 elements of a row of cells of a window of so many columns of cells. */
size_t mica_sample_row_elements(int columns);

/* Bytes of work memory of a thread for a window of so many columns. */
size_t mica_restoration_scratch(int columns);

/* A window over `cells` at `data`, which is still empty. */
MicaSampleWindow mica_sample_window(int16_t *data, MicaRect cells);

/* Put in row `y` of cells, MICA_CELL_SAMPLES values each; what lies outside of the picture becomes
 * the repeated column. Rows may be put in by several threads. */
void mica_sample_window_put(const MicaSampleWindow *window, const MicaGeometry *geometry, int y,
                            const int16_t *samples);

/* Weights at a quality and a strength, from anchors [MICA_GAIN_ANCHORS][MICA_RESTORATION_SET]. */
void mica_restoration_weights(const int16_t *anchors, int quality, int strength,
                              int16_t weight[MICA_RESTORATION_SET]);

/* A row of pixels that the filter made of a window's. */
typedef struct MicaRestoredRow {
    int x, y, count; /* pixels from (x, y) of the picture */
    const MicaSampleWindow *window;
    const int16_t *filtered; /* RGB in 1/64 */
    const uint8_t *classes;  /* of its blocks */
} MicaRestoredRow;

/* Called with rows in any order and by several threads. */
typedef void MicaRestoredFn(void *context, const MicaRestoredRow *row);

/* Filter these cells, around which the window has MICA_RESTORATION_CELLS more as far as the picture
 * goes. */
void mica_restore(const MicaRunner *runner, const MicaSampleWindow *window, MicaRect cells,
                  const int16_t *weight, MicaRestoredFn *fn, void *context);

/* How well the filter does: with e what the decoded samples lack to the picture's and f what the
 * filter adds, in 1/64, the sums of e f and f f. */
typedef struct MicaRestorationGain {
    const MicaImage *image;
    _Atomic int64_t product, square;
} MicaRestorationGain;

/* A MicaRestoredFn; the context is a MicaRestorationGain. */
void mica_restoration_measure(void *gain, const MicaRestoredRow *row);

/* The strength at which the error would be least, from sums at MICA_RESTORATION_UNIT. */
int mica_restoration_strength(const MicaRestorationGain *gain);

/* RGB in 1/64 of `count` pixels from (x, y) of the picture, as they are in a window. */
void mica_sample_window_get(const MicaSampleWindow *window, int x, int y, int count, int16_t *rgb);

/* Row y of Y, Co or Cg, from the first pixel of the cells that the window has;
 * MICA_RESTORATION_REACH pixels and more beside it are there too. */
const int16_t *mica_sample_window_row(const MicaSampleWindow *window, int colour, int y);

#endif
