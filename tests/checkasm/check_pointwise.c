#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "checkasm.h"
#include "transforms/kernels.h"

#define MAX_LEVELS 16
#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const input_names[] = {"s16", "s8", "u7"};
static const char *const output_names[] = {"s16", "s16add", "s8", "u7"};
/* -128 does not occur (docs/numerics.md), and NEON's sums of two products rely on it */
static const int input_min[] = {INT16_MIN, -127, 0}, input_max[] = {INT16_MAX, 127, 127};

typedef void (*PointwiseFunction)(const MicaPointwise *, const void *, ptrdiff_t, void *, ptrdiff_t,
                                  const int16_t *, size_t);

/* A layer with its data: canonical weights, and packed by the reference and by the candidate. */
typedef struct Case {
    MicaPointwise layer;
    MicaKernels reference, candidate;
    void *weight; /* int8, or int16 if the layer is wide */
    void *packed_reference, *packed_candidate;
    int32_t *bias;
    int16_t *multiplier;
    uint8_t *shift;
    ptrdiff_t in_stride, out_stride;
    size_t pixels, in_bytes, out_bytes;
    void *in, *out_reference, *out_candidate;
    int16_t *residual;
} Case;

static size_t kind_size(bool wide)
{
    return wide ? 2 : 1;
}

static int weight_at(const Case *c, int i)
{
    return c->layer.wide ? ((const int16_t *)c->weight)[i] : ((const int8_t *)c->weight)[i];
}

static void set_weight(const Case *c, int i, int v)
{
    if (c->layer.wide)
        ((int16_t *)c->weight)[i] = (int16_t)v;
    else
        ((int8_t *)c->weight)[i] = (int8_t)v;
}

static void case_open(Case *c, const CheckLevel *level, MicaInputKind in, int wide_weights,
                      MicaOutputKind out, int inputs, int outputs, size_t pixels, int in_gap,
                      int out_gap)
{
    const bool wide = out == MICA_OUTPUT_S16 || out == MICA_OUTPUT_S16_ADD;

    memset(c, 0, sizeof *c);
    mica_kernels_init(&c->reference, 0);
    checkasm_kernels(&c->candidate, level);
    c->weight = checkasm_alloc((size_t)inputs * (size_t)outputs * kind_size(wide_weights));
    c->bias = checkasm_alloc((size_t)outputs * sizeof *c->bias);
    c->multiplier = checkasm_alloc((size_t)outputs * sizeof *c->multiplier);
    c->shift = checkasm_alloc((size_t)outputs);
    c->layer = (MicaPointwise){inputs, outputs,     in, out, {c->bias, c->multiplier, c->shift},
                               NULL,   wide_weights};
    c->packed_reference = checkasm_alloc(c->reference.pointwise_packed_size(&c->layer));
    c->packed_candidate = checkasm_alloc(c->candidate.pointwise_packed_size(&c->layer));
    c->in_stride = inputs + in_gap;
    c->out_stride = outputs + out_gap;
    c->pixels = pixels;
    c->in_bytes = pixels * (size_t)c->in_stride * kind_size(in == MICA_INPUT_S16);
    c->out_bytes = pixels * (size_t)c->out_stride * kind_size(wide);
    c->in = checkasm_alloc(c->in_bytes);
    c->out_reference = checkasm_alloc(c->out_bytes);
    c->out_candidate = checkasm_alloc(c->out_bytes);
    c->residual = checkasm_alloc(pixels * (size_t)c->out_stride * sizeof *c->residual);
}

static void case_close(Case *c)
{
    checkasm_free(c->weight);
    checkasm_free(c->bias);
    checkasm_free(c->multiplier);
    checkasm_free(c->shift);
    checkasm_free(c->packed_reference);
    checkasm_free(c->packed_candidate);
    checkasm_free(c->in);
    checkasm_free(c->out_reference);
    checkasm_free(c->out_candidate);
    checkasm_free(c->residual);
}

static int shift_for(double range)
{
    int shift = 0;

    while (range > 30000 && shift < 31) {
        range /= 2;
        shift++;
    }
    return shift;
}

/* The bound that the loader proves: the weights and the bias cannot overflow 32 bits. */
static void fill_weights(Case *c, CheckFill fill)
{
    const MicaPointwise *l = &c->layer;
    const double in_max = l->input_kind == MICA_INPUT_S16 ? 32768 : 127;
    const double bias_max = 1 << 26;
    const double limit = (INT_MAX - bias_max) / (in_max * l->inputs);
    const int most = l->wide ? INT16_MAX : INT8_MAX;
    const int max = limit < most ? (int)limit : most;
    const int min = limit < most + 1 ? -max : -most - 1;
    const int scale = checkasm_range(0, 4); /* small weights may take other paths */

    for (int i = 0; i < l->inputs * l->outputs; i++)
        set_weight(c, i, checkasm_value(fill, (size_t)i, min, max) >> scale);
    for (int o = 0; o < l->outputs; o++) {
        double range = 0;
        for (int i = 0; i < l->inputs; i++) {
            const double w = weight_at(c, o * l->inputs + i);
            range += w * w * in_max * in_max;
        }
        /* Mostly shifts that leave something to see, and a few of any size. */
        while (range > 1e300)
            range /= 2;
        double root = 1;
        while (root * root < range)
            root *= 2;
        const int wanted = shift_for(root) + checkasm_range(-2, 2);
        c->shift[o] = (uint8_t)(checkasm_range(0, 7) == 0 ? checkasm_range(0, 31)
                                : wanted < 0              ? 0
                                : wanted > 31             ? 31
                                                          : wanted);
        c->multiplier[o] = (int16_t)(checkasm_range(0, 7) == 0          ? 32767
                                     : checkasm_range(0, 31) == 0       ? 0
                                     : l->output_kind >= MICA_OUTPUT_S8 ? checkasm_range(0, 512)
                                                                        : checkasm_range(0, 32767));
        c->bias[o] = checkasm_range(-(1 << 26), 1 << 26) >> checkasm_range(0, 26);
    }
    c->reference.pointwise_pack(l, c->weight, c->packed_reference);
    c->candidate.pointwise_pack(l, c->weight, c->packed_candidate);
}

static void fill_input(Case *c, CheckFill fill)
{
    const MicaInputKind kind = c->layer.input_kind;
    const size_t count = c->pixels * (size_t)c->in_stride;

    for (size_t i = 0; i < count; i++) {
        const int v = checkasm_value(fill, i, input_min[kind], input_max[kind]);
        if (kind == MICA_INPUT_S16)
            ((int16_t *)c->in)[i] = (int16_t)v;
        else
            ((int8_t *)c->in)[i] = (int8_t)v;
    }
    for (size_t i = 0; i < c->pixels * (size_t)c->out_stride; i++)
        c->residual[i] = (int16_t)checkasm_value(fill, i, INT16_MIN, INT16_MAX);
}

static bool compare(Case *c)
{
    const bool in_place = c->layer.output_kind == MICA_OUTPUT_S16_ADD && (checkasm_random() & 1);

    for (int i = 0; i < 2; i++) {
        MicaPointwise layer = c->layer;
        void *out = i ? c->out_candidate : c->out_reference;

        layer.packed = i ? c->packed_candidate : c->packed_reference;
        if (in_place)
            memcpy(out, c->residual, c->out_bytes);
        else
            memset(out, 0x5a, c->out_bytes);
        (i ? c->candidate.pointwise
           : c->reference.pointwise)(&layer, c->in, c->in_stride, out, c->out_stride,
                                     in_place ? out : c->residual, c->pixels);
    }
    return checkasm_same(c->out_reference, c->out_candidate, c->out_bytes);
}

static void check_shape(const CheckLevel *level, int inputs, int outputs, size_t pixels)
{
    for (int kind = 0; kind < 4; kind++) {
        const int wide = kind == 3, in = wide ? MICA_INPUT_S16 : kind;
        for (int out = 0; out < 4; out++) {
            Case c;
            case_open(&c, level, (MicaInputKind)in, wide, (MicaOutputKind)out, inputs, outputs,
                      pixels, 32 * checkasm_range(0, 2), 32 * checkasm_range(0, 2));
            for (int fill = 0; fill < CHECK_FILLS; fill++) {
                const int weights = checkasm_range(0, CHECK_FILLS - 1);
                bool ok = true;

                fill_weights(&c, fill == CHECK_RANDOM ? CHECK_RANDOM : (CheckFill)weights);
                fill_input(&c, (CheckFill)fill);
                checkasm_context("pointwise %s %s%s->%s %dx%d, %zu pixels, weights %d, input %d",
                                 level->name, input_names[in], wide ? " wide" : "",
                                 output_names[out], inputs, outputs, pixels, weights, fill);
                ok = compare(&c);
                checkasm_result(ok);
            }
            case_close(&c);
        }
    }
}

/* Like trained weights: bell-shaped, scaled so that the largest of an output is near 127. */
static int bell(void)
{
    int sum = 0;

    for (int i = 0; i < 12; i++)
        sum += checkasm_range(-35, 35);
    sum /= 2;
    return sum < -127 ? -127 : sum > 127 ? 127 : sum;
}

static void run_candidate(void *arg)
{
    Case *c = arg;
    c->candidate.pointwise(&c->layer, c->in, c->in_stride, c->out_candidate, c->out_stride,
                           c->residual, c->pixels);
}

static void bench_shape(const CheckLevel *level, MicaInputKind in, MicaOutputKind out, int inputs,
                        int outputs, size_t pixels, int bits)
{
    Case c;
    case_open(&c, level, in, 0, out, inputs, outputs, pixels, 0, 0);
    fill_weights(&c, CHECK_SMALL);
    for (int i = 0; i < inputs * outputs; i++)
        set_weight(&c, i, bits == 4 ? checkasm_range(-8, 7) : bell());
    fill_input(&c, CHECK_RANDOM);
    c.candidate.pointwise_pack(&c.layer, c.weight, c.packed_candidate);
    c.layer.packed = c.packed_candidate;
    checkasm_context("pointwise %s %s x s%d -> %s %dx%d, %zu pixels", level->name, input_names[in],
                     bits, output_names[out], inputs, outputs, pixels);
    checkasm_print_rate((double)inputs * outputs * (double)pixels,
                        checkasm_cycles(run_candidate, &c), "MAC");
    case_close(&c);
}

static void bench(const CheckLevel *level)
{
    static const int shapes[][3] = {{64, 64, 384},   {96, 96, 768},   {96, 192, 768},
                                    {192, 96, 768},  {128, 128, 384}, {160, 160, 384},
                                    {320, 192, 192}, {384, 384, 192}, {448, 448, 96},
                                    {128, 128, 48},  {96, 192, 6144}};

    for (size_t s = 0; s < COUNT(shapes); s++) {
        const int inputs = shapes[s][0], outputs = shapes[s][1];
        const size_t pixels = (size_t)shapes[s][2];

        bench_shape(level, MICA_INPUT_S16, MICA_OUTPUT_U7, inputs, outputs, pixels, 8);
        bench_shape(level, MICA_INPUT_S8, MICA_OUTPUT_S16_ADD, inputs, outputs, pixels, 8);
        bench_shape(level, MICA_INPUT_S8, MICA_OUTPUT_S16_ADD, inputs, outputs, pixels, 4);
        bench_shape(level, MICA_INPUT_U7, MICA_OUTPUT_S16_ADD, inputs, outputs, pixels, 8);
        bench_shape(level, MICA_INPUT_U7, MICA_OUTPUT_S16_ADD, inputs, outputs, pixels, 4);
    }
}

void check_pointwise(const CheckLevel *level)
{
    static PointwiseFunction seen[MAX_LEVELS];
    static size_t seen_count;
    static const int channels[] = {32, 64, 96, 128, 160, 192, 320, 448};
    static const int pixels[] = {0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 17, 24, 31};
    MicaKernels kernels;

    checkasm_kernels(&kernels, level);
    for (size_t i = 0; i < seen_count; i++)
        if (seen[i] == kernels.pointwise)
            return;
    seen[seen_count++] = kernels.pointwise;

    for (size_t i = 0; i < COUNT(channels); i++)
        for (int repeat = 0; repeat < 2; repeat++)
            check_shape(level, channels[i], channels[checkasm_range(0, (int)COUNT(channels) - 1)],
                        (size_t)pixels[checkasm_range(0, (int)COUNT(pixels) - 1)]);
    for (size_t i = 0; i < COUNT(pixels); i++)
        check_shape(level, 32 * checkasm_range(1, 6), 32 * checkasm_range(1, 3), (size_t)pixels[i]);
    check_shape(level, 96, 32, 301);
    check_shape(level, MICA_MAX_INPUTS, 32, 13);
    if (level->bench)
        bench(level);
}
