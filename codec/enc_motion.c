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
    const MicaMotionRates *rates;
    MicaMotionField *field;
    const MicaMotionField *before;
    int columns, rows;        /* squares of 16x16 */
    MicaVector *const *whole; /* what the first pass found */
    atomic_int *done;         /* largest squares of each row that are chosen */
} Search;

/* A vector and what it costs. */
typedef struct Match {
    MicaVector vector;
    unsigned cost, rate; /* the bits are part of the cost */
} Match;

/* ---- costs ---- */

static int bit_count(int d)
{
    int bits = 0;
    for (unsigned v = (unsigned)abs(d); v; v >>= 1)
        bits++;
    return bits < MICA_MOTION_BITS ? bits : MICA_MOTION_BITS;
}

/* Cost of 1/16 bits. */
static unsigned cost_of(const Search *s, unsigned rate)
{
    return rate * (unsigned)s->lambda >> 8;
}

static unsigned vector_cost(const Search *s, MicaVector v, MicaVector expected)
{
    const int dx = v.x - expected.x, dy = v.y - expected.y;
    const MicaMotionRates *r = s->rates;
    return cost_of(s, (unsigned)r->component[0][bit_count(dx)] +
                          r->component[1 + (dx == 0)][bit_count(dy)]);
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

typedef struct Place {
    const Search *search;
    struct Known *known; /* SATDs; NULL for whole pixels */
    int which;           /* reference */
    int column, row;     /* blocks of 8x8 */
    int level;
    MicaVector expected;
} Place;

static const uint8_t *current_at(const Search *s, int column, int row)
{
    const MicaReference *c = s->current;
    return c->plane[MICA_REFERENCE_LUMA] + row * BLOCK * c->stride + column * BLOCK;
}

static const uint8_t *reference_at(const Search *s, int which, int column, int row, MicaVector v)
{
    return mica_fractions_at(&s->reference[which]->fractions, column * BLOCK, row * BLOCK, v);
}

static ptrdiff_t reference_stride(const Search *s, int which)
{
    return s->reference[which]->fractions.stride;
}

/* A vector is not looked at if its bits alone cost more than the best. */
static void try_whole(const Place *p, MicaVector v, Match *best)
{
    const Search *s = p->search;
    const unsigned bits = vector_cost(s, v, p->expected);
    if (bits >= best->cost)
        return;
    const unsigned cost =
        bits + s->kernels->sad[p->level](current_at(s, p->column, p->row), s->current->stride,
                                         reference_at(s, p->which, p->column, p->row, v),
                                         reference_stride(s, p->which));
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
        const Place p = {s, NULL, which, 2 * column, 2 * row, 1, zero};
        Match best = {zero, UINT32_MAX, 0};
        try_whole(&p, zero, &best);
        if (before->references >> which & 1)
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

/* SATDs of the four blocks of each 16x16 of a largest square, for the vectors that were tried
 * there: most of those that smaller squares try are among them. A vector has one place, in which
 * another may follow. */
#define KNOWN 64
#define UNKNOWN 0x80 /* in every byte: further than any vector goes */

typedef struct Known {
    MicaVector vector[MICA_MOTION_REFERENCES][16][KNOWN];
    uint16_t part[MICA_MOTION_REFERENCES][16][KNOWN][4];
} Known;

static unsigned satd16(const Search *s, Known *known, int which, int column, int row, MicaVector v)
{
    const int square = (row / 2 & 3) * 4 + (column / 2 & 3), place = (v.x & 7) + 8 * (v.y & 7);
    uint16_t *part = known->part[which][square][place];
    if (same(known->vector[which][square][place], v))
        return (unsigned)part[0] + part[1] + part[2] + part[3];
    known->vector[which][square][place] = v;
    return s->kernels->satd16(current_at(s, column, row), s->current->stride,
                              reference_at(s, which, column, row, v), reference_stride(s, which),
                              part);
}

static unsigned satd8(const Search *s, const Known *known, int which, int column, int row,
                      MicaVector v)
{
    const int square = (row / 2 & 3) * 4 + (column / 2 & 3), place = (v.x & 7) + 8 * (v.y & 7);
    if (same(known->vector[which][square][place], v))
        return known->part[which][square][place][(row & 1) * 2 + (column & 1)];
    return s->kernels->satd8(current_at(s, column, row), s->current->stride,
                             reference_at(s, which, column, row, v), reference_stride(s, which));
}

/* SATD of the mean of two references, of 8x8 or 16x16. */
static unsigned satd_both(const Search *s, const MicaMotionBlock *b, int column, int row, int level)
{
    const uint8_t *current = current_at(s, column, row);
    uint8_t mean[SQUARE * SQUARE];
    uint16_t part[4];
    s->kernels->mean[level](reference_at(s, 0, column, row, b->vector[0]), reference_stride(s, 0),
                            reference_at(s, 1, column, row, b->vector[1]), reference_stride(s, 1),
                            mean);
    return level ? s->kernels->satd16(current, s->current->stride, mean, SQUARE, part)
                 : s->kernels->satd8(current, s->current->stride, mean, BLOCK);
}

/* SATD of a square with one motion; anything from `limit` on may be returned if it is not less. */
static unsigned satd(const Search *s, Known *known, const MicaMotionBlock *b, int column, int row,
                     int level, unsigned limit)
{
    const int which = b->references == 2;
    if (level == 0)
        return b->references == 3 ? satd_both(s, b, column, row, 0)
                                  : satd8(s, known, which, column, row, b->vector[which]);
    unsigned sum = 0;
    for (int y = row; y < row + (1 << level) && y < s->field->seen_rows; y += 2)
        for (int x = column; x < column + (1 << level) && x < s->field->seen_columns; x += 2) {
            sum += b->references == 3 ? satd_both(s, b, x, y, 1)
                                      : satd16(s, known, which, x, y, b->vector[which]);
            if (sum >= limit)
                return sum;
        }
    return sum;
}

static void try_fraction(const Place *p, MicaVector v, Match *best)
{
    const unsigned bits = vector_cost(p->search, v, p->expected);
    if (bits >= best->cost)
        return;
    MicaMotionBlock b = {.references = (uint8_t)(1 << p->which)};
    b.vector[p->which] = v;
    const unsigned cost = bits + satd(p->search, p->known, &b, p->column, p->row, p->level,
                                      best->cost - bits);
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

/* What the first pass found at a square of 16x16; nearest one where there is none. */
static MicaVector found_at(const Search *s, int which, int column, int row)
{
    column = column < 0 ? 0 : column >= s->columns ? s->columns - 1 : column;
    row = row < 0 ? 0 : row >= s->rows ? s->rows - 1 : row;
    return s->whole[which][row * s->columns + column];
}

/* Vectors that neighbours ended up with, or the first pass found. */
#define MAX_GUESSES 12

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

static void add_known(Guesses *g, const MicaMotionField *f, int x, int y, int which)
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
    if (best.cost < (unsigned)(BLOCK * BLOCK << 2 * p->level) / 4)
        return best;
    if (p->level <= 1) {
        Match whole = {{0, 0}, UINT32_MAX, 0};
        try_whole(p, to_whole(best.vector), &whole);
        descend_whole(p, &whole);
        if (!same(whole.vector, to_whole(best.vector)))
            try_fraction(p, whole.vector, &best);
    }
    refine_fraction(p, &best);
    return best;
}

/* `larger`: of the square that this one is a quarter of, NULL for the largest. */
static Match search_square(const Search *s, Known *known, int which, int column, int row, int level,
                           const Match *larger)
{
    const MicaMotionField *f = s->field;
    const int size = 1 << level, half = size / 2;
    const Place p = {s, known, which, column, row, level,
                     mica_motion_expected(f, column, row, level, which)};
    Guesses g = {.count = 0};
    add_guess(&g, p.expected);
    if (larger)
        add_guess(&g, larger->vector);
    if (level == 1)
        add_guess(&g, found_at(s, which, column / 2, row / 2));
    else if (level > 1)
        for (int i = 0; i < 4; i++)
            add_guess(&g, found_at(s, which, (column + (i & 1) * half + half / 2) / 2,
                                   (row + (i >> 1) * half + half / 2) / 2));
    add_known(&g, f, column - 1, row, which);
    add_known(&g, f, column, row - 1, which);
    add_known(&g, f, column + size, row - 1, which);
    if (level == 1 || column & 1)
        add_guess(&g, found_at(s, which, column / 2 + 1, row / 2));
    if (level == 1 || row & 1)
        add_guess(&g, found_at(s, which, column / 2, row / 2 + 1));
    if (level == 1)
        add_guess(&g, (MicaVector){0, 0});
    return search_from(&p, &g);
}

/* ---- squares ---- */

/* A motion and what it costs, its bits included. */
typedef struct Choice {
    MicaMotionBlock block;
    unsigned cost;
} Choice;

static void choose_taken(const Search *s, Known *known, int column, int row, int level,
                         Choice *best)
{
    MicaMotionBlock candidate[MICA_MOTION_CANDIDATES];
    const int count =
        mica_motion_candidates(s->field, s->before, column, row, level, candidate);
    const int own = mica_motion_count_own(s->field, column, row);
    for (int i = 0; i < count; i++) {
        const unsigned bits =
            cost_of(s, (unsigned)s->rates->taken[level][own][1] + s->rates->candidate[i]);
        if (bits >= best->cost)
            continue;
        const unsigned cost =
            bits + satd(s, known, &candidate[i], column, row, level, best->cost - bits);
        if (cost < best->cost) {
            best->cost = cost;
            best->block = candidate[i];
            best->block.taken = 1;
        }
    }
}

/* Motion of its own: the best of one reference, the other, and both. */
static void choose_own(const Search *s, Known *known, int column, int row, int level,
                       const Match match[MICA_MOTION_REFERENCES], Choice *best)
{
    const int two = s->reference[0] && s->reference[1];
    const uint16_t *references =
        s->rates->references[mica_motion_count_references(s->field, column, row, 3)]
                            [mica_motion_count_references(s->field, column, row, 2)];
    const unsigned own =
        s->rates->taken[level][mica_motion_count_own(s->field, column, row)][0];
    MicaMotionBlock b = {.references = 0};
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        if (s->reference[i]) {
            b.vector[i] = match[i].vector;
            b.references = (uint8_t)(1 << i);
            const unsigned cost =
                match[i].cost + cost_of(s, own + (two ? references[b.references] : 0));
            if (cost < best->cost)
                *best = (Choice){b, cost};
        }
    if (!two)
        return;
    b.references = 3;
    const unsigned bits = match[0].rate + match[1].rate + cost_of(s, own + references[3]);
    if (bits >= best->cost)
        return;
    const unsigned cost = bits + satd(s, known, &b, column, row, level, best->cost - bits);
    if (cost < best->cost)
        *best = (Choice){b, cost};
}

/* Choose the motion of a square, whole or split, and return its cost; from `limit` on it is not
 * exact, and the field then holds something else. */
static unsigned choose(const Search *s, Known *known, int column, int row, int level,
                       const Match *larger, unsigned limit)
{
    MicaMotionField *f = s->field;
    if (column >= f->seen_columns || row >= f->seen_rows)
        return 0;
    Match match[MICA_MOTION_REFERENCES];
    Choice best = {{.references = 0}, UINT32_MAX};
    memset(match, 0, sizeof match);
    choose_taken(s, known, column, row, level, &best);
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        if (s->reference[i])
            match[i] = search_square(s, known, i, column, row, level, larger ? &larger[i] : NULL);
    choose_own(s, known, column, row, level, match, &best);
    best.block.level = (uint8_t)level;
    if (level > 0) {
        const uint16_t *split =
            s->rates->split[level - 1][mica_motion_count_smaller(f, column, row, level)];
        best.cost += cost_of(s, split[0]);
        limit = limit < best.cost ? limit : best.cost;
        unsigned parts = cost_of(s, split[1]);
        const int half = 1 << (level - 1);
        for (int k = 0; k < 4 && parts < limit; k++)
            parts += choose(s, known, column + (k & 1) * half, row + (k >> 1) * half, level - 1,
                            match, limit - parts);
        if (parts < limit)
            return parts;
    }
    mica_motion_fill(f, column, row, level, best.block);
    return best.cost;
}

/* A square needs what was chosen above its right neighbour: rows follow each other two squares
 * apart. Rows are begun in order, so the one above is always under way. */
static void fraction_row(void *context, int row, int thread)
{
    Search *s = context;
    const int largest = MICA_MOTION_LARGEST, columns = s->field->columns / largest;
    Known known;
    (void)thread;
    for (int column = 0; column < columns; column++) {
        const int needed = column + 2 < columns ? column + 2 : columns;
        while (row > 0 && atomic_load_explicit(&s->done[row - 1], memory_order_acquire) < needed)
            sched_yield();
        memset(known.vector, UNKNOWN, sizeof known.vector);
        choose(s, &known, column * largest, row * largest, MICA_MOTION_LEVELS - 1, NULL,
               UINT32_MAX);
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
                        const MicaReference *const reference[MICA_MOTION_REFERENCES],
                        const MicaMotionField *before, const MicaMotionRates *rates, int lambda,
                        MicaPool *pool, MicaMotionField *field)
{
    Search s = {.kernels = kernels,
                .current = current,
                .coarse = &search->coarse,
                .lambda = lambda,
                .rates = rates,
                .field = field,
                .before = before,
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
    mica_motion_field_clear(field);
    mica_pool_run(pool, field->rows / MICA_MOTION_LARGEST, fraction_row, &s);
}
