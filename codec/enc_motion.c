/*
 * Two passes over the squares of 16x16 pixels. The first finds whole-pixel vectors by full search
 * in pictures of a quarter of the size, then by descent from good guesses; its rows are independent
 * of each other. The second goes in coding order: it starts from what the neighbourhood has, knows
 * what a vector costs, refines to quarters of a pixel, and tries to split.
 */
#include "codec/enc_motion.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base/mem.h"

#define SQUARE MICA_MOTION_SQUARE
#define BLOCK MICA_MOTION_BLOCK

#define REFINEMENTS 24 /* steps of a descent at most */

typedef struct Search {
    const MicaMotionKernels *kernels;
    const MicaReference *current;
    const MicaCoarse *coarse;
    const MicaSearchedReference *reference[MICA_MOTION_REFERENCES]; /* NULL: none */
    int lambda;
    MicaMotionField *field;
    int columns, rows;        /* squares */
    MicaVector *const *whole; /* what the first pass found */
    atomic_int *done;         /* squares of each row that are chosen */
} Search;

/* A vector and what it costs. */
typedef struct Match {
    MicaVector vector;
    unsigned cost, rate; /* the bits are part of the cost */
} Match;

/* ---- costs ---- */

/* About the bits of one component of a vector difference, as codec/motion_code.c spends them. */
static int component_bits(int d)
{
    unsigned magnitude = (unsigned)abs(d);
    int bits = 1;
    for (; magnitude; magnitude >>= 1)
        bits += 2;
    return bits;
}

/* Half a bit says that a vector is as expected. */
static unsigned rate(const Search *s, MicaVector v, MicaVector expected)
{
    const int dx = v.x - expected.x, dy = v.y - expected.y;
    if (!dx && !dy)
        return (unsigned)s->lambda >> 5;
    return (unsigned)((2 + component_bits(dx) + component_bits(dy)) * s->lambda) >> 4;
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

static int same(MicaVector a, MicaVector b)
{
    return a.x == b.x && a.y == b.y;
}

/* ---- whole pixels ---- */

/* SATDs of the four blocks of a square, for the vectors that were tried for the whole of it: most
 * of those that its blocks try are among them. A vector has one place, in which another may follow.
 */
#define KNOWN 64
#define UNKNOWN 0x80 /* in every byte: further than any vector goes */

typedef struct KnownSatds {
    MicaVector vector[KNOWN];
    uint16_t part[KNOWN][4];
} KnownSatds;

typedef struct Place {
    const Search *search;
    int which, x, y, size; /* reference; pixels */
    MicaVector predicted;
    KnownSatds *known; /* of the square; NULL for whole pixels */
} Place;

static const uint8_t *current_at(const Place *p)
{
    const MicaReference *c = p->search->current;
    return c->plane[MICA_REFERENCE_LUMA] + p->y * c->stride + p->x;
}

static const uint8_t *reference_at(const Place *p, MicaVector v)
{
    return mica_fractions_at(&p->search->reference[p->which]->fractions, p->x, p->y, v);
}

static ptrdiff_t reference_stride(const Place *p)
{
    return p->search->reference[p->which]->fractions.stride;
}

/* A vector is not looked at if its bits alone cost more than the best. */
static void try_whole(const Place *p, MicaVector v, Match *best)
{
    const unsigned bits = rate(p->search, v, p->predicted);
    if (bits >= best->cost)
        return;
    const unsigned cost =
        bits + p->search->kernels->sad[p->size == SQUARE](current_at(p), p->search->current->stride,
                                                          reference_at(p, v), reference_stride(p));
    if (cost < best->cost)
        *best = (Match){v, cost, bits};
}

static const int8_t around4[4][2] = {{0, -1}, {-1, 0}, {1, 0}, {0, 1}};
static const int8_t around8[8][2] = {{-1, -1}, {0, -1}, {1, -1}, {-1, 0},
                                     {1, 0},   {-1, 1}, {0, 1},  {1, 1}};

static void descend_whole(const Place *p, Match *best)
{
    for (int step = 8; step >= 4; step -= 4)
        for (int i = 0; i < REFINEMENTS; i++) {
            const MicaVector centre = best->vector;
            for (int k = 0; k < 4; k++)
                try_whole(
                    p, vector_of(centre.x + step * around4[k][0], centre.y + step * around4[k][1]),
                    best);
            if (same(centre, best->vector))
                break;
        }
}

static void whole_row(void *context, int row, int thread)
{
    const Search *s = context;
    const int n = MICA_MOTION_REFERENCES * s->columns;
    (void)thread;
    for (int i = 0; i < n; i++) {
        const int which = i / s->columns, column = i % s->columns;
        if (!s->reference[which])
            continue;
        const MicaMotionBlock *before = s->field->block + 2 * row * s->field->columns + 2 * column;
        MicaVector *found = s->whole[which] + row * s->columns + column;
        const MicaVector zero = {0, 0};
        Place p = {s, which, column * SQUARE, row * SQUARE, SQUARE, zero, NULL};
        Match best = {zero, UINT32_MAX, 0};
        try_whole(&p, zero, &best);
        try_whole(&p, to_whole(before->vector[which]), &best);
        if (column > 0)
            try_whole(&p, found[-1], &best);
        try_whole(
            &p,
            mica_coarse_search(s->coarse, &s->reference[which]->coarse, s->kernels, column, row),
            &best);
        descend_whole(&p, &best);
        *found = best.vector;
    }
}

/* ---- quarters of a pixel ---- */

static unsigned fraction_satd(const Place *p, MicaVector v)
{
    const MicaMotionKernels *k = p->search->kernels;
    const ptrdiff_t stride = p->search->current->stride;
    const int place = (v.x & 7) + 8 * (v.y & 7);
    if (p->size == SQUARE) {
        p->known->vector[place] = v;
        return k->satd16(current_at(p), stride, reference_at(p, v), reference_stride(p),
                         p->known->part[place]);
    }
    if (same(p->known->vector[place], v))
        return p->known->part[place][(p->y / BLOCK & 1) * 2 + (p->x / BLOCK & 1)];
    return k->satd8(current_at(p), stride, reference_at(p, v), reference_stride(p));
}

static void try_fraction(const Place *p, MicaVector v, Match *best)
{
    const unsigned bits = rate(p->search, v, p->predicted);
    if (bits >= best->cost)
        return;
    const unsigned cost = bits + fraction_satd(p, v);
    if (cost < best->cost)
        *best = (Match){v, cost, bits};
}

static void refine_fraction(const Place *p, Match *best)
{
    for (int step = 2; step >= 1; step--) {
        const MicaVector centre = best->vector;
        for (int k = 0; k < 8; k++)
            try_fraction(
                p, vector_of(centre.x + step * around8[k][0], centre.y + step * around8[k][1]),
                best);
    }
}

/* What the first pass found at a square near by; nearest one where there is none. */
static MicaVector neighbour(const Search *s, int which, int column, int row)
{
    column = column < 0 ? 0 : column >= s->columns ? s->columns - 1 : column;
    row = row < 0 ? 0 : row >= s->rows ? s->rows - 1 : row;
    return s->whole[which][row * s->columns + column];
}

/* Vectors that neighbours ended up with, or the first pass found. */
#define MAX_GUESSES 8

typedef struct Guesses {
    MicaVector vector[MAX_GUESSES];
    int count;
} Guesses;

static void add_guess(Guesses *g, MicaVector v)
{
    for (int i = 0; i < g->count; i++)
        if (same(g->vector[i], v))
            return;
    g->vector[g->count++] = v;
}

static void add_coded(Guesses *g, const MicaMotionField *f, int x, int y, int which)
{
    if (x < 0 || y < 0 || x >= f->columns)
        return;
    const MicaMotionBlock *b = f->block + y * f->columns + x;
    if (b->references >> which & 1)
        add_guess(g, b->vector[which]);
}

/* From the best of some guesses, as they are; then whole pixels around it and fractions. */
static Match search_from(const Place *p, const Guesses *g)
{
    Match best = {{0, 0}, UINT32_MAX, 0};
    for (int i = 0; i < g->count; i++)
        try_fraction(p, g->vector[i], &best);
    /* What is as good as this needs no search. */
    if (best.cost < (unsigned)(p->size * p->size) / 4)
        return best;
    Match whole = {{0, 0}, UINT32_MAX, 0};
    try_whole(p, to_whole(best.vector), &whole);
    descend_whole(p, &whole);
    if (!same(whole.vector, to_whole(best.vector)))
        try_fraction(p, whole.vector, &best);
    refine_fraction(p, &best);
    return best;
}

static Match search_square(const Search *s, int which, int column, int row, KnownSatds *known)
{
    const MicaMotionField *f = s->field;
    const int x = 2 * column, y = 2 * row;
    const Place p = {
        s,    which, column * SQUARE, row * SQUARE, SQUARE, mica_motion_expected(f, x, y, 2, which),
        known};
    memset(known->vector, UNKNOWN, sizeof known->vector);
    Guesses g = {.count = 0};
    add_guess(&g, p.predicted);
    add_guess(&g, neighbour(s, which, column, row));
    add_coded(&g, f, x - 1, y, which);
    add_coded(&g, f, x, y - 1, which);
    add_coded(&g, f, x + 2, y - 1, which);
    add_guess(&g, neighbour(s, which, column + 1, row));
    add_guess(&g, neighbour(s, which, column, row + 1));
    add_guess(&g, (MicaVector){0, 0});
    return search_from(&p, &g);
}

/* One of the four blocks of a square; those before it are in the field. */
static Match search_block(const Search *s, int which, int column, int row, int part,
                          MicaVector square, KnownSatds *known)
{
    const MicaMotionField *f = s->field;
    const int right = part & 1, below = part >> 1;
    const int x = 2 * column + right, y = 2 * row + below;
    const Place p = {
        s, which, x * BLOCK, y * BLOCK, BLOCK, mica_motion_expected(f, x, y, 1, which), known};
    Guesses g = {.count = 0};
    add_guess(&g, p.predicted);
    add_guess(&g, square);
    add_coded(&g, f, x - 1, y, which);
    add_coded(&g, f, x, y - 1, which);
    if (right)
        add_guess(&g, neighbour(s, which, column + 1, row));
    if (below)
        add_guess(&g, neighbour(s, which, column, row + 1));
    return search_from(&p, &g);
}

/* SATD of the mean of two references. */
static unsigned both_cost(const Search *s, const MicaMotionBlock *b, int x, int y, int size)
{
    const MicaFractions *f[MICA_MOTION_REFERENCES] = {&s->reference[0]->fractions,
                                                      &s->reference[1]->fractions};
    const uint8_t *current = s->current->plane[MICA_REFERENCE_LUMA] + y * s->current->stride + x;
    uint8_t mean[SQUARE * SQUARE];
    uint16_t part[4];
    s->kernels->mean[size == SQUARE](mica_fractions_at(f[0], x, y, b->vector[0]), f[0]->stride,
                                     mica_fractions_at(f[1], x, y, b->vector[1]), f[1]->stride,
                                     mean);
    return size == SQUARE ? s->kernels->satd16(current, s->current->stride, mean, SQUARE, part)
                          : s->kernels->satd8(current, s->current->stride, mean, BLOCK);
}

/* Bits that say which references a block has: the first, the second, both. They are rare the more
 * they cost. */
static const unsigned char reference_bits[4] = {0, 1, 3, 3};

/* The best of one reference, the other, and both; `match` has the cost of each that there is. */
static unsigned choose_references(const Search *s, const Match match[MICA_MOTION_REFERENCES], int x,
                                  int y, int size, MicaMotionBlock *block)
{
    unsigned best = UINT32_MAX;
    const int choice = s->reference[0] && s->reference[1];
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        if (s->reference[i]) {
            const unsigned bits = choice ? reference_bits[1 << i] : 0;
            const unsigned cost = match[i].cost + ((bits * (unsigned)s->lambda) >> 4);
            block->vector[i] = match[i].vector;
            if (cost < best) {
                best = cost;
                block->references = (uint8_t)(1 << i);
            }
        }
    if (!choice)
        return best;
    const unsigned both = both_cost(s, block, x, y, size) + match[0].rate + match[1].rate +
                          ((reference_bits[3] * (unsigned)s->lambda) >> 4);
    if (both < best) {
        best = both;
        block->references = 3;
    }
    return best;
}

/* A split costs at least so many bits more than a whole square. */
#define SPLIT_BITS 4

static void choose_square(const Search *s, int column, int row)
{
    MicaMotionField *f = s->field;
    MicaMotionBlock *first = f->block + 2 * row * f->columns + 2 * column, square;
    Match match[MICA_MOTION_REFERENCES], of_square[MICA_MOTION_REFERENCES];
    KnownSatds known[MICA_MOTION_REFERENCES];
    memset(&square, 0, sizeof square);
    memset(of_square, 0, sizeof of_square);
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        if (s->reference[i])
            of_square[i] = search_square(s, i, column, row, &known[i]);
    const unsigned whole =
        choose_references(s, of_square, column * SQUARE, row * SQUARE, SQUARE, &square);
    unsigned parts = (unsigned)(SPLIT_BITS * s->lambda) >> 4;
    for (int k = 0; k < 4 && parts < whole; k++) {
        MicaMotionBlock *b = first + (k >> 1) * f->columns + (k & 1);
        for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
            if (s->reference[i])
                match[i] = search_block(s, i, column, row, k, of_square[i].vector, &known[i]);
        memset(b, 0, sizeof *b);
        parts += choose_references(s, match, column * SQUARE + (k & 1) * BLOCK,
                                   row * SQUARE + (k >> 1) * BLOCK, BLOCK, b);
    }
    if (parts < whole)
        return;
    for (int k = 0; k < 4; k++)
        first[(k >> 1) * f->columns + (k & 1)] = square;
}

/* A square needs what was chosen above its right neighbour: rows follow each other two squares
 * apart. Rows are begun in order, so the one above is always under way. */
static void fraction_row(void *context, int row, int thread)
{
    Search *s = context;
    (void)thread;
    for (int column = 0; column < s->columns; column++) {
        const int needed = column + 2 < s->columns ? column + 2 : s->columns;
        while (row > 0 && atomic_load_explicit(&s->done[row - 1], memory_order_acquire) < needed)
            sched_yield();
        choose_square(s, column, row);
        atomic_store_explicit(&s->done[row], column + 1, memory_order_release);
    }
}

/* ---- a frame ---- */

MicaStatus mica_motion_search_create(MicaMotionSearch *s, int width, int height)
{
    memset(s, 0, sizeof *s);
    s->columns = (width + SQUARE - 1) / SQUARE;
    s->rows = (height + SQUARE - 1) / SQUARE;
    MicaStatus status = mica_coarse_create(&s->coarse, width, height);
    for (int i = 0; i < MICA_MOTION_REFERENCES && status == MICA_OK; i++) {
        status = mica_coarse_create(&s->seen[i].coarse, width, height);
        if (status == MICA_OK)
            status = mica_fractions_create(&s->seen[i].fractions, width, height);
        s->whole[i] = mica_alloc((size_t)s->columns * (size_t)s->rows, sizeof *s->whole[i]);
        if (!s->whole[i])
            status = MICA_ERROR_OUT_OF_MEMORY;
    }
    s->done = mica_alloc((size_t)s->rows, sizeof *s->done);
    if (!s->done)
        status = MICA_ERROR_OUT_OF_MEMORY;
    if (status != MICA_OK)
        mica_motion_search_free(s);
    return status;
}

void mica_motion_search_free(MicaMotionSearch *s)
{
    mica_coarse_free(&s->coarse);
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++) {
        mica_coarse_free(&s->seen[i].coarse);
        mica_fractions_free(&s->seen[i].fractions);
        mica_free(s->whole[i]);
    }
    mica_free(s->done);
    memset(s, 0, sizeof *s);
}

static int is_of(const MicaSearchedReference *seen, const MicaReference *reference)
{
    return reference && seen->reference == reference && seen->serial == reference->serial;
}

/* What was computed of a reference for a frame before is used again; if it is not there, it takes
 * the place of what this frame does not need. */
static const MicaSearchedReference *look_at(MicaMotionSearch *s, const MicaMotionKernels *kernels,
                                            const MicaReference *reference,
                                            const MicaReference *other, MicaPool *pool)
{
    MicaSearchedReference *seen = s->seen;
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        if (is_of(&seen[i], reference))
            return &seen[i];
    if (is_of(seen, other))
        seen++;
    seen->reference = reference;
    seen->serial = reference->serial;
    mica_coarse_set(&seen->coarse, reference, pool);
    mica_fractions_set(&seen->fractions, kernels, reference, pool);
    return seen;
}

void mica_motion_search(MicaMotionSearch *search, const MicaMotionKernels *kernels,
                        const MicaReference *current,
                        const MicaReference *const reference[MICA_MOTION_REFERENCES], int lambda,
                        MicaPool *pool, MicaMotionField *field)
{
    Search s = {.kernels = kernels,
                .current = current,
                .coarse = &search->coarse,
                .lambda = lambda,
                .field = field,
                .columns = search->columns,
                .rows = search->rows,
                .whole = search->whole,
                .done = search->done};
    mica_coarse_set(&search->coarse, current, pool);
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        if (reference[i])
            s.reference[i] = look_at(search, kernels, reference[i], reference[!i], pool);
    for (int i = 0; i < s.rows; i++)
        atomic_init(&s.done[i], 0);
    mica_pool_run(pool, s.rows, whole_row, &s);
    mica_pool_run(pool, s.rows, fraction_row, &s);
}
