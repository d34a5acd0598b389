#include "codec/motion_candidates.h"

#include <stdlib.h>

/* NULL where no motion is known. */
static const MicaMotionBlock *block_at(const MicaMotionField *f, int x, int y)
{
    if (x < 0 || y < 0 || x >= f->seen_columns || y >= f->seen_rows)
        return NULL;
    const MicaMotionBlock *b = f->block + y * f->columns + x;
    return b->references ? b : NULL;
}

/* ---- motion to take over ---- */

typedef struct List {
    MicaMotionBlock *block;
    int count;
} List;

static void add(List *list, const MicaMotionBlock *b)
{
    if (!b || list->count == MICA_MOTION_CANDIDATES)
        return;
    for (int i = 0; i < list->count; i++)
        if (mica_motion_is_same(&list->block[i], b))
            return;
    list->block[list->count++] = *b;
}

/* References that a frame between both of them uses together, else the first. */
static uint8_t usual_references(const MicaMotionField *f)
{
    return f->references == 2 && (f->distance[0] < 0) != (f->distance[1] < 0) ? 3 : 1;
}

static int16_t scaled(int v, int distance, int of)
{
    const int way = abs(v * distance), steps = abs(of);
    const int value = (way + steps / 2) / steps;
    const int limited = value > INT16_MAX ? INT16_MAX : value;
    return (int16_t)((v < 0) != ((distance < 0) != (of < 0)) ? -limited : limited);
}

/* As if what was at this place in the frame before went on as it did there. */
static void add_before(List *list, const MicaMotionField *f, const MicaMotionField *before,
                       int column, int row)
{
    const MicaMotionBlock *b = before ? block_at(before, column, row) : NULL;
    if (!b)
        return;
    const int which = !(b->references & 1);
    const int of = before->distance[which];
    if (of == 0)
        return;
    MicaMotionBlock on = {.references = usual_references(f)};
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        if (on.references >> i & 1)
            on.vector[i] = (MicaVector){scaled(b->vector[which].x, f->distance[i], of),
                                        scaled(b->vector[which].y, f->distance[i], of)};
    add(list, &on);
}

int mica_motion_candidates(const MicaMotionField *f, const MicaMotionField *before, int column,
                           int row, int level, MicaMotionBlock candidate[MICA_MOTION_CANDIDATES])
{
    const int size = 1 << level;
    List list = {candidate, 0};
    add(&list, block_at(f, column - 1, row + size - 1));
    add(&list, block_at(f, column + size - 1, row - 1));
    add(&list, block_at(f, column + size, row - 1));
    add(&list, block_at(f, column - 1, row + size));
    add(&list, block_at(f, column - 1, row - 1));
    add_before(&list, f, before, column + size / 2, row + size / 2);
    add_before(&list, f, before, column + size, row + size);
    const MicaMotionBlock still = {.references = usual_references(f)};
    add(&list, &still);
    return list.count;
}

MicaVector mica_motion_expected(const MicaMotionBlock *candidate, int count, int which)
{
    for (int i = 0; i < count; i++)
        if (candidate[i].references >> which & 1)
            return candidate[i].vector[which];
    return (MicaVector){0, 0};
}

/* ---- contexts ---- */

int mica_motion_count_smaller(const MicaMotionField *field, int column, int row, int level)
{
    const MicaMotionBlock *left = block_at(field, column - 1, row);
    const MicaMotionBlock *above = block_at(field, column, row - 1);
    return (left && left->level < level) + (above && above->level < level);
}

int mica_motion_count_own(const MicaMotionField *field, int column, int row)
{
    const MicaMotionBlock *left = block_at(field, column - 1, row);
    const MicaMotionBlock *above = block_at(field, column, row - 1);
    return (left && !left->taken) + (above && !above->taken);
}

int mica_motion_count_references(const MicaMotionField *field, int column, int row,
                                 unsigned references)
{
    const MicaMotionBlock *left = block_at(field, column - 1, row);
    const MicaMotionBlock *above = block_at(field, column, row - 1);
    return (left && left->references == references) + (above && above->references == references);
}
