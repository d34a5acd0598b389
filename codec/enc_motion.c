/*
 * Two passes over the squares of 16x16 pixels. The first finds whole-pixel vectors by full search
 * in pictures of a quarter of the size, then by descent from good guesses; its rows are independent
 * of each other. The second goes in coding order: it starts from what the neighbourhood has, knows
 * what a vector costs, refines to quarters of a pixel, and tries to split.
 */
#include "codec/enc_motion.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base/mem.h"

#define SQUARE MICA_MOTION_SQUARE
#define BLOCK MICA_MOTION_BLOCK

/* Pictures of 1/4 the size: a window of 8x8 (32x32 pixels around the square) within +-12 (48). */
#define COARSE 4
#define COARSE_WINDOW 8
#define COARSE_RANGE 12
#define COARSE_BORDER (COARSE_WINDOW + COARSE_RANGE)

#define REFINEMENTS 24 /* steps of a descent at most */

typedef struct CoarsePicture {
    int width, height;
    ptrdiff_t stride;
    uint8_t *data, *memory;
} CoarsePicture;

typedef struct Search {
    const MicaReference *current, *reference[MICA_MOTION_REFERENCES];
    CoarsePicture coarse_current, coarse[MICA_MOTION_REFERENCES];
    int lambda;
    MicaMotionField *field;
    int columns, rows;                         /* squares */
    MicaVector *whole[MICA_MOTION_REFERENCES]; /* what the first pass found */
    atomic_int *done;                          /* squares of each row that are chosen */
} Search;

/* A vector and what it costs. */
typedef struct Match {
    MicaVector vector;
    unsigned cost, rate; /* the bits are part of the cost */
} Match;

/* ---- costs ---- */

MICA_INLINE unsigned sad(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride,
                         int size)
{
    unsigned sum = 0;
    for (int y = 0; y < size; y++, a += a_stride, b += b_stride)
        for (int x = 0; x < size; x++)
            sum += (unsigned)abs(a[x] - b[x]);
    return sum;
}

/* Butterflies over the eight rows; m[i][x] */
MICA_INLINE void hadamard_columns(int16_t m[8][8])
{
    for (int half = 4; half; half /= 2)
        for (int i = 0; i < 8; i++)
            if (!(i & half))
                for (int x = 0; x < 8; x++) {
                    const int16_t a = m[i][x], b = m[i + half][x];
                    m[i][x] = (int16_t)(a + b);
                    m[i + half][x] = (int16_t)(a - b);
                }
}

/* Sum of the magnitudes of the 8x8 Hadamard transform of a difference, in quarters. */
static unsigned satd8(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride)
{
    int16_t m[8][8], t[8][8]; /* at most 255 * 64 */
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            m[y][x] = (int16_t)(a[y * a_stride + x] - b[y * b_stride + x]);
    hadamard_columns(m);
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            t[x][y] = m[y][x];
    hadamard_columns(t);
    unsigned sum = 0;
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            sum += (unsigned)abs(t[y][x]);
    return (sum + 2) >> 2;
}

static unsigned satd(const uint8_t *a, ptrdiff_t a_stride, const uint8_t *b, ptrdiff_t b_stride,
                     int size)
{
    unsigned sum = 0;
    for (int y = 0; y < size; y += 8)
        for (int x = 0; x < size; x += 8)
            sum += satd8(a + y * a_stride + x, a_stride, b + y * b_stride + x, b_stride);
    return sum;
}

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

/* ---- small pictures ---- */

static MicaStatus coarse_create(CoarsePicture *c, const MicaReference *r)
{
    c->width = (r->width + COARSE - 1) / COARSE;
    c->height = (r->height + COARSE - 1) / COARSE;
    c->stride = c->width + 2 * COARSE_BORDER;
    const size_t rows = (size_t)(c->height + 2 * COARSE_BORDER);
    c->memory = mica_alloc(rows, (size_t)c->stride);
    if (!c->memory)
        return MICA_ERROR_OUT_OF_MEMORY;
    c->data = c->memory + COARSE_BORDER * c->stride + COARSE_BORDER;
    for (int y = 0; y < c->height; y++) {
        uint8_t *out = c->data + y * c->stride;
        for (int x = 0; x < c->width; x++) {
            const uint8_t *in = r->plane[MICA_REFERENCE_LUMA] + COARSE * y * r->stride + COARSE * x;
            unsigned sum = 0;
            for (int i = 0; i < COARSE; i++)
                for (int k = 0; k < COARSE; k++)
                    sum += in[i * r->stride + k];
            out[x] = (uint8_t)((sum + 8) >> 4);
        }
        memset(out - COARSE_BORDER, out[0], COARSE_BORDER);
        memset(out + c->width, out[c->width - 1], COARSE_BORDER);
    }
    uint8_t *top = c->data - COARSE_BORDER;
    uint8_t *bottom = top + (c->height - 1) * c->stride;
    for (int i = 1; i <= COARSE_BORDER; i++) {
        memcpy(top - i * c->stride, top, (size_t)c->stride);
        memcpy(bottom + i * c->stride, bottom, (size_t)c->stride);
    }
    return MICA_OK;
}

static MicaVector coarse_search(const Search *s, int which, int column, int row)
{
    const CoarsePicture *c = &s->coarse_current, *r = &s->coarse[which];
    const int around = (COARSE_WINDOW - SQUARE / COARSE) / 2;
    const int x = column * (SQUARE / COARSE) - around, y = row * (SQUARE / COARSE) - around;
    const uint8_t *block = c->data + y * c->stride + x;
    unsigned best = UINT32_MAX;
    int best_x = 0, best_y = 0;
    for (int dy = -COARSE_RANGE; dy <= COARSE_RANGE; dy++)
        for (int dx = -COARSE_RANGE; dx <= COARSE_RANGE; dx++) {
            const int px = x + dx, py = y + dy;
            if (px < -COARSE_BORDER || py < -COARSE_BORDER ||
                px > r->width + COARSE_BORDER - COARSE_WINDOW ||
                py > r->height + COARSE_BORDER - COARSE_WINDOW)
                continue;
            /* among equals the shortest */
            const unsigned cost =
                (sad(block, c->stride, r->data + py * r->stride + px, r->stride, COARSE_WINDOW)
                 << 6) +
                (unsigned)(abs(dx) + abs(dy));
            if (cost < best) {
                best = cost;
                best_x = dx;
                best_y = dy;
            }
        }
    return vector_of(best_x * COARSE * 4, best_y * COARSE * 4);
}

/* ---- whole pixels ---- */

typedef struct Place {
    const Search *search;
    int which, x, y, size; /* reference; pixels */
    MicaVector predicted;
} Place;

static const uint8_t *current_at(const Place *p)
{
    const MicaReference *c = p->search->current;
    return c->plane[MICA_REFERENCE_LUMA] + p->y * c->stride + p->x;
}

static void try_whole(const Place *p, MicaVector v, Match *best)
{
    const MicaReference *r = p->search->reference[p->which];
    const uint8_t *at = mica_motion_source(r, MICA_REFERENCE_LUMA, p->x, p->y, v);
    const unsigned bits = rate(p->search, v, p->predicted);
    const unsigned cost =
        bits + (p->size == SQUARE
                    ? sad(current_at(p), p->search->current->stride, at, r->stride, SQUARE)
                    : sad(current_at(p), p->search->current->stride, at, r->stride, BLOCK));
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
        Place p = {s, which, column * SQUARE, row * SQUARE, SQUARE, zero};
        Match best = {zero, UINT32_MAX, 0};
        try_whole(&p, zero, &best);
        try_whole(&p, to_whole(before->vector[which]), &best);
        if (column > 0)
            try_whole(&p, found[-1], &best);
        try_whole(&p, coarse_search(s, which, column, row), &best);
        descend_whole(&p, &best);
        *found = best.vector;
    }
}

/* ---- quarters of a pixel ---- */

static void try_fraction(const Place *p, MicaVector v, Match *best)
{
    uint8_t sample[SQUARE * SQUARE];
    mica_motion_interpolate(p->search->reference[p->which], MICA_REFERENCE_LUMA, p->x, p->y, v,
                            p->size, sample, p->size);
    const unsigned bits = rate(p->search, v, p->predicted);
    const unsigned cost =
        bits + satd(current_at(p), p->search->current->stride, sample, p->size, p->size);
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

static Match search_square(const Search *s, int which, int column, int row)
{
    const MicaMotionField *f = s->field;
    const int x = 2 * column, y = 2 * row;
    const Place p = {
        s, which, column * SQUARE, row * SQUARE, SQUARE, mica_motion_expected(f, x, y, 2, which)};
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
                          MicaVector square)
{
    const MicaMotionField *f = s->field;
    const int right = part & 1, below = part >> 1;
    const int x = 2 * column + right, y = 2 * row + below;
    const Place p = {s,         which, x * BLOCK,
                     y * BLOCK, BLOCK, mica_motion_expected(f, x, y, 1, which)};
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
    uint8_t sample[MICA_MOTION_REFERENCES][SQUARE * SQUARE];
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        mica_motion_interpolate(s->reference[i], MICA_REFERENCE_LUMA, x, y, b->vector[i], size,
                                sample[i], size);
    for (int i = 0; i < size * size; i++)
        sample[0][i] = (uint8_t)((sample[0][i] + sample[1][i] + 1) >> 1);
    return satd(s->current->plane[MICA_REFERENCE_LUMA] + y * s->current->stride + x,
                s->current->stride, sample[0], size, size);
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
    memset(&square, 0, sizeof square);
    memset(of_square, 0, sizeof of_square);
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        if (s->reference[i])
            of_square[i] = search_square(s, i, column, row);
    const unsigned whole =
        choose_references(s, of_square, column * SQUARE, row * SQUARE, SQUARE, &square);
    unsigned parts = (unsigned)(SPLIT_BITS * s->lambda) >> 4;
    for (int k = 0; k < 4 && parts < whole; k++) {
        MicaMotionBlock *b = first + (k >> 1) * f->columns + (k & 1);
        for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
            if (s->reference[i])
                match[i] = search_block(s, i, column, row, k, of_square[i].vector);
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

MicaStatus mica_motion_search(const MicaReference *current,
                              const MicaReference *const reference[MICA_MOTION_REFERENCES],
                              int lambda, MicaPool *pool, MicaMotionField *field)
{
    Search s = {.current = current,
                .lambda = lambda,
                .field = field,
                .columns = field->columns / 2,
                .rows = field->rows / 2};
    MicaStatus status = coarse_create(&s.coarse_current, current);
    for (int i = 0; i < MICA_MOTION_REFERENCES && status == MICA_OK; i++) {
        if (!reference[i])
            continue;
        s.reference[i] = reference[i];
        status = coarse_create(&s.coarse[i], reference[i]);
        s.whole[i] = mica_alloc((size_t)s.columns * (size_t)s.rows, sizeof *s.whole[i]);
        if (!s.whole[i])
            status = MICA_ERROR_OUT_OF_MEMORY;
    }
    s.done = mica_alloc_zero((size_t)s.rows, sizeof *s.done);
    if (!s.done)
        status = MICA_ERROR_OUT_OF_MEMORY;
    if (status == MICA_OK) {
        mica_pool_run(pool, s.rows, whole_row, &s);
        mica_pool_run(pool, s.rows, fraction_row, &s);
    }
    mica_free(s.done);
    mica_free(s.coarse_current.memory);
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++) {
        mica_free(s.coarse[i].memory);
        mica_free(s.whole[i]);
    }
    return status;
}
