#include "codec/motion_code.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base/mem.h"

#define MAX_BITS MICA_MOTION_BITS

/* What the models of a frame begin with: probability of a one in 1/256, and the number of decisions
 * that it is trusted like; where nothing stands it is new. Fitted to 1152 frames of the training
 * clips, those with the most motion left out: where there is little, learning costs the most. */
typedef struct Start {
    uint8_t ones, trust;
} Start;

static const struct {
    Start split[3][3], taken[4][3], later[MICA_MOTION_CANDIDATES - 1], both[3], second[3], zero[3],
        negative[2];
    Start longer[2][MAX_BITS], second_bit[MAX_BITS], lower_bit[MAX_BITS];
} starts = {
    .split = {{{41, 96}, {100, 64}, {151, 32}},
              {{42, 96}, {120, 96}, {190, 48}},
              {{54, 16}, {131, 64}, {194, 96}}},
    .taken = {{{218, 24}, {197, 16}, {153, 12}},
              {{211, 32}, {186, 32}, {150, 64}},
              {{208, 32}, {184, 24}, {163, 96}},
              {{187, 4}, {167, 24}, {147, 64}}},
    .later = {{109, 64}, {85, 32}, {112, 96}, {98, 96}, {80, 48}, {74, 96}},
    .both = {{35, 6}, {69, 12}, {73, 6}},
    .second = {{76, 4}, {131, 12}, {150, 16}},
    .zero = {{65, 12}, {84, 16}, {73, 1}},
    .negative = {{122, 64}, {134, 32}},
    .longer = {{{189, 3}, {166, 16}, {176, 12}, {155, 8}, {134, 4}, {105, 3}, {65, 3}, {8, 12}},
               {{158, 3}, {152, 16}, {151, 24}, {115, 12}, {77, 6}, {101, 16}, {104, 6}, {5, 96}}},
    .second_bit =
        {{128, 0}, {136, 48}, {132, 48}, {118, 64}, {113, 24}, {109, 8}, {89, 4}, {72, 48}},
    .lower_bit = {{135, 96}, {132, 96}, {127, 96}, {124, 64}, {115, 16}, {103, 16}},
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

/* A difference other than 0; axis 0: x. */
static int code_magnitude(Coder *c, int axis, int magnitude)
{
    MicaMotionModels *m = &c->models;
    const int wanted = mica_bit_count((unsigned)magnitude);
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
