/*
 * Which vector makes a square of a frame look most like a reference, in view of the bits that it
 * costs.
 */
#ifndef MICA_CODEC_ENC_MATCH_H
#define MICA_CODEC_ENC_MATCH_H

#include "codec/enc_fractions.h"
#include "codec/enc_motion_rates.h"

/* What a search looks at and what it knows of costs. */
typedef struct MicaMatchFrame {
    const MicaMotionKernels *kernels;
    const MicaReference *current;                           /* its luma */
    const MicaFractions *reference[MICA_MOTION_REFERENCES]; /* NULL: none */
    const MicaMotionRates *rates;
    int lambda; /* SATD that a bit is worth, in 1/16 */
    int seen_columns, seen_rows;
} MicaMatchFrame;

/* What `rate`, in 1/16 bit, is worth. */
MICA_INLINE unsigned mica_match_cost(const MicaMatchFrame *f, unsigned rate)
{
    return rate * (unsigned)f->lambda >> 8;
}

/* A vector and what it costs. */
typedef struct MicaMatch {
    MicaVector vector;
    unsigned cost, bits; /* the cost of its bits is part of it */
} MicaMatch;

/* Vectors to begin with. */
#define MICA_MAX_GUESSES 12

typedef struct MicaGuesses {
    MicaVector vector[MICA_MAX_GUESSES];
    int count;
} MicaGuesses;

/* Unless it is there. */
void mica_guess(MicaGuesses *guesses, MicaVector vector);

/* SATDs of the four blocks of each 16x16 of a largest square, for the vectors that were tried
 * there: most of those that smaller squares try are among them. A vector has one place, in which
 * another may follow. */
#define MICA_KNOWN_SQUARES (MICA_MOTION_LARGEST * MICA_MOTION_LARGEST / 4)
#define MICA_KNOWN_VECTORS 64

typedef struct MicaKnownSatds {
    MicaVector vector[MICA_MOTION_REFERENCES][MICA_KNOWN_SQUARES][MICA_KNOWN_VECTORS];
    uint16_t part[MICA_MOTION_REFERENCES][MICA_KNOWN_SQUARES][MICA_KNOWN_VECTORS][4];
} MicaKnownSatds;

/* For another largest square. */
void mica_known_satds_clear(MicaKnownSatds *known);

/* A square of `level` whose first block of 8x8 is at (column, row). */
typedef struct MicaSquare {
    int column, row, level;
} MicaSquare;

/* SATD of a square with one motion; where it is `limit` or more, anything from there on. */
unsigned mica_match_satd(const MicaMatchFrame *f, MicaKnownSatds *known, MicaSquare square,
                         const MicaMotionBlock *motion, unsigned limit);

/* The vector of whole pixels with the least SAD, by descent from the best guess; 16x16. */
MicaVector mica_match_whole(const MicaMatchFrame *f, MicaSquare square, int which,
                            const MicaGuesses *guesses);

/* Vectors to both references, whose mean is the prediction. */
typedef struct MicaPairMatch {
    MicaVector vector[MICA_MOTION_REFERENCES];
    unsigned cost; /* with the bits of both vectors */
} MicaPairMatch;

/* Begin with what is best for each reference by itself; if that costs less than `limit`, move the
 * vectors by quarters of a pixel in turn as long as it helps. */
MicaPairMatch mica_match_pair(const MicaMatchFrame *f, MicaKnownSatds *known, MicaSquare square,
                              const MicaMatch match[MICA_MOTION_REFERENCES],
                              const MicaVector expected[MICA_MOTION_REFERENCES], unsigned limit);

/* The best vector in quarters of a pixel, coded as a difference to the first guess. */
MicaMatch mica_match_fractions(const MicaMatchFrame *f, MicaKnownSatds *known, MicaSquare square,
                               int which, const MicaGuesses *guesses);

#endif
