/* The encoder's search: float kernels, float against integer networks, gradients against finite
 * differences. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/cpu.h"
#include "codec/base/mem.h"
#include "codec/enc_search.h"
#include "codec/enc_search_hyper.h"
#include "codec/enc_search_window.h"
#include "codec/enc_sweep.h"
#include "codec/enc_window.h"
#include "codec/session.h"
#include "mica/mica.h"
#include "tests/unit/random.h"

static MicaImage picture(int width, int height, int channels)
{
    MicaImage image;
    assert_int_equal(mica_image_alloc(&image, width, height, channels), MICA_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                image.data[y * image.stride + x * channels + c] =
                    (uint8_t)(128 + 90 * sin(x * 0.13 + c) * cos(y * 0.07) + (x ^ y) % 19);
    return image;
}

static float uniform(uint32_t *seed)
{
    return (float)(next_random(seed) >> 8) * (2.0f / 16777216.0f) - 1.0f;
}

/* Every level, every number of pixels: the bits of the plain loop. */
static void test_product(void **state)
{
    (void)state;
    enum { INPUTS = 37, OUTPUTS = 96, PIXELS = 21, IN_STRIDE = 40, OUT_STRIDE = 100 };
    static float in[PIXELS * IN_STRIDE], weight[INPUTS * OUTPUTS], bias[OUTPUTS];
    static float expected[PIXELS * OUT_STRIDE], got[PIXELS * OUT_STRIDE];
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof in / sizeof *in; i++)
        in[i] = uniform(&seed);
    for (size_t i = 0; i < sizeof weight / sizeof *weight; i++)
        weight[i] = uniform(&seed);
    for (size_t i = 0; i < OUTPUTS; i++)
        bias[i] = uniform(&seed);
    const uint32_t levels[] = {0, MICA_CPU_AVX2, MICA_CPU_AVX2 | MICA_CPU_AVX512};
    for (int mode = 0; mode < 4; mode++) {
        MicaFloatProduct p = {.inputs = INPUTS,
                              .outputs = OUTPUTS,
                              .packed = weight,
                              .bias = mode & 1 ? bias : NULL,
                              .low = mode & 2 ? -0.5f : -FLT_MAX,
                              .high = mode & 2 ? 1.5f : FLT_MAX};
        for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
            if ((levels[l] & mica_cpu_flags()) != levels[l])
                continue;
            MicaFloatKernels k;
            mica_float_kernels_init(&k, levels[l]);
            for (size_t pixels = 0; pixels <= PIXELS; pixels++)
                for (int add = 0; add < 2; add++) {
                    for (size_t i = 0; i < sizeof got / sizeof *got; i++)
                        expected[i] = got[i] = (float)(i % 7);
                    for (size_t x = 0; x < pixels; x++)
                        for (int o = 0; o < OUTPUTS; o++) {
                            float sum = p.bias ? bias[o] : 0.0f;
                            for (int i = 0; i < INPUTS; i++)
                                sum += in[x * IN_STRIDE + (size_t)i] *
                                       weight[(o / 32 * INPUTS + i) * 32 + o % 32];
                            float *e = &expected[x * OUT_STRIDE + (size_t)o];
                            sum = add ? sum + *e : sum;
                            *e = sum < p.low ? p.low : sum > p.high ? p.high : sum;
                        }
                    k.product(&p, in, IN_STRIDE, got, OUT_STRIDE, pixels, add);
                    assert_memory_equal(got, expected, sizeof got);
                }
        }
    }
}

/* Every level: the bits of plain C. */
static void test_pull(void **state)
{
    (void)state;
    enum { COUNT = 10 * MICA_FLOAT_PIXELS };
    int16_t centre[COUNT], neighbour[COUNT];
    float factor[4][COUNT], gradient[COUNT], start[2][COUNT], expected[2][COUNT], got[2][COUNT];
    const float *const factors[4] = {factor[0], factor[1], factor[2], factor[3]};
    const int limits[] = {MICA_RESTORATION_WIDE, MICA_RESTORATION_MIDDLE, MICA_RESTORATION_NARROW};
    uint32_t seed = 1;
    for (int i = 0; i < COUNT; i++) {
        const int change = i % 4 < 3 ? limits[i % 4] + i / 4 % 3 - 1 : MICA_RESTORATION_MAX;
        centre[i] = (int16_t)(i / 12 % 2 ? 0 : change);
        neighbour[i] = (int16_t)(i / 12 % 2 ? change : 0);
        gradient[i] = uniform(&seed);
        for (int k = 0; k < 4; k++)
            factor[k][i] = uniform(&seed);
        for (int k = 0; k < 2; k++)
            start[k][i] = uniform(&seed);
    }
    MicaFloatKernels k;
    memcpy(expected, start, sizeof start);
    mica_float_kernels_init(&k, 0);
    k.pull(centre, neighbour, factors, gradient, expected[0], expected[1], COUNT);
    for (int i = 0; i < COUNT; i++) {
        float sum = factor[0][i];
        for (int l = 0; l < 3; l++)
            sum += abs(neighbour[i] - centre[i]) < limits[l] ? factor[l + 1][i] : 0.0f;
        assert_true(expected[0][i] == start[0][i] - gradient[i] * sum);
        assert_true(expected[1][i] == start[1][i] + gradient[i] * sum);
    }
    memcpy(got, start, sizeof start);
    mica_float_kernels_init(&k, mica_cpu_flags());
    k.pull(centre, neighbour, factors, gradient, got[0], got[1], COUNT);
    assert_memory_equal(got, expected, sizeof got);
}

/* Everything that a search needs, for one picture. */
typedef struct Setup {
    MicaImage image;
    MicaModel *model;
    MicaSession session;
    MicaRunner runner;
    MicaLatents latents;
    MicaFloatNetwork *network;
    MicaBitTable *bits;
    MicaGrid grid;
    MicaEncoderWindow window;
    MicaSearchPicture picture;
} Setup;

static void open_setup(Setup *s, int width, int height, int channels, int quality)
{
    memset(s, 0, sizeof *s);
    s->image = picture(width, height, channels);
    assert_int_equal(mica_model_builtin(&s->model, "S", NULL), MICA_OK);
    assert_int_equal(mica_session_open(&s->session, s->model, 2, UINT32_MAX, NULL), MICA_OK);
    const MicaNetwork *n = s->session.network;
    const MicaGeometry g = mica_geometry(width, height);
    s->grid = mica_grid(&g, g.w16, g.h16);
    MicaWindowLimit limit = mica_latents_limit(&s->grid, 1);
    if (limit.rows < MICA_ENCODER_RUNNER_ROWS)
        limit.rows = MICA_ENCODER_RUNNER_ROWS;
    assert_int_equal(mica_runner_create(&s->runner, n, s->session.pool, &g, limit, NULL), MICA_OK);
    assert_int_equal(
        mica_encoder_window_create(&s->window, &s->runner, &s->image, quality, g.h16, NULL),
        MICA_OK);
    mica_encoder_window_advance(&s->window, 0, g.h16);
    assert_int_equal(mica_latents_create(&s->latents, &s->runner, &s->grid,
                                         mica_latents_limit(&s->grid, 1), quality, 0, NULL),
                     MICA_OK);
    mica_latents_move(&s->latents, 0, 1, 0);
    mica_prior(&s->latents, &s->window.z);
    assert_int_equal(mica_float_network_create(&s->network, mica_model_file(s->model),
                                               s->session.cpu_flags, NULL),
                     MICA_OK);
    s->bits = mica_alloc(1, sizeof *s->bits);
    /* Not those of y: from one scale index to the next they may have a kink, across which finite
     * differences see no derivative. */
    mica_bit_table_init(s->bits, n->tables);
    s->picture = (MicaSearchPicture){.network = s->network,
                                     .latents = &s->latents,
                                     .image = &s->image,
                                     .y = &s->window.y,
                                     .bits = s->bits,
                                     .hyper_bits = s->bits,
                                     .skip = 4,
                                     .lambda = 0.003f};
    s->picture.step = mica_alloc((size_t)n->config.latents, sizeof(float));
    s->picture.head_gain = mica_alloc((size_t)n->config.features, sizeof(float));
    mica_float_gains(n->y_gain, n->config.latents, quality, 1, s->picture.step);
    for (int c = 0; c < n->config.latents; c++)
        s->picture.step[c] *= 1.0f / 16;
    mica_float_gains(n->head_gain, n->config.features, quality, 1, s->picture.head_gain);
}

static void close_setup(Setup *s)
{
    mica_free(s->picture.step);
    mica_free(s->picture.head_gain);
    mica_free(s->bits);
    mica_encoder_window_free(&s->window);
    mica_float_network_destroy(&s->network);
    mica_latents_free(&s->latents);
    mica_runner_free(&s->runner);
    mica_session_close(&s->session);
    mica_model_unref(&s->model);
    mica_image_free(&s->image);
}

/* Latents of the float networks into the integer decoder: the same picture but for the rounding of
 * activations. A layer with a wrong scale, bias or order shows as an error of many levels. */
static void check_synthesis(int quality, int restoration)
{
    Setup s;
    open_setup(&s, 128, 192, 3, quality);
    s.picture.restoration = s.latents.restoration = restoration;
    const MicaGeometry *g = &s.runner.geometry;
    MicaSearchWindow w;
    assert_int_equal(mica_search_window_create(&w, &s.picture, s.session.pool, s.grid.whole, NULL),
                     MICA_OK);
    s.picture.lambda = 1;
    mica_search_forward(&w, MICA_ROUND_HARD);
    double float_error = 0, integer_error = 0;
    for (int i = 0; i < 2 * w.h; i++)
        float_error += w.row_loss[i];
    const int prior = s.network->config.prior, m = s.network->config.latents;
    for (int i = 0; i < g->w16 * g->h16; i++)
        for (int c = 0; c < m; c++)
            s.latents.features.data[i * s.latents.stride + prior + c] =
                (int16_t)lrintf(w.features[i * (prior + m) + prior + c]);
    MicaImage decoded;
    assert_int_equal(mica_image_alloc(&decoded, 128, 192, 3), MICA_OK);
    const MicaCanvas canvas = {.image = &decoded};
    mica_synthesise(&s.latents, (MicaRect){0, 0, g->w8, g->h8}, &canvas);
    for (int y = 0; y < 192; y++)
        for (int x = 0; x < 128 * 3; x++) {
            const double d =
                s.image.data[y * s.image.stride + x] - decoded.data[y * decoded.stride + x];
            integer_error += d * d;
        }
    const double per_sample = 128 * 192 * 3;
    if (fabs(float_error - integer_error) > (0.03 * integer_error + 0.5 * per_sample))
        print_error("quality %d: MSE float %.3f integer %.3f\n", quality, float_error / per_sample,
                    integer_error / per_sample);
    assert_true(fabs(float_error - integer_error) <= 0.03 * integer_error + 0.5 * per_sample);
    /* Sample by sample: rounding to whole levels alone is 0.25 in the mean. */
    double difference = 0;
    for (int i = 0; restoration && i < 128 * 192 * 3; i++)
        difference += fabs(w.restored[i] / 64.0 - decoded.data[i]);
    print_message("quality %d, filter %d: mean difference %.3f\n", quality, restoration,
                  difference / per_sample);
    assert_true(difference < 0.45 * per_sample);
    mica_image_free(&decoded);
    mica_search_window_free(&w);
    close_setup(&s);
}

static void test_float_synthesis(void **state)
{
    (void)state;
    for (int quality = 100; quality <= 900; quality += 400)
        for (int restoration = 0; restoration <= 16; restoration += 8)
            check_synthesis(quality, restoration);
}

/* The derivative along the gradient is its length. Without rounding: where the slope of a relaxed
 * choice is limited, it is not its derivative (test_relax.c has the rest). The restoration filter
 * is the integer one, rounded and with classes that change: there steps are larger, errors of
 * pixels weigh more, and the bound is wider (a gradient that skips the filter is off by 0.4 to 0.7
 * of itself). */
static void check_gradient(int channels, int restoration)
{
    Setup s;
    open_setup(&s, 90, 70, channels, 500);
    s.picture.skip = -10000; /* all are coded: where that begins the loss jumps */
    s.picture.restoration = restoration;
    if (restoration)
        s.picture.lambda = 0.1f;
    const double h = restoration ? 0.03 : 0.01, bound = restoration ? 0.2 : 0.01;
    const MicaGeometry *g = &s.runner.geometry;
    MicaSearchWindow w;
    assert_int_equal(mica_search_window_create(&w, &s.picture, s.session.pool, s.grid.whole, NULL),
                     MICA_OK);
    const size_t count = (size_t)g->w16 * (size_t)g->h16 * (size_t)s.network->config.latents;
    mica_search_forward(&w, MICA_ROUND_NOT);
    mica_search_backward(&w);
    float *gradient = malloc(count * sizeof *gradient), *start = malloc(count * sizeof *start);
    memcpy(gradient, w.gradient, count * sizeof *gradient);
    memcpy(start, w.target, count * sizeof *start);
    double length = 0;
    for (size_t i = 0; i < count; i++)
        length += (double)gradient[i] * gradient[i];
    length = sqrt(length);
    double loss[2];
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < count; i++)
            w.target[i] = start[i] + (float)((side ? h : -h) * gradient[i] / length);
        loss[side] = mica_search_forward(&w, MICA_ROUND_NOT);
    }
    const double seen = (loss[1] - loss[0]) / (2 * h);
    print_message("%d channels, filter %d: gradient %.4f, finite difference %.4f\n", channels,
                  restoration, length, seen);
    assert_true(fabs(seen / length - 1) <= bound);
    free(gradient);
    free(start);
    mica_search_window_free(&w);
    close_setup(&s);
}

static void test_gradient(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2)
        for (int restoration = 0; restoration <= 16; restoration += 8)
            check_gradient(channels, restoration);
}

/* The same for the hyper latents, whose own bits are part of the loss. */
static double hyper_loss(MicaSearchHyper *hyper, MicaSearchWindow *w, size_t count)
{
    const MicaNetwork *n = w->picture->latents->runner->network;
    const MicaRelaxation relaxation = {1, 2}; /* so warm that no slope is at its limit */
    mica_search_hyper_forward(hyper, relaxation);
    double loss = mica_search_forward(w, MICA_ROUND_NOT);
    for (size_t i = 0; i < count; i++) {
        const size_t c = i % (size_t)n->config.hyper;
        loss += (double)mica_relax(w->picture->hyper_bits, hyper->target[i] - hyper->mean[i],
                                   n->z_shape[c], hyper->index[i], relaxation)
                    .bits;
    }
    return loss;
}

static void test_hyper_gradient(void **state)
{
    (void)state;
    Setup s;
    open_setup(&s, 90, 140, 3, 300);
    s.picture.skip = -10000; /* all are coded: where that begins the loss jumps */
    MicaSearchWindow w;
    MicaSearchHyper hyper;
    assert_int_equal(mica_search_window_create(&w, &s.picture, s.session.pool, s.grid.whole, NULL),
                     MICA_OK);
    const MicaPlane *z = &s.window.z;
    assert_int_equal(mica_search_hyper_create(&hyper, &w, z, NULL), MICA_OK);
    const size_t count = mica_rect_area(&z->rect) * (size_t)s.network->config.hyper;
    mica_search_hyper_expect(&hyper);
    /* Away from whole residuals, where the bits have a kink. */
    for (size_t i = 0; i < count; i++)
        hyper.target[i] =
            hyper.mean[i] + rintf(hyper.target[i] - hyper.mean[i]) + (i % 2 ? 0.3f : -0.4f);
    hyper_loss(&hyper, &w, count);
    mica_search_backward(&w);
    mica_search_hyper_backward(&hyper);
    float *gradient = malloc(count * sizeof *gradient), *start = malloc(count * sizeof *start);
    memcpy(gradient, hyper.gradient, count * sizeof *gradient);
    memcpy(start, hyper.target, count * sizeof *start);
    double length = 0;
    for (size_t i = 0; i < count; i++)
        length += (double)gradient[i] * gradient[i];
    length = sqrt(length);
    const double h = 0.02;
    double loss[2];
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < count; i++)
            hyper.target[i] = start[i] + (float)((side ? h : -h) * gradient[i] / length);
        loss[side] = hyper_loss(&hyper, &w, count);
    }
    const double seen = (loss[1] - loss[0]) / (2 * h);
    print_message("gradient %.4f, finite difference %.4f\n", length, seen);
    assert_true(fabs(seen / length - 1) <= 0.01);
    free(gradient);
    free(start);
    mica_search_hyper_free(&hyper);
    mica_search_window_free(&w);
    close_setup(&s);
}

/* Sweeps of steps to better symbols lower the loss; once it is low, by chance one may raise it a
 * little. */
static void test_sweeps(void **state)
{
    (void)state;
    Setup s;
    open_setup(&s, 128, 192, 3, 500);
    MicaSearchWindow w;
    assert_int_equal(mica_search_window_create(&w, &s.picture, s.session.pool, s.grid.whole, NULL),
                     MICA_OK);
    const double first = mica_search_forward(&w, MICA_ROUND_HARD);
    double last = first;
    for (int sweep = 0; sweep < 2; sweep++) {
        assert_int_equal(mica_search_sweep(&w, 1, NULL), MICA_OK);
        const double loss = mica_search_forward(&w, MICA_ROUND_HARD);
        print_message("loss %.0f after %.0f\n", loss, last);
        assert_true(loss < first && loss < last * 1.001);
        last = loss;
    }
    mica_search_window_free(&w);
    close_setup(&s);
}

static MicaBuffer encode(const MicaImage *image, int effort, int threads, uint32_t cpu_mask)
{
    MicaEncodeSettings s;
    mica_encode_defaults(&s, sizeof s);
    s.effort = effort;
    s.threads = threads;
    s.cpu_mask = cpu_mask;
    s.quality = 60;
    MicaBuffer out;
    assert_int_equal(mica_image_encode(image, &s, &out, NULL), MICA_OK);
    return out;
}

/* The search does not depend on threads and instruction sets, and its streams decode. */
static void test_deterministic(void **state)
{
    (void)state;
    MicaImage image = picture(100, 140, 3);
    static const int efforts[] = {2, 4, 5, 6};
    for (size_t e = 0; e < sizeof efforts / sizeof *efforts; e++) {
        const int effort = efforts[e];
        MicaBuffer a = encode(&image, effort, 1, 0);
        for (int threads = 1; threads <= 3; threads++) {
            MicaBuffer b = encode(&image, effort, threads, UINT32_MAX);
            assert_int_equal(a.size, b.size);
            assert_memory_equal(a.data, b.data, a.size);
            mica_buffer_free(&b);
        }
        MicaImage decoded;
        assert_int_equal(mica_image_decode(a.data, a.size, NULL, &decoded, NULL), MICA_OK);
        mica_image_free(&decoded);
        mica_buffer_free(&a);
    }
    mica_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product),         cmocka_unit_test(test_pull),
        cmocka_unit_test(test_float_synthesis), cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_hyper_gradient),  cmocka_unit_test(test_sweeps),
        cmocka_unit_test(test_deterministic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
