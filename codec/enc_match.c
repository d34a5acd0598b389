#include "codec/enc_match.h"

#include <stdlib.h>
#include <string.h>

#define SQUARE MICA_MOTION_SQUARE
#define BLOCK MICA_MOTION_BLOCK

#define REFINEMENTS 24     /* steps of a descent at most */
#define PAIR_REFINEMENTS 3 /* of both vectors of a pair */

/* ---- vectors ---- */

static int same(MicaVector a, MicaVector b)
{
    return a.x == b.x && a.y == b.y;
}

static MicaVector vector_of(int x, int y)
{
    const int limit = 1 << 13;
    x = x < -limit ? -limit : x > limit ? limit : x;
    y = y < -limit ? -limit : y > limit ? limit : y;
    return (MicaVector){(int16_t)x, (int16_t)y};
}

static MicaVector to_whole(MicaVector v)
{
    return (MicaVector){(int16_t)((v.x + 2) & ~3), (int16_t)((v.y + 2) & ~3)};
}

void mica_guess(MicaGuesses *g, MicaVector v)
{
    for (int i = 0; i < g->count; i++)
        if (same(g->vector[i], v))
            return;
    g->vector[g->count++] = v;
}

/* ---- costs ---- */

static int bit_count(int d)
{
    const int bits = mica_bit_count((unsigned)abs(d));
    return bits < MICA_MOTION_BITS ? bits : MICA_MOTION_BITS;
}

static unsigned vector_cost(const MicaMatchFrame *f, MicaVector v, MicaVector expected)
{
    const int dx = v.x - expected.x, dy = v.y - expected.y;
    const MicaMotionRates *r = f->rates;
    return mica_match_cost(f, (unsigned)r->component[0][bit_count(dx)] +
                                  r->component[1 + (dx == 0)][bit_count(dy)]);
}

static const uint8_t *current_at(const MicaMatchFrame *f, int column, int row)
{
    const MicaReference *c = f->current;
    return c->plane[MICA_REFERENCE_LUMA] + row * BLOCK * c->stride + column * BLOCK;
}

static const uint8_t *reference_at(const MicaMatchFrame *f, int which, int column, int row,
                                   MicaVector v)
{
    return mica_fractions_at(f->reference[which], column * BLOCK, row * BLOCK, v);
}

/* ---- SATD ---- */

void mica_known_satds_clear(MicaKnownSatds *known)
{
    memset(known->vector, 0x80, sizeof known->vector); /* further than any vector goes */
}

/* Where the 16x16 and the vector have their place. */
static int square_index(int column, int row)
{
    const int half = MICA_MOTION_LARGEST / 2;
    return (row / 2 % half) * half + column / 2 % half;
}

static int vector_index(MicaVector v)
{
    return (v.x & 7) + 8 * (v.y & 7);
}

static unsigned satd16(const MicaMatchFrame *f, MicaKnownSatds *known, int which, int column,
                       int row, MicaVector v)
{
    const int square = square_index(column, row), place = vector_index(v);
    uint16_t *part = known->part[which][square][place];
    if (same(known->vector[which][square][place], v))
        return (unsigned)part[0] + part[1] + part[2] + part[3];
    known->vector[which][square][place] = v;
    return f->kernels->satd16(current_at(f, column, row), f->current->stride,
                              reference_at(f, which, column, row, v), f->reference[which]->stride,
                              part);
}

static unsigned satd8(const MicaMatchFrame *f, const MicaKnownSatds *known, int which, int column,
                      int row, MicaVector v)
{
    const int square = square_index(column, row), place = vector_index(v);
    if (same(known->vector[which][square][place], v))
        return known->part[which][square][place][(row & 1) * 2 + (column & 1)];
    return f->kernels->satd8(current_at(f, column, row), f->current->stride,
                             reference_at(f, which, column, row, v), f->reference[which]->stride);
}

/* Of the mean of two references; 8x8 or 16x16. */
static unsigned satd_both(const MicaMatchFrame *f, const MicaVector v[MICA_MOTION_REFERENCES],
                          int column, int row, int level)
{
    const uint8_t *current = current_at(f, column, row);
    uint8_t mean[SQUARE * SQUARE];
    uint16_t part[4];
    f->kernels->mean[level](reference_at(f, 0, column, row, v[0]), f->reference[0]->stride,
                            reference_at(f, 1, column, row, v[1]), f->reference[1]->stride, mean);
    return level ? f->kernels->satd16(current, f->current->stride, mean, SQUARE, part)
                 : f->kernels->satd8(current, f->current->stride, mean, BLOCK);
}

unsigned mica_match_satd(const MicaMatchFrame *f, MicaKnownSatds *known, MicaSquare square,
                         const MicaMotionBlock *motion, unsigned limit)
{
    const int both = motion->references == 3, which = motion->references == 2;
    const MicaVector *v = motion->vector;
    if (square.level == 0)
        return both ? satd_both(f, v, square.column, square.row, 0)
                    : satd8(f, known, which, square.column, square.row, v[which]);
    unsigned sum = 0;
    const int size = 1 << square.level;
    for (int y = square.row; y < square.row + size && y < f->seen_rows; y += 2)
        for (int x = square.column; x < square.column + size && x < f->seen_columns; x += 2) {
            sum += both ? satd_both(f, v, x, y, 1) : satd16(f, known, which, x, y, v[which]);
            if (sum >= limit)
                return sum;
        }
    return sum;
}

/* ---- search ---- */

typedef struct Place {
    const MicaMatchFrame *frame;
    MicaKnownSatds *known; /* NULL for whole pixels */
    MicaSquare square;
    int which;
    MicaVector expected;
} Place;

/* A vector is not looked at if its bits alone cost more than the best. */
static void try_whole(const Place *p, MicaVector v, MicaMatch *best)
{
    const MicaMatchFrame *f = p->frame;
    const unsigned bits = vector_cost(f, v, p->expected);
    if (bits >= best->cost)
        return;
    const int column = p->square.column, row = p->square.row;
    const unsigned cost =
        bits + f->kernels->sad[p->square.level](current_at(f, column, row), f->current->stride,
                                                reference_at(f, p->which, column, row, v),
                                                f->reference[p->which]->stride);
    if (cost < best->cost)
        *best = (MicaMatch){v, cost, bits};
}

static void descend_whole(const Place *p, MicaMatch *best)
{
    static const int8_t beside[4][2] = {{0, -1}, {-1, 0}, {1, 0}, {0, 1}};
    for (int step = 8; step >= 4; step -= 4)
        for (int i = 0; i < REFINEMENTS; i++) {
            const MicaVector centre = best->vector;
            for (int k = 0; k < 4; k++)
                try_whole(p,
                          vector_of(centre.x + step * beside[k][0], centre.y + step * beside[k][1]),
                          best);
            if (same(centre, best->vector))
                break;
        }
}

static void try_fraction(const Place *p, MicaVector v, MicaMatch *best)
{
    const unsigned bits = vector_cost(p->frame, v, p->expected);
    if (bits >= best->cost)
        return;
    MicaMotionBlock motion = {.references = (uint8_t)(1 << p->which)};
    motion.vector[p->which] = v;
    const unsigned cost =
        bits + mica_match_satd(p->frame, p->known, p->square, &motion, best->cost - bits);
    if (cost < best->cost)
        *best = (MicaMatch){v, cost, bits};
}

static const int8_t around[8][2] = {{-1, -1}, {0, -1}, {1, -1}, {-1, 0},
                                    {1, 0},   {-1, 1}, {0, 1},  {1, 1}};

static void refine_fraction(const Place *p, MicaMatch *best)
{
    for (int step = 2; step >= 1; step--) {
        const MicaVector centre = best->vector;
        for (int k = 0; k < 8; k++)
            try_fraction(
                p, vector_of(centre.x + step * around[k][0], centre.y + step * around[k][1]), best);
    }
}

static const MicaMatch nothing = {{0, 0}, UINT32_MAX, 0};

MicaVector mica_match_whole(const MicaMatchFrame *f, MicaSquare square, int which,
                            const MicaGuesses *g)
{
    const Place p = {f, NULL, square, which, {0, 0}};
    MicaMatch best = nothing;
    for (int i = 0; i < g->count; i++)
        try_whole(&p, to_whole(g->vector[i]), &best);
    descend_whole(&p, &best);
    return best.vector;
}

MicaMatch mica_match_fractions(const MicaMatchFrame *f, MicaKnownSatds *known, MicaSquare square,
                               int which, const MicaGuesses *g)
{
    const Place p = {f, known, square, which, g->vector[0]};
    MicaMatch best = nothing;
    for (int i = 0; i < g->count; i++)
        try_fraction(&p, g->vector[i], &best);
    /* What is as good as this needs no search. */
    if (best.cost < (unsigned)(BLOCK * BLOCK << 2 * square.level) / 4)
        return best;
    /* Larger squares get what the first pass found for their parts, and nothing further away. */
    if (square.level <= 1) {
        MicaMatch whole = nothing;
        try_whole(&p, to_whole(best.vector), &whole);
        descend_whole(&p, &whole);
        if (!same(whole.vector, to_whole(best.vector)))
            try_fraction(&p, whole.vector, &best);
    }
    refine_fraction(&p, &best);
    return best;
}

/* Another vector to one reference, if that is better. */
static int move_one(const MicaMatchFrame *f, MicaKnownSatds *known, MicaSquare square, int which,
                    MicaVector vector, const MicaVector expected[MICA_MOTION_REFERENCES],
                    MicaPairMatch *best)
{
    MicaMotionBlock motion = {.references = 3};
    memcpy(motion.vector, best->vector, sizeof motion.vector);
    motion.vector[which] = vector;
    unsigned bits = 0;
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        bits += vector_cost(f, motion.vector[i], expected[i]);
    if (bits >= best->cost)
        return 0;
    const unsigned cost = bits + mica_match_satd(f, known, square, &motion, best->cost - bits);
    if (cost >= best->cost)
        return 0;
    memcpy(best->vector, motion.vector, sizeof best->vector);
    best->cost = cost;
    return 1;
}

MicaPairMatch mica_match_pair(const MicaMatchFrame *f, MicaKnownSatds *known, MicaSquare square,
                              const MicaMatch match[MICA_MOTION_REFERENCES],
                              const MicaVector expected[MICA_MOTION_REFERENCES], unsigned limit)
{
    MicaPairMatch best = {{match[0].vector, match[1].vector}, limit};
    if (!move_one(f, known, square, 0, match[0].vector, expected, &best))
        return best;
    for (int i = 0, moved = 1; i < PAIR_REFINEMENTS && moved; i++) {
        moved = 0;
        for (int which = 0; which < MICA_MOTION_REFERENCES; which++) {
            const MicaVector centre = best.vector[which];
            for (int k = 0; k < 8; k++)
                moved |= move_one(f, known, square, which,
                                  vector_of(centre.x + around[k][0], centre.y + around[k][1]),
                                  expected, &best);
        }
    }
    return best;
}
