/*
 * Two passes. The first goes over the squares of 16x16 and finds whole-pixel vectors by full search
 * in pictures of a quarter of the size, around zero and around what pictures of a sixteenth show of
 * fast motion, then by descent from good guesses; its rows are independent of each other. The
 * second goes over the largest squares in coding order: it starts from what the neighbourhood has,
 * knows what motion costs, and tries to split.
 */
#include "codec/enc_motion.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base/mem.h"

#define SQUARE MICA_MOTION_SQUARE

typedef struct Search {
    MicaMatchFrame match;
    const MicaCoarse *current, *distant;
    const MicaSearchedReference *reference[MICA_MOTION_REFERENCES]; /* NULL: none */
    MicaMotionField *field;
    const MicaMotionField *before;
    int columns, rows;                 /* squares of 16x16 */
    MicaVector *const *distant_vector; /* what 1/16 of the size shows */
    MicaVector *const *whole;          /* what the first pass found */
    atomic_int *done;                  /* largest squares of each row that are chosen */
} Search;

/* ---- whole pixels ---- */

/* Squares of MICA_COARSE_SQUARE samples of the smallest pictures are these many of 16x16. */
#define DISTANT_SQUARES MICA_COARSE_SCALE

static int distant_columns(const Search *s)
{
    return (s->columns + DISTANT_SQUARES - 1) / DISTANT_SQUARES;
}

static void distant_row(void *context, int row, int thread)
{
    const Search *s = context;
    const int columns = distant_columns(s);
    (void)thread;
    for (int which = 0; which < MICA_MOTION_REFERENCES; which++)
        for (int column = 0; s->reference[which] && column < columns; column++)
            s->distant_vector[which][row * columns + column] =
                mica_coarse_search(s->distant, &s->reference[which]->distant, s->match.kernels,
                                   column, row, (MicaVector){0, 0})
                    .vector;
}

static MicaCoarseMatch coarse_match(const Search *s, int which, int column, int row,
                                    MicaVector centre)
{
    return mica_coarse_search(s->current, &s->reference[which]->coarse, s->match.kernels, column,
                              row, centre);
}

static void guess_coarse(MicaGuesses *g, MicaVector v)
{
    const int unit = MICA_COARSE_SCALE * 4; /* quarters of a pixel */
    mica_guess(g, (MicaVector){(int16_t)(v.x * unit), (int16_t)(v.y * unit)});
}

/* What is far away must look so much better, as sample and as share, than what is near: in smooth
 * parts any place looks alike, and a field without order costs bits. */
#define FAR_MARGIN (MICA_COARSE_WINDOW * MICA_COARSE_WINDOW)
#define FAR_SHARE 4

/* What pictures of a quarter of the size show, around zero and, where that does not reach what the
 * smallest ones show (exact to half a sample of theirs), around that. */
static void guess_from_small(const Search *s, MicaGuesses *g, int which, int column, int row)
{
    const MicaCoarseMatch near = coarse_match(s, which, column, row, (MicaVector){0, 0});
    guess_coarse(g, near.vector);
    const MicaVector v = s->distant_vector[which][row / DISTANT_SQUARES * distant_columns(s) +
                                                  column / DISTANT_SQUARES];
    const MicaVector centre = {(int16_t)(v.x * MICA_COARSE_SCALE),
                               (int16_t)(v.y * MICA_COARSE_SCALE)};
    const int reach = MICA_COARSE_RANGE - MICA_COARSE_SCALE / 2;
    if (abs(centre.x) <= reach && abs(centre.y) <= reach)
        return;
    const MicaCoarseMatch far = coarse_match(s, which, column, row, centre);
    if (far.sad + far.sad / FAR_SHARE + FAR_MARGIN < near.sad)
        guess_coarse(g, far.vector);
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
        const MicaMotionBlock *last = s->field->block + 2 * row * s->field->columns + 2 * column;
        MicaVector *found = s->whole[which] + row * s->columns + column;
        MicaGuesses g = {.count = 0};
        mica_guess(&g, (MicaVector){0, 0});
        if (last->references >> which & 1)
            mica_guess(&g, last->vector[which]);
        if (column > 0)
            mica_guess(&g, found[-1]);
        guess_from_small(s, &g, which, column, row);
        *found = mica_match_whole(&s->match, (MicaSquare){2 * column, 2 * row, 1}, which, &g);
    }
}

/* ---- quarters of a pixel ---- */

/* What the first pass found for the 16x16 with this block; the nearest one where there is none. */
static MicaVector found_at(const Search *s, int which, int column, int row)
{
    const int x = column / 2 < s->columns ? column / 2 : s->columns - 1;
    const int y = row / 2 < s->rows ? row / 2 : s->rows - 1;
    return s->whole[which][y * s->columns + x];
}

static void guess_known(MicaGuesses *g, const MicaMotionField *f, int column, int row, int which)
{
    if (column < 0 || row < 0 || column >= f->columns)
        return;
    const MicaMotionBlock *b = f->block + row * f->columns + column;
    if (b->references >> which & 1)
        mica_guess(g, b->vector[which]);
}

/* `larger`: of the square that this one is a quarter of, NULL for the largest. */
static MicaMatch find_vector(const Search *s, MicaKnownSatds *known, MicaSquare square, int which,
                             MicaVector expected, const MicaMatch *larger)
{
    const MicaMotionField *f = s->field;
    const int column = square.column, row = square.row, level = square.level, size = 1 << level;
    MicaGuesses g = {.count = 0};
    mica_guess(&g, expected);
    if (larger)
        mica_guess(&g, larger->vector);
    if (level > 1)
        for (int i = 0; i < 4; i++) /* near the middle of each quarter */
            mica_guess(&g, found_at(s, which, column + ((i & 1) * 2 + 1) * size / 4,
                                    row + ((i >> 1) * 2 + 1) * size / 4));
    else
        mica_guess(&g, found_at(s, which, column, row));
    guess_known(&g, f, column - 1, row, which);
    guess_known(&g, f, column, row - 1, which);
    guess_known(&g, f, column + size, row - 1, which);
    if (level == 1 || column & 1)
        mica_guess(&g, found_at(s, which, column + 2, row));
    if (level == 1 || row & 1)
        mica_guess(&g, found_at(s, which, column, row + 2));
    if (level == 1)
        mica_guess(&g, (MicaVector){0, 0});
    return mica_match_fractions(&s->match, known, square, which, &g);
}

/* ---- squares ---- */

/* A motion and what it costs, its bits included. */
typedef struct Choice {
    MicaMotionBlock motion;
    unsigned cost;
} Choice;

/* Motion that can be taken over. */
typedef struct Candidates {
    MicaMotionBlock motion[MICA_MOTION_CANDIDATES];
    int count;
} Candidates;

static void choose_taken(const Search *s, MicaKnownSatds *known, MicaSquare square,
                         const Candidates *c, const uint16_t rate[2], Choice *best)
{
    for (int i = 0; i < c->count; i++) {
        const unsigned bits =
            mica_match_cost(&s->match, (unsigned)rate[1] + s->match.rates->candidate[i]);
        if (bits >= best->cost)
            continue;
        const unsigned cost =
            bits + mica_match_satd(&s->match, known, square, &c->motion[i], best->cost - bits);
        if (cost < best->cost) {
            *best = (Choice){c->motion[i], cost};
            best->motion.taken = 1;
        }
    }
}

/* Vectors of its own, to one reference, the other, or both. Those to both are looked at more
 * closely if they cost not more than 9/8 of the best so far. */
static void choose_own(const Search *s, MicaKnownSatds *known, MicaSquare square,
                       const Candidates *c, const uint16_t rate[2],
                       MicaMatch match[MICA_MOTION_REFERENCES], const MicaMatch *larger,
                       Choice *best)
{
    const MicaMotionField *f = s->field;
    const int count = f->references, both = 3;
    const uint16_t *references =
        s->match.rates->references[mica_motion_count_references(f, square.column, square.row, 3)]
                                  [mica_motion_count_references(f, square.column, square.row, 2)];
    MicaVector expected[MICA_MOTION_REFERENCES];
    for (int i = 0; i < count; i++) {
        expected[i] = mica_motion_expected(c->motion, c->count, i);
        match[i] = find_vector(s, known, square, i, expected[i], larger ? &larger[i] : NULL);
        MicaMotionBlock motion = {.references = (uint8_t)(1 << i)};
        motion.vector[i] = match[i].vector;
        const unsigned bits = (unsigned)rate[0] + (count > 1 ? references[motion.references] : 0);
        const unsigned cost = match[i].cost + mica_match_cost(&s->match, bits);
        if (cost < best->cost)
            *best = (Choice){motion, cost};
    }
    if (count == 1)
        return;
    const unsigned bits = mica_match_cost(&s->match, (unsigned)rate[0] + references[both]);
    const unsigned limit = best->cost + best->cost / 8;
    if (bits >= limit)
        return;
    const MicaPairMatch pair =
        mica_match_pair(&s->match, known, square, match, expected, limit - bits);
    if (pair.cost + bits < best->cost) {
        *best = (Choice){{.references = both}, pair.cost + bits};
        memcpy(best->motion.vector, pair.vector, sizeof pair.vector);
    }
}

/* A square whose cost with motion taken over is below what so many bits are worth is left at that:
 * nothing is lost, and a tenth of the encoder's time is saved where the quality is low. */
#define ENOUGH_BITS 40

/* Choose the motion of a square, whole or split, and return its cost; from `limit` on it is not
 * exact, and the field then holds something else. */
static unsigned choose(const Search *s, MicaKnownSatds *known, MicaSquare square,
                       const MicaMatch *larger, unsigned limit)
{
    MicaMotionField *f = s->field;
    const int column = square.column, row = square.row, level = square.level;
    if (column >= f->seen_columns || row >= f->seen_rows)
        return 0;
    MicaMatch match[MICA_MOTION_REFERENCES];
    Choice best = {{.references = 0}, UINT32_MAX};
    const uint16_t *taken = s->match.rates->taken[level][mica_motion_count_own(f, column, row)];
    Candidates c;
    c.count = mica_motion_candidates(f, s->before, column, row, level, c.motion);
    choose_taken(s, known, square, &c, taken, &best);
    if (best.cost < mica_match_cost(&s->match, ENOUGH_BITS * 16)) {
        best.motion.level = (uint8_t)level;
        mica_motion_fill(f, column, row, level, best.motion);
        return best.cost;
    }
    choose_own(s, known, square, &c, taken, match, larger, &best);
    best.motion.level = (uint8_t)level;
    if (level > 0) {
        const uint16_t *split =
            s->match.rates->split[level - 1][mica_motion_count_smaller(f, column, row, level)];
        best.cost += mica_match_cost(&s->match, split[0]);
        limit = limit < best.cost ? limit : best.cost;
        unsigned parts = mica_match_cost(&s->match, split[1]);
        const int half = 1 << (level - 1);
        for (int k = 0; k < 4 && parts < limit; k++) {
            const MicaSquare quarter = {column + (k & 1) * half, row + (k >> 1) * half, level - 1};
            parts += choose(s, known, quarter, match, limit - parts);
        }
        if (parts < limit)
            return parts;
    }
    mica_motion_fill(f, column, row, level, best.motion);
    return best.cost;
}

/* A square needs what was chosen above its right neighbour: rows follow each other two squares
 * apart. Rows are begun in order, so the one above is always under way. */
static void choose_row(void *context, int row, int thread)
{
    Search *s = context;
    const int largest = MICA_MOTION_LARGEST, columns = s->field->columns / largest;
    MicaKnownSatds known;
    (void)thread;
    for (int column = 0; column < columns; column++) {
        const int needed = column + 2 < columns ? column + 2 : columns;
        while (row > 0 && atomic_load_explicit(&s->done[row - 1], memory_order_acquire) < needed)
            sched_yield();
        mica_known_satds_clear(&known);
        const MicaSquare square = {column * largest, row * largest, MICA_MOTION_LEVELS - 1};
        choose(s, &known, square, NULL, UINT32_MAX);
        atomic_store_explicit(&s->done[row], column + 1, memory_order_release);
    }
}

/* ---- a frame ---- */

static MicaStatus create_small(MicaCoarse *coarse, MicaCoarse *distant, int width, int height)
{
    const MicaStatus status = mica_coarse_create(coarse, width, height);
    return status == MICA_OK ? mica_coarse_create(distant, coarse->width, coarse->height) : status;
}

static void set_small(MicaCoarse *coarse, MicaCoarse *distant, const MicaReference *reference,
                      MicaPool *pool)
{
    mica_coarse_set(coarse, reference->plane[MICA_REFERENCE_LUMA], reference->stride, pool);
    mica_coarse_set(distant, coarse->data, coarse->stride, pool);
}

MicaStatus mica_motion_search_create(MicaMotionSearch *s, int width, int height)
{
    memset(s, 0, sizeof *s);
    s->columns = (width + SQUARE - 1) / SQUARE;
    s->rows = (height + SQUARE - 1) / SQUARE;
    const size_t squares = (size_t)s->columns * (size_t)s->rows;
    MicaStatus status = create_small(&s->coarse, &s->distant, width, height);
    for (int i = 0; i < MICA_MOTION_REFERENCES && status == MICA_OK; i++) {
        status = create_small(&s->seen[i].coarse, &s->seen[i].distant, width, height);
        if (status == MICA_OK)
            status = mica_fractions_create(&s->seen[i].fractions, width, height);
        s->whole[i] = mica_alloc(squares, sizeof *s->whole[i]);
        s->distant_vector[i] = mica_alloc(squares, sizeof *s->distant_vector[i]);
        if (!s->whole[i] || !s->distant_vector[i])
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
    mica_coarse_free(&s->distant);
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++) {
        mica_coarse_free(&s->seen[i].coarse);
        mica_coarse_free(&s->seen[i].distant);
        mica_fractions_free(&s->seen[i].fractions);
        mica_free(s->whole[i]);
        mica_free(s->distant_vector[i]);
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
    set_small(&seen->coarse, &seen->distant, reference, pool);
    mica_fractions_set(&seen->fractions, kernels, reference, pool);
    return seen;
}

void mica_motion_search(MicaMotionSearch *search, const MicaMotionKernels *kernels,
                        const MicaReference *current,
                        const MicaReference *const reference[MICA_MOTION_REFERENCES],
                        const MicaMotionField *before, const MicaMotionRates *rates, int lambda,
                        MicaPool *pool, MicaMotionField *field)
{
    Search s = {.match = {.kernels = kernels,
                          .current = current,
                          .rates = rates,
                          .lambda = lambda,
                          .seen_columns = field->seen_columns,
                          .seen_rows = field->seen_rows},
                .current = &search->coarse,
                .distant = &search->distant,
                .field = field,
                .before = before,
                .columns = search->columns,
                .rows = search->rows,
                .distant_vector = search->distant_vector,
                .whole = search->whole,
                .done = search->done};
    set_small(&search->coarse, &search->distant, current, pool);
    for (int i = 0; i < field->references; i++) {
        s.reference[i] = look_at(search, kernels, reference[i], reference[!i], pool);
        s.match.reference[i] = &s.reference[i]->fractions;
    }
    mica_pool_run(pool, (s.rows + DISTANT_SQUARES - 1) / DISTANT_SQUARES, distant_row, &s);
    mica_pool_run(pool, s.rows, whole_row, &s);
    mica_motion_field_clear(field); /* what stands there has been looked at */
    const int rows = field->rows / MICA_MOTION_LARGEST;
    for (int i = 0; i < rows; i++)
        atomic_init(&s.done[i], 0);
    mica_pool_run(pool, rows, choose_row, &s);
}
