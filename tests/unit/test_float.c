/* The analysis in float against the integer one: layer by layer, sharp enough for one wrong
 * multiplier, and as a whole. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/cpu.h"
#include "codec/base/mem.h"
#include "codec/enc_window.h"
#include "codec/session.h"
#include "mica/mica.h"
#include "models/float_network.h"
#include "models/nets.h"
#include "tests/unit/random.h"

#define PIXELS 4096
#define CHANNELS 512 /* most of a layer of the analysis */

typedef struct Setup {
    MicaModel *model;
    MicaSession session;
    MicaFloatNetwork *network;
} Setup;

static void open_setup(Setup *s, const char *model)
{
    assert_int_equal(mica_model_builtin(&s->model, model, NULL), MICA_OK);
    assert_int_equal(mica_session_open(&s->session, s->model, 2, UINT32_MAX, NULL), MICA_OK);
    assert_int_equal(mica_float_network_create(&s->network, mica_model_file(s->model),
                                               s->session.cpu_flags, NULL),
                     MICA_OK);
}

static void close_setup(Setup *s)
{
    mica_float_network_destroy(&s->network);
    mica_session_close(&s->session);
    mica_model_unref(&s->model);
}

static int random_in(uint32_t *seed, int low, int high)
{
    return low + (int)(next_random(seed) % (uint32_t)(high - low + 1));
}

/* What is known of one output channel: how far the integer values lie from what the float ones
 * become in the two roundings of a layer, with the factors 1 - 1/64, 1 and 1 + 1/64; and how far
 * those of the other factors lie from those of 1. */
typedef struct Fit {
    double apart[3], signal[3];
} Fit;

/* As numerics.md, section 2: rounded to the 16 bits before the multiplier, and after it. */
static double requantised(double value, double multiplier)
{
    const double t = floor(value * 32768 / multiplier + 0.5);
    return floor((t * multiplier + 16384) / 32768);
}

/* Values next to the clamps, of the result or of the 16 bits before the multiplier, say nothing. */
static void fit(Fit *f, const MicaRequant *requant, int channel, double value, int got, double low,
                double high)
{
    const double multiplier = requant->multiplier[channel];
    if (value <= low + 1 || value >= high - 1 || fabs(value) >= 32000.0 * multiplier / 32768)
        return;
    const double expected = requantised(value, multiplier);
    for (int i = 0; i < 3; i++) {
        const double v = requantised(value * (1 + (i - 1) / 64.0), multiplier);
        f->apart[i] += (got - v) * (got - v);
        f->signal[i] += (expected - v) * (expected - v);
    }
}

/* Channels whose values another factor than 1 explains better; `measured` are those with enough
 * signal to tell. */
static int wrong_channels(const Fit *f, int outputs, int *measured)
{
    int wrong = 0;
    *measured = 0;
    for (int o = 0; o < outputs; o++)
        if (f[o].signal[0] >= 8 && f[o].signal[2] >= 8) {
            ++*measured;
            wrong += f[o].apart[0] <= f[o].apart[1] || f[o].apart[2] <= f[o].apart[1];
        }
    return wrong;
}

static int is_byte_output(const MicaPointwise *l)
{
    return l->output_kind == MICA_OUTPUT_S8 || l->output_kind == MICA_OUTPUT_U7;
}

/* Random inputs of one pixel that bring output o somewhere into its range, far from zero. */
static void aim(const MicaPointwise *layer, const MicaFloatLayer *twin, int o, uint32_t *seed,
                int16_t *in)
{
    const float *weight = twin->forward.packed +
                          (ptrdiff_t)(o / MICA_FLOAT_PANEL) * layer->inputs * MICA_FLOAT_PANEL +
                          o % MICA_FLOAT_PANEL;
    const double most = layer->input_kind == MICA_INPUT_S16 ? 32767 : 127;
    const double least = layer->input_kind == MICA_INPUT_U7 ? 0 : -most;
    double wanted = random_in(seed, 40, 120);
    if (!is_byte_output(layer))
        wanted *= 1 << random_in(seed, 0, 6);
    double direction[CHANNELS], sum = 0;
    for (int i = 0; i < layer->inputs; i++) {
        const double w = weight[(ptrdiff_t)i * MICA_FLOAT_PANEL];
        direction[i] = w > 0 ? random_in(seed, 1, 100) : -random_in(seed, 1, 100);
        if (direction[i] < 0 && least == 0)
            direction[i] = 0;
        sum += w * direction[i];
    }
    const double scale = (wanted - (double)twin->forward.bias[o]) / (sum > 0 ? sum : 1);
    for (int i = 0; i < layer->inputs; i++) {
        const double v = scale * direction[i];
        in[i] = (int16_t)lrint(v < least ? least : v > most ? most : v);
    }
}

static int check_pointwise(const MicaKernels *kernels, const MicaFloatKernels *float_kernels,
                           const MicaPointwise *layer, const MicaFloatLayer *twin, int *measured)
{
    static _Alignas(64) int16_t in[PIXELS * CHANNELS + MICA_PADDING],
        out[PIXELS * CHANNELS + MICA_PADDING];
    static _Alignas(64) int8_t bytes[PIXELS * CHANNELS + MICA_PADDING];
    static _Alignas(64) int16_t zeros[PIXELS * CHANNELS + MICA_PADDING];
    static _Alignas(64) float float_in[PIXELS * CHANNELS], float_out[PIXELS * CHANNELS];
    static Fit fits[CHANNELS];
    const int inputs = layer->inputs, outputs = layer->outputs;
    assert_true(inputs <= CHANNELS && outputs <= CHANNELS);
    memset(fits, 0, sizeof fits);
    uint32_t seed = 1;
    for (int p = 0; p < PIXELS; p++) {
        int16_t *pixel = in + p * inputs;
        aim(layer, twin, p % outputs, &seed, pixel);
        for (int i = 0; i < inputs; i++) {
            bytes[p * inputs + i] = (int8_t)(layer->input_kind == MICA_INPUT_S16 ? 0 : pixel[i]);
            float_in[p * inputs + i] = (float)pixel[i];
        }
    }
    const void *from = layer->input_kind == MICA_INPUT_S16 ? (const void *)in : (const void *)bytes;
    kernels->pointwise(layer, from, inputs, out, outputs, zeros, PIXELS);
    float_kernels->product(&twin->forward, float_in, inputs, float_out, outputs, PIXELS, 0);
    for (int i = 0; i < PIXELS * outputs; i++) {
        const int got = is_byte_output(layer) ? ((const int8_t *)out)[i] : out[i];
        fit(&fits[i % outputs], &layer->requant, i % outputs, float_out[i], got,
            is_byte_output(layer) ? twin->forward.low : -32768,
            is_byte_output(layer) ? twin->forward.high : 32767);
    }
    return wrong_channels(fits, outputs, measured);
}

static int check_depthwise(const MicaKernels *kernels, const MicaDepthwise *layer,
                           const MicaFloatDepthwise *twin, int *measured)
{
    static _Alignas(64) int8_t in[3][(PIXELS + 2) * CHANNELS + MICA_PADDING];
    static _Alignas(64) int8_t out[PIXELS * CHANNELS + MICA_PADDING];
    static Fit fits[CHANNELS];
    const int c = layer->channels;
    memset(fits, 0, sizeof fits);
    uint32_t seed = 1;
    for (int row = 0; row < 3; row++)
        for (int i = 0; i < (PIXELS + 2) * c; i++)
            in[row][i] = (int8_t)random_in(&seed, 0, 127 >> i / c % 5);
    const int8_t *const rows[3] = {in[0], in[1], in[2]};
    kernels->depthwise(layer, rows, out, PIXELS);
    for (int i = 0; i < PIXELS * c; i++) {
        double sum = twin->bias[i % c];
        for (int tap = 0; tap < 9; tap++)
            sum += (double)twin->weight[tap * c + i % c] * in[tap / 3][i + tap % 3 * c];
        fit(&fits[i % c], &layer->requant, i % c, sum, out[i], -127, 127);
    }
    return wrong_channels(fits, c, measured);
}

/* The multipliers of a layer, each 1/64 less. */
static MicaRequant break_multipliers(const MicaRequant *requant, int outputs, int16_t *multiplier)
{
    for (int o = 0; o < outputs; o++)
        multiplier[o] = (int16_t)(requant->multiplier[o] - requant->multiplier[o] / 64);
    MicaRequant broken = *requant;
    broken.multiplier = multiplier;
    return broken;
}

/* No channel of the layer is wrong, and with its multiplier 1/64 off every one is. Channels are
 * judged one by one, so one wrong multiplier is found just as all of them. */
static void judge(const char *part, int block, int outputs, int wrong, int measured,
                  int wrong_broken, int measured_broken)
{
    if (wrong || wrong_broken != measured_broken || measured * 10 < outputs * 9 ||
        wrong_broken * 10 < outputs * 9)
        print_error(
            "%s of block %d: %d of %d channels measured, %d wrong; broken: %d of %d found\n", part,
            block, measured, outputs, wrong, wrong_broken, measured_broken);
    assert_int_equal(wrong, 0);
    assert_int_equal(wrong_broken, measured_broken);
    assert_true(measured * 10 >= outputs * 9 && wrong_broken * 10 >= outputs * 9);
}

static void judge_pointwise(const Setup *s, const char *part, int block, const MicaPointwise *layer,
                            const MicaFloatLayer *twin)
{
    const MicaKernels *k = &s->session.network->kernels;
    int16_t multiplier[CHANNELS];
    MicaPointwise broken = *layer;
    broken.requant = break_multipliers(&layer->requant, layer->outputs, multiplier);
    int measured, measured_broken;
    const int wrong = check_pointwise(k, &s->network->kernels, layer, twin, &measured);
    const int found = check_pointwise(k, &s->network->kernels, &broken, twin, &measured_broken);
    judge(part, block, layer->outputs, wrong, measured, found, measured_broken);
}

static void test_layers(void **state)
{
    (void)state;
    Setup s;
    /* In S some channels of a block are so small that rounding hides what this looks for. */
    open_setup(&s, "S-perceptual");
    const MicaNetwork *n = s.session.network;
    judge_pointwise(&s, "stem", 0, &n->stem, &s.network->stem);
    for (int i = 0; i < n->config.analysis; i++) {
        const MicaBlock *b = &n->analysis[i];
        const MicaFloatBlock *twin = &s.network->analysis[i];
        judge_pointwise(&s, "a", i, &b->a, &twin->a);
        judge_pointwise(&s, "b", i, &b->b, &twin->b);
        judge_pointwise(&s, "e", i, &b->e, &twin->e);
        judge_pointwise(&s, "f", i, &b->f, &twin->f);
        int16_t multiplier[CHANNELS];
        MicaDepthwise broken = b->dw;
        broken.requant = break_multipliers(&b->dw.requant, b->dw.channels, multiplier);
        int measured, measured_broken;
        const int wrong = check_depthwise(&n->kernels, &b->dw, &twin->dw, &measured);
        const int found = check_depthwise(&n->kernels, &broken, &twin->dw, &measured_broken);
        judge("dw", i, b->dw.channels, wrong, measured, found, measured_broken);
    }
    judge_pointwise(&s, "to_latent", 0, &n->to_latent, &s.network->to_latent);
    close_setup(&s);
}

static MicaImage picture(int width, int height, int channels, int depth)
{
    MicaImage image;
    if (depth == 16)
        assert_int_equal(mica_image_alloc_depth(&image, width, height, channels, 16), MICA_OK);
    else
        assert_int_equal(mica_image_alloc(&image, width, height, channels), MICA_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++) {
                const int v = (int)(128 + 90 * sin(x * 0.13 + c) * cos(y * 0.07) + (x ^ y) % 19);
                uint8_t *line = image.data + y * image.stride;
                const uint16_t wide = (uint16_t)(v * 257 + x % 100);
                if (depth == 16)
                    memcpy(line + (x * channels + c) * 2, &wide, 2);
                else
                    line[x * channels + c] = (uint8_t)v;
            }
    return image;
}

/* y in float of the positions of `reach`; the caller frees it. */
static float *analyse(const Setup *s, const MicaFloatNetwork *network, const MicaImage *image,
                      int quality, MicaRect reach)
{
    const MicaNetworkConfig *c = &s->session.network->config;
    float *gain = mica_alloc((size_t)c->features, sizeof *gain);
    float *stream = mica_alloc(4 * mica_rect_area(&reach) * (size_t)c->features, sizeof *stream);
    float *y = mica_alloc(mica_rect_area(&reach) * (size_t)c->latents, sizeof *y);
    MicaFloatRunner runner;
    assert_true(gain && stream && y);
    assert_int_equal(mica_float_runner_create(&runner, network, s->session.pool,
                                              mica_rect_width(&reach), mica_rect_height(&reach),
                                              NULL),
                     MICA_OK);
    mica_float_gains(s->session.network->stem_gain, c->features, quality, 1, gain);
    mica_float_analyse(&runner, image, gain, reach, stream, y);
    mica_float_runner_free(&runner);
    mica_free(gain);
    mica_free(stream);
    return y;
}

/* In quantiser steps; docs/effort.md has what was measured, the bounds are twice that. */
static void compare(const Setup *s, int width, int height, int channels, int depth, int quality)
{
    const MicaNetwork *n = s->session.network;
    const int m = n->config.latents;
    MicaImage image = picture(width, height, channels, depth);
    const MicaGeometry g = mica_geometry(width, height);
    const MicaRect whole = {0, 0, g.w16, g.h16};
    const MicaGrid grid = mica_grid(&g, g.w16, g.h16);
    MicaWindowLimit limit = mica_latents_limit(&grid, 1);
    if (limit.rows < MICA_ENCODER_RUNNER_ROWS)
        limit.rows = MICA_ENCODER_RUNNER_ROWS;
    MicaRunner runner;
    assert_int_equal(mica_runner_create(&runner, n, s->session.pool, &g, limit, NULL), MICA_OK);
    MicaPlane y = {.stride = m, .rect = whole};
    y.data = mica_alloc(mica_rect_area(&whole) * (size_t)m, sizeof *y.data);
    float *step = mica_alloc((size_t)m, sizeof *step);
    assert_true(y.data && step);
    mica_analyse(&runner, &image, 0, quality, &y);
    mica_float_gains(n->y_gain, m, quality, 1, step);
    float *f = analyse(s, s->network, &image, quality, whole);
    double most = 0, sum = 0, energy = 0;
    const size_t count = mica_rect_area(&whole) * (size_t)m;
    for (size_t i = 0; i < count; i++) {
        const double d = fabs((double)f[i] - y.data[i]) * step[i % (size_t)m] / 16;
        most = d > most ? d : most;
        sum += d;
        energy += fabs((double)f[i]) * step[i % (size_t)m] / 16;
    }
    const double mean = sum / (double)count;
    if (most > 1.5 || mean > 0.03)
        print_error("%dx%d, %d channels of %d bits, quality %d: difference %.3f at most, mean %.4f "
                    "(of %.3f) steps\n",
                    width, height, channels, depth, quality, most, mean, energy / (double)count);
    assert_true(most <= 1.5 && mean <= 0.03);
    mica_free(f);
    mica_free(step);
    mica_free(y.data);
    mica_runner_free(&runner);
    mica_image_free(&image);
}

static void compare_bytes(const Setup *s)
{
    for (int quality = 0; quality <= 1008; quality += 252)
        compare(s, 131, 77, 3, 8, quality);
    compare(s, 33, 150, 1, 8, 504);
    compare(s, 1, 1, 3, 8, 1008);
    compare(s, 70, 97, 3, 8, 1008);
    compare(s, 70, 45, 4, 8, 1008);
}

static void test_analysis(void **state)
{
    (void)state;
    Setup s;
    open_setup(&s, "S");
    compare_bytes(&s);
    compare(&s, 70, 97, 3, 16, 1008);
    close_setup(&s);
    open_setup(&s, "S-perceptual");
    compare_bytes(&s);
    close_setup(&s);
}

/* A window of a picture has the bits that the whole has, on every level. */
static void test_same_bits(void **state)
{
    (void)state;
    Setup s;
    open_setup(&s, "S-perceptual");
    MicaImage image = picture(400, 330, 3, 8);
    const MicaGeometry g = mica_geometry(400, 330);
    const MicaRect whole = {0, 0, g.w16, g.h16}, part = {10, 8, 14, 12};
    const MicaRect reach = mica_float_analysis_reach(s.network, part, whole);
    assert_true(mica_rect_area(&reach) < mica_rect_area(&whole));
    MicaFloatNetwork *plain;
    assert_int_equal(mica_float_network_create(&plain, mica_model_file(s.model), 0, NULL), MICA_OK);
    float *all = analyse(&s, plain, &image, 700, whole);
    float *some = analyse(&s, s.network, &image, 700, reach);
    const int m = s.network->config.latents;
    for (int y = part.y0; y < part.y1; y++) {
        const float *a = all + (ptrdiff_t)(y * g.w16 + part.x0) * m;
        const float *b =
            some + (ptrdiff_t)((y - reach.y0) * mica_rect_width(&reach) + part.x0 - reach.x0) * m;
        assert_memory_equal(a, b, (size_t)(mica_rect_width(&part) * m) * sizeof *a);
    }
    mica_free(all);
    mica_free(some);
    mica_float_network_destroy(&plain);
    mica_image_free(&image);
    close_setup(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_analysis),
        cmocka_unit_test(test_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
