/*
 * What the motion of a square is guessed from: motion that is known when it is coded, of blocks
 * around it in the same frame and at its place in a frame that was coded before.
 */
#ifndef MICA_CODEC_MOTION_CANDIDATES_H
#define MICA_CODEC_MOTION_CANDIDATES_H

#include "codec/motion.h"

#define MICA_MOTION_CANDIDATES 8

/*
 * Motions that the square of `level` whose first block is at (column, row) may take over, without
 * repetitions, 1..MICA_MOTION_CANDIDATES of them. `before` is the field of a frame coded before, or
 * NULL.
 */
int mica_motion_candidates(const MicaMotionField *field, const MicaMotionField *before, int column,
                           int row, int level, MicaMotionBlock candidate[MICA_MOTION_CANDIDATES]);

/* The vector to a reference that a square with motion of its own is thought to have: that of the
 * first candidate that has one, or 0. */
MicaVector mica_motion_expected(const MicaMotionBlock *candidate, int count, int which);

/* Contexts: how many of the blocks left of a square and above it belong to a smaller square; have
 * motion of their own; have these references. */
int mica_motion_count_smaller(const MicaMotionField *field, int column, int row, int level);
int mica_motion_count_own(const MicaMotionField *field, int column, int row);
int mica_motion_count_references(const MicaMotionField *field, int column, int row,
                                 unsigned references);

#endif
