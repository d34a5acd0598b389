#include "codec/motion_code.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base/mem.h"

#define MAX_BITS MICA_MOTION_BITS

/* What the models of a frame begin with: probability of a one in 1/256, and the number of decisions
 * that it is trusted like; where nothing stands it is new. */
typedef struct Start {
    uint8_t ones, trust;
} Start;

static const struct {
    Start split[3][3], taken[4][3], later[MICA_MOTION_CANDIDATES - 1], both[3], second[3], zero[3],
        negative[2];
    Start longer[2][MAX_BITS], second_bit[MAX_BITS], lower_bit[MAX_BITS];
} starts = {
    .split = {{{42, 64}, {99, 48}, {146, 32}},
              {{44, 64}, {119, 96}, {187, 24}},
              {{55, 12}, {129, 64}, {194, 96}}},
    .taken = {{{215, 24}, {194, 16}, {145, 12}},
              {{209, 24}, {184, 32}, {144, 16}},
              {{205, 32}, {180, 24}, {155, 32}},
              {{188, 4}, {166, 12}, {145, 24}}},
    .later = {{108, 64}, {84, 32}, {115, 64}, {98, 96}, {82, 96}, {96, 6}},
    .both = {{32, 8}, {68, 16}, {77, 8}},
    .second = {{70, 4}, {132, 16}, {161, 12}},
    .zero = {{66, 16}, {97, 12}, {88, 2}},
    .negative = {{124, 96}, {132, 24}},
    .longer = {{{184, 4}, {172, 24}, {179, 16}, {152, 6}, {131, 3}, {102, 3}, {68, 3}, {12, 16}},
               {{163, 4}, {150, 16}, {143, 16}, {109, 8}, {84, 4}, {81, 8}, {102, 16}, {6, 4}}},
    .second_bit =
        {{128, 0}, {139, 48}, {133, 96}, {121, 96}, {112, 16}, {108, 6}, {97, 4}, {86, 16}},
    .lower_bit = {{136, 96}, {135, 96}, {123, 96}, {129, 32}, {116, 12}, {96, 24}},
};

void mica_motion_models_begin(MicaMotionModels *models)
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
    MicaMotionModels models;
    const MicaMotionField *wanted; /* NULL when decoding */
    const MicaMotionField *before;
    MicaMotionField *field; /* what is coded so far */
    int failed;
} Coder;

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
    MicaMotionModels *m = &c->models;
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

static int code_component(Coder *c, int axis, MicaBitModel *zero, int d)
{
    if (mica_code_bit(&c->bits, zero, d == 0))
        return 0;
    const int negative = mica_code_bit(&c->bits, &c->models.negative[axis], d < 0);
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

static MicaVector code_vector(Coder *c, MicaVector expected, MicaVector v)
{
    MicaBitModel *zero = c->models.zero;
    const int dx = code_component(c, 0, &zero[0], v.x - expected.x);
    const int dy = code_component(c, 1, &zero[1 + (dx == 0)], v.y - expected.y);
    return (MicaVector){checked(c, expected.x + dx), checked(c, expected.y + dy)};
}

static uint8_t code_references(Coder *c, int x, int y, uint8_t references)
{
    if (c->field->references == 1)
        return 1;
    MicaBitModel *both = &c->models.both[mica_motion_count_references(c->field, x, y, 3)];
    if (mica_code_bit(&c->bits, both, references == 3))
        return 3;
    MicaBitModel *second = &c->models.second[mica_motion_count_references(c->field, x, y, 2)];
    return mica_code_bit(&c->bits, second, references == 2) ? 2 : 1;
}

/* ---- squares ---- */

/* Which candidate, `count` for none. */
static int code_candidate(Coder *c, int count, int wanted)
{
    int i = 0;
    while (i < count - 1 && mica_code_bit(&c->bits, &c->models.later[i], wanted > i))
        i++;
    return i;
}

static MicaMotionBlock code_motion(Coder *c, int x, int y, int level, const MicaMotionBlock *wanted)
{
    MicaMotionBlock candidate[MICA_MOTION_CANDIDATES];
    const int count = mica_motion_candidates(c->field, c->before, x, y, level, candidate);
    int found = 0;
    while (found < count && !mica_motion_is_same(&candidate[found], wanted))
        found++;
    MicaBitModel *taken = &c->models.taken[level][mica_motion_count_own(c->field, x, y)];
    MicaMotionBlock coded = {.references = 0};
    if (mica_code_bit(&c->bits, taken, found < count)) {
        coded = candidate[code_candidate(c, count, found)];
        coded.taken = 1;
    } else {
        coded.references = code_references(c, x, y, wanted->references);
        for (int i = 0; i < MICA_MOTION_REFERENCES; i++)
            if (coded.references >> i & 1)
                coded.vector[i] =
                    code_vector(c, mica_motion_expected(candidate, count, i), wanted->vector[i]);
    }
    coded.level = (uint8_t)level;
    return coded;
}

static void code_square(Coder *c, int x, int y, int level)
{
    MicaMotionField *f = c->field;
    if (x >= f->seen_columns || y >= f->seen_rows || c->failed)
        return;
    if (level > 0) {
        MicaBitModel *split =
            &c->models.split[level - 1][mica_motion_count_smaller(f, x, y, level)];
        const int wanted = c->wanted && !mica_motion_square_is_whole(c->wanted, x, y, level);
        if (mica_code_bit(&c->bits, split, wanted)) {
            const int half = 1 << (level - 1);
            for (int i = 0; i < 4; i++)
                code_square(c, x + (i & 1) * half, y + (i >> 1) * half, level - 1);
            return;
        }
    }
    MicaMotionBlock *b = f->block + y * f->columns + x;
    const MicaMotionBlock *wanted = c->wanted ? c->wanted->block + y * f->columns + x : b;
    mica_motion_fill(f, x, y, level, code_motion(c, x, y, level, wanted));
}

static void code_field(Coder *c)
{
    mica_motion_field_clear(c->field);
    for (int y = 0; y < c->field->rows; y += MICA_MOTION_LARGEST)
        for (int x = 0; x < c->field->columns; x += MICA_MOTION_LARGEST)
            code_square(c, x, y, MICA_MOTION_LEVELS - 1);
}

static void begin(Coder *c, MicaMotionField *field, const MicaMotionField *wanted,
                  const MicaMotionField *before)
{
    c->field = field;
    c->wanted = wanted;
    c->before = before;
    mica_motion_models_begin(&c->models);
}

MicaStatus mica_motion_encode(const MicaMotionField *field, const MicaMotionField *before,
                              MicaWriter *out, MicaMotionModels *models)
{
    MicaMotionField coded = *field;
    Coder *c = mica_alloc_zero(1, sizeof *c);
    coded.block = mica_alloc((size_t)field->columns * (size_t)field->rows, sizeof *coded.block);
    MicaStatus status = MICA_ERROR_OUT_OF_MEMORY;
    if (c && coded.block) {
        begin(c, &coded, field, before);
        mica_bit_encoder_begin(&c->bits);
        code_field(c);
        status = mica_bit_encoder_finish(&c->bits, out);
        if (models)
            *models = c->models;
    }
    mica_free(coded.block);
    mica_free(c);
    return status;
}

MicaStatus mica_motion_decode(MicaMotionField *field, const MicaMotionField *before,
                              const uint8_t *data, size_t size)
{
    Coder *c = mica_alloc_zero(1, sizeof *c);
    if (!c)
        return MICA_ERROR_OUT_OF_MEMORY;
    begin(c, field, NULL, before);
    MicaStatus status = mica_bit_decoder_begin(&c->bits, data, size);
    if (status == MICA_OK) {
        code_field(c);
        const MicaStatus end = mica_bit_decoder_finish(&c->bits);
        status = c->failed ? MICA_ERROR_BITSTREAM : end;
    }
    mica_free(c);
    return status;
}
