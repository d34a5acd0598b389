/*
 * What motion search and prediction do with samples: differences of blocks, positions between
 * pixels (docs/video.md, section 5), and the way between RGB and planes. One function table, filled
 * for the instruction sets at hand.
 *
 * Every level returns bit for bit what the C functions return. Blocks may lie anywhere; only what a
 * function says is read, and nothing outside its outputs is written.
 */
#ifndef MICA_TRANSFORMS_MOTION_KERNELS_H
#define MICA_TRANSFORMS_MOTION_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define MICA_FILTER_TAPS 8
#define MICA_FILTER_BEFORE 3 /* taps left of a sample, or above it */

#define MICA_PHASES 4 /* positions in quarters of a pixel, on an axis */
#define MICA_FRACTIONS (MICA_PHASES * MICA_PHASES) /* phase_y * MICA_PHASES + phase_x */

#define MICA_SAD_POSITIONS 25

/* Functions for blocks of 8x8 and 16x16. */
typedef enum MicaBlockSize { MICA_BLOCK_8, MICA_BLOCK_16, MICA_BLOCK_SIZES } MicaBlockSize;

typedef unsigned (*MicaBlockDifference)(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                                        ptrdiff_t b_stride);

typedef struct MicaMotionKernels {
    /* Sum of absolute differences. */
    MicaBlockDifference sad[MICA_BLOCK_SIZES];

    /* Sum of the magnitudes of the 8x8 Hadamard transform of the difference, in quarters, rounded
     * to the nearest; of 16x16 the sum of its four 8x8, which `part` holds row by row. */
    MicaBlockDifference satd8;
    unsigned (*satd16)(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride,
                       uint16_t part[4]);

    /* SADs of the 8x8 block a with those at b, b + 1, ..., b + MICA_SAD_POSITIONS - 1; returns the
     * least. */
    unsigned (*sad_row)(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride,
                        uint16_t sum[MICA_SAD_POSITIONS]);

    /* The block at src + (phase_x, phase_y) / 4: 8 taps along x and y, rounded once. Reads
     * MICA_FILTER_BEFORE samples left of the block and above it, and five right of it and below. */
    void (*interpolate[MICA_BLOCK_SIZES])(const uint8_t *src, ptrdiff_t src_stride, int phase_x,
                                          int phase_y, uint8_t *out, ptrdiff_t out_stride);

    /* 16 columns and `rows` rows (even, at most 16) at src in all fractions but the first, which
     * would be a copy: fraction f at out + f * plane. Reads as much around them as interpolate
     * does. */
    void (*fractions)(const uint8_t *src, ptrdiff_t src_stride, int rows, uint8_t *out,
                      ptrdiff_t out_stride, ptrdiff_t plane);

    /* The mean of two blocks, halves rounded up, without gaps between its rows; a may be out. */
    void (*mean[MICA_BLOCK_SIZES])(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b,
                                   ptrdiff_t b_stride, uint8_t *out);

    /* `count` pixels of RGB to a row of R, G, B, and luma (R + 2 G + B + 2) >> 2 each. */
    void (*split_rgb)(const uint8_t *rgb, size_t count, uint8_t *const row[4]);

    /* `count` pixels of RGB from rows. */
    void (*join_rgb)(const uint8_t *const row[3], size_t count, uint8_t *rgb);
} MicaMotionKernels;

void mica_motion_kernels_init(MicaMotionKernels *kernels, uint32_t cpu_flags);

/* Taps of a phase, in 1/64. */
extern const int8_t mica_motion_filter[MICA_PHASES][MICA_FILTER_TAPS];

void mica_motion_kernels_init_c(MicaMotionKernels *kernels);
void mica_motion_kernels_init_sse41(MicaMotionKernels *kernels);
void mica_motion_kernels_init_avx2(MicaMotionKernels *kernels);

#endif
