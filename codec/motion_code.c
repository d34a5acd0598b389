#include "codec/motion_code.h"

#include <assert.h>
#include <stdlib.h>

#include "codec/base/mem.h"
#include "entropy/bit_coder.h"

/* Differences are coded as their number of bits, and the bits below the first one. */
#define MAX_BITS 15

typedef struct Models {
    MicaBitModel split[3];
    MicaBitModel both[3], second[3];   /* which references */
    MicaBitModel same[2][3];           /* no difference; of a square or a block */
    MicaBitModel zero[2], negative[2]; /* of a component */
    MicaBitModel longer[2][MAX_BITS];  /* whether it has more bits than so many */
    MicaBitModel second_bit[MAX_BITS]; /* below the first, by the number of bits */
    MicaBitModel lower_bit[MAX_BITS];  /* the others, by their place */
} Models;

/* What the models of a frame begin with: probability of a one in 1/256, and the number of decisions
 * that it is trusted like; where nothing stands it is new. Fitted to 1440 frames of the training
 * clips; of frames with little motion, where learning costs the most, it saves 3.5 % of the
 * motion's bits. */
typedef struct Start {
    uint8_t ones, trust;
} Start;

static const struct {
    Start split[3], both[3], second[3], same[2][3], zero[2], negative[2];
    Start longer[2][MAX_BITS], second_bit[MAX_BITS], lower_bit[MAX_BITS];
} starts = {
    .split = {{6, 96}, {57, 32}, {117, 8}},
    .both = {{15, 16}, {54, 12}, {122, 8}},
    .second = {{21, 12}, {93, 12}, {178, 8}},
    .same = {{{228, 16}, {171, 64}, {124, 32}}, {{183, 32}, {144, 24}, {111, 12}}},
    .zero = {{63, 96}, {109, 24}},
    .negative = {{117, 48}, {135, 12}},
    .longer = {{{173, 6}, {175, 32}, {170, 12}, {116, 2}, {104, 2}, {68, 3}, {59, 2}},
               {{138, 6}, {128, 8}, {120, 12}, {81, 8}, {71, 4}, {70, 4}}},
    .second_bit = {{128, 0}, {141, 48}, {140, 32}, {122, 12}, {111, 8}, {96, 3}, {97, 4}},
    .lower_bit = {{140, 96}, {135, 96}, {123, 64}, {120, 16}, {102, 12}, {88, 4}},
};

static void begin_models(Models *models)
{
    static_assert(sizeof starts / sizeof(Start) == sizeof *models / sizeof(MicaBitModel),
                  "a start for each model");
    const Start *start = (const Start *)&starts;
    MicaBitModel *model = (MicaBitModel *)models;
    for (size_t i = 0; i < sizeof starts / sizeof *start; i++)
        model[i] =
            start[i].ones ? mica_bit_model(start[i].ones, start[i].trust) : MICA_BIT_MODEL_NEW;
}

typedef struct Coder {
    MicaBitCoder bits;
    Models models;
    MicaMotionField *field;
    uint8_t *split;  /* of each square of the row above, then of this row */
    uint8_t *moving; /* of each block: its vector differs from what was predicted */
    int references, failed;
} Coder;

/* ---- neighbourhood ---- */

static const MicaMotionBlock *block_at(const Coder *c, int x, int y)
{
    const MicaMotionField *f = c->field;
    return x < 0 || y < 0 || x >= f->columns ? NULL : f->block + y * f->columns + x;
}

/* How many of the blocks left and above have a property. */
static int count_moving(const Coder *c, int x, int y)
{
    const int columns = c->field->columns;
    return (x > 0 && c->moving[y * columns + x - 1]) + (y > 0 && c->moving[(y - 1) * columns + x]);
}

static int count_references(const Coder *c, int x, int y, uint8_t references)
{
    const MicaMotionBlock *left = block_at(c, x - 1, y), *above = block_at(c, x, y - 1);
    return (left && left->references == references) + (above && above->references == references);
}

/* ---- values ---- */

static int bit_count(unsigned v)
{
    int bits = 0;
    for (; v; v >>= 1)
        bits++;
    return bits;
}

/* A difference other than 0; axis 0: x. */
static int code_magnitude(Coder *c, int axis, int magnitude)
{
    Models *m = &c->models;
    const int wanted = bit_count((unsigned)magnitude);
    int bits = 1;
    while (bits < MAX_BITS && mica_code_bit(&c->bits, &m->longer[axis][bits - 1], wanted > bits))
        bits++;
    int value = 1;
    for (int i = bits - 2; i >= 0; i--) {
        MicaBitModel *model = i == bits - 2 ? &m->second_bit[bits - 1] : &m->lower_bit[i];
        value = value << 1 | mica_code_bit(&c->bits, model, magnitude >> i & 1);
    }
    return value;
}

static int code_component(Coder *c, int axis, int d, int known_nonzero)
{
    Models *m = &c->models;
    if (!known_nonzero && mica_code_bit(&c->bits, &m->zero[axis], d == 0))
        return 0;
    const int negative = mica_code_bit(&c->bits, &m->negative[axis], d < 0);
    const int magnitude = code_magnitude(c, axis, abs(d));
    return negative ? -magnitude : magnitude;
}

static int16_t checked(Coder *c, int v)
{
    if (v < INT16_MIN || v > INT16_MAX) {
        c->failed = 1;
        return 0;
    }
    return (int16_t)v;
}

static MicaVector code_vector(Coder *c, int x, int y, int size, int which, MicaVector v, int *moves)
{
    const MicaVector p = mica_motion_expected(c->field, x, y, size, which);
    const int dx = v.x - p.x, dy = v.y - p.y;
    MicaBitModel *same = &c->models.same[size == 1][count_moving(c, x, y)];
    if (mica_code_bit(&c->bits, same, dx == 0 && dy == 0))
        return p;
    *moves = 1;
    const int coded_x = code_component(c, 0, dx, 0);
    const int coded_y = code_component(c, 1, dy, coded_x == 0);
    v.x = checked(c, p.x + coded_x);
    v.y = checked(c, p.y + coded_y);
    return v;
}

static uint8_t code_references(Coder *c, int x, int y, uint8_t references)
{
    if (c->references == 1)
        return 1;
    Models *m = &c->models;
    if (mica_code_bit(&c->bits, &m->both[count_references(c, x, y, 3)], references == 3))
        return 3;
    return mica_code_bit(&c->bits, &m->second[count_references(c, x, y, 2)], references == 2) ? 2
                                                                                              : 1;
}

/* ---- blocks ---- */

/* A block of `size` x `size` blocks at (x, y). */
static void code_block(Coder *c, int x, int y, int size)
{
    const int columns = c->field->columns;
    MicaMotionBlock *b = c->field->block + y * columns + x, coded = {{{0, 0}, {0, 0}}, 0};
    int moves = 0;
    coded.references = code_references(c, x, y, b->references);
    for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
        if (coded.references >> i & 1)
            coded.vector[i] = code_vector(c, x, y, size, i, b->vector[i], &moves);
    for (int i = 0; i < size; i++)
        for (int k = 0; k < size; k++) {
            b[i * columns + k] = coded;
            c->moving[(y + i) * columns + x + k] = (uint8_t)moves;
        }
}

static void code_field(Coder *c)
{
    const MicaMotionField *f = c->field;
    for (int y = 0; y < f->rows; y += 2)
        for (int x = 0; x < f->columns && !c->failed; x += 2) {
            uint8_t *split = c->split + x / 2;
            const int around = *split + (x > 0 && split[-1]);
            *split = (uint8_t)mica_code_bit(
                &c->bits, &c->models.split[around],
                !mica_motion_square_is_whole(f, f->block + y * f->columns + x));
            if (!*split) {
                code_block(c, x, y, 2);
                continue;
            }
            for (int i = 0; i < 4; i++)
                code_block(c, x + (i & 1), y + (i >> 1), 1);
        }
}

/* NULL without memory. */
static Coder *coder_create(MicaMotionField *field, int references)
{
    Coder *c = mica_alloc_zero(1, sizeof *c);
    if (!c)
        return NULL;
    c->field = field;
    c->references = references;
    c->split = mica_alloc_zero((size_t)field->columns / 2, 1);
    c->moving = mica_alloc_zero((size_t)field->columns * (size_t)field->rows, 1);
    begin_models(&c->models);
    return c;
}

static void coder_free(Coder *c)
{
    mica_free(c->split);
    mica_free(c->moving);
    mica_free(c);
}

MicaStatus mica_motion_encode(const MicaMotionField *field, int references, MicaWriter *out)
{
    /* What is coded are the blocks' own values: encoding changes nothing but unused vectors. */
    MicaMotionField same = *field;
    Coder *c = coder_create(&same, references);
    MicaStatus status = MICA_ERROR_OUT_OF_MEMORY;
    if (c && c->split && c->moving) {
        mica_bit_encoder_begin(&c->bits);
        code_field(c);
        status = mica_bit_encoder_finish(&c->bits, out);
    }
    if (c)
        coder_free(c);
    return status;
}

MicaStatus mica_motion_decode(MicaMotionField *field, int references, const uint8_t *data,
                              size_t size)
{
    Coder *c = coder_create(field, references);
    MicaStatus status = MICA_ERROR_OUT_OF_MEMORY;
    if (c && c->split && c->moving) {
        status = mica_bit_decoder_begin(&c->bits, data, size);
        if (status == MICA_OK) {
            code_field(c);
            const MicaStatus end = mica_bit_decoder_finish(&c->bits);
            status = c->failed ? MICA_ERROR_BITSTREAM : end;
        }
    }
    if (c)
        coder_free(c);
    return status;
}
