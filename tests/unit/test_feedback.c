/* Analysis by synthesis in the encoder: what a round makes of y, and what it is worth. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/mem.h"
#include "codec/enc_feedback.h"
#include "codec/enc_picture.h"
#include "codec/enc_rounding.h"
#include "codec/enc_segments.h"
#include "codec/enc_window.h"
#include "codec/session.h"
#include "mica/mica.h"
#include "tests/unit/picture.h"

/* A random number -1..1 for each place. */
static double noise(int x, int y, int c)
{
    uint32_t h = (uint32_t)x * 0x9e3779b1u ^ (uint32_t)y * 0x85ebca6bu ^ (uint32_t)c * 0xc2b2ae35u;
    h ^= h >> 15;
    h *= 0x2c1b3c6du;
    h ^= h >> 13;
    return (double)(h >> 8) / 8388608.0 - 1;
}

/* Clouds of many sizes, as photographs have them, with edges; 16-bit samples have bits beyond the
 * first 8. */
static double clouds(int x, int y, int c)
{
    double v = 128 + (x / 37 + y / 53) % 2 * 30;
    for (int size = 2; size <= 64; size *= 2) {
        const int i = x / size, j = y / size;
        const double u = (double)(x % size) / size, w = (double)(y % size) / size;
        for (int k = 0; k < 2; k++) /* grey, and a little colour */
            v += (k ? 0.3 : 1) * 2.2 * pow(size, 0.6) *
                 ((1 - w) * ((1 - u) * noise(i, j, size + k * (c + 1)) +
                             u * noise(i + 1, j, size + k * (c + 1))) +
                  w * ((1 - u) * noise(i, j + 1, size + k * (c + 1)) +
                       u * noise(i + 1, j + 1, size + k * (c + 1))));
    }
    return v < 0 ? 0 : v > 255 ? 1 : v / 255;
}

/* With alpha all of it is there. */
static double opaque_clouds(int x, int y, int c)
{
    return c == 3 ? 1 : clouds(x, y, c);
}

static double opaque_grey(int x, int y, int c)
{
    return c == 1 ? 1 : clouds(x, y, c);
}

static MicaImage picture(int width, int height, int channels, int depth)
{
    return picture_of(width, height, channels, depth, channels == 2 ? opaque_grey : opaque_clouds);
}

/* The encoder's parts for a picture, before anything is coded. */
typedef struct Parts {
    MicaSession session;
    MicaRunner runner;
    MicaGrid grid;
    MicaEncoderWindow window;
    MicaFeedback feedback;
} Parts;

/* segment: their side in positions of y, 0: one for all. */
static void open_parts(Parts *p, const MicaModel *model, const MicaImage *image, int segment,
                       int quality, int rounds)
{
    assert_int_equal(mica_session_open(&p->session, model, 2, UINT32_MAX, NULL), MICA_OK);
    const MicaGeometry g = mica_geometry(image->width, image->height);
    p->grid = mica_grid(&g, segment ? segment : g.w16, segment ? segment : g.h16);
    MicaWindowLimit limit = mica_latents_limit(&p->grid, p->grid.columns);
    if (limit.rows < MICA_ENCODER_RUNNER_ROWS)
        limit.rows = MICA_ENCODER_RUNNER_ROWS;
    assert_int_equal(
        mica_runner_create(&p->runner, p->session.network, p->session.pool, &g, limit, NULL),
        MICA_OK);
    assert_int_equal(
        mica_encoder_window_create(&p->window, &p->runner, image, quality,
                                   mica_encoder_window_rows(mica_grid_most_rows(&p->grid)), NULL),
        MICA_OK);
    assert_int_equal(mica_feedback_create(&p->feedback, &p->runner, &p->grid, image, rounds, NULL),
                     MICA_OK);
}

static void close_parts(Parts *p)
{
    mica_feedback_free(&p->feedback);
    mica_encoder_window_free(&p->window);
    mica_runner_free(&p->runner);
    mica_session_close(&p->session);
}

/* y goes three quarters of the way to where it was found, plus what is missing of the coded latent
 * in the decoded picture: that of the public decoder, analysed as any other picture. */
static void test_round(void **state)
{
    (void)state;
    enum { WIDTH = 150, HEIGHT = 700, STEPS = 500 }; /* more rows than are analysed at a time */
    MicaModel *model;
    MicaImage image = picture(WIDTH, HEIGHT, 3, 8), decoded;
    assert_int_equal(mica_model_builtin(&model, "S", NULL), MICA_OK);

    MicaEncodeSettings s;
    MicaBuffer file;
    mica_encode_defaults(&s, sizeof s);
    s.effort = 1;
    s.quality = STEPS * 100.0 / MICA_MAX_QUALITY;
    s.model = model;
    s.segment = 1024;
    assert_int_equal(mica_image_encode(&image, &s, &file, NULL), MICA_OK);
    assert_int_equal(mica_image_decode(file.data, file.size, NULL, &decoded, NULL), MICA_OK);

    Parts p, again;
    open_parts(&p, model, &image, 0, STEPS, 2);
    open_parts(&again, model, &decoded, 0, STEPS, 2);
    mica_encoder_window_advance(&p.window, 0, p.grid.whole.y1);
    mica_encoder_window_advance(&again.window, 0, p.grid.whole.y1);
    const MicaNetwork *n = p.session.network;
    MicaRounding rounding;
    MicaLatents latents;
    mica_rounding_init(&rounding, n->y_tables, 4, 1, 1);
    assert_int_equal(mica_latents_create(&latents, &p.runner, &p.grid,
                                         mica_latents_limit(&p.grid, 1), STEPS, 0, NULL),
                     MICA_OK);
    latents.restoration = MICA_RESTORATION_UNIT;
    mica_latents_move(&latents, 0, 1, 0);
    mica_prior(&latents, &p.window.z);
    mica_feedback_begin(&p.feedback, &latents, &p.window.y);

    const size_t count = mica_rect_area(&p.grid.whole) * (size_t)n->config.latents;
    int16_t *found = mica_alloc(count, sizeof *found), *coded = mica_alloc(count, sizeof *coded);
    memcpy(found, p.window.y.data, count * sizeof *found);
    for (int round = 0; round < 2; round++) {
        int16_t *before = mica_alloc(count, sizeof *before);
        memcpy(before, p.window.y.data, count * sizeof *before);
        for (int step = 0; step < MICA_CONTEXT_STEPS; step++) {
            mica_context(&latents, step);
            mica_quantise(&latents, step, &p.window.y, &rounding);
            mica_dequantise(&latents, step);
        }
        for (int y = 0, i = 0; y < p.grid.whole.y1; y++)
            for (int x = 0; x < p.grid.whole.x1; x++, i += n->config.latents)
                memcpy(coded + i, mica_plane_at(&latents.features, x, y) + n->config.prior,
                       (size_t)n->config.latents * sizeof *coded);
        mica_feedback_round(&p.feedback, &latents, &p.window.y);
        size_t moved = 0;
        for (size_t i = 0; i < count && round == 0; i++) { /* the file is that of the first round */
            const double missing = found[i] - before[i] + coded[i] - again.window.y.data[i];
            const double expected = before[i] + floor(0.75 * missing + 0.5);
            assert_true(p.window.y.data[i] == expected);
            moved += expected != before[i];
        }
        assert_true(round > 0 || moved > count / 4);
        assert_true(round == 0 || memcmp(before, p.window.y.data, count * sizeof *before));
        mica_free(before);
    }
    mica_free(found);
    mica_free(coded);
    mica_latents_free(&latents);
    close_parts(&p);
    close_parts(&again);
    mica_image_free(&image);
    mica_image_free(&decoded);
    mica_buffer_free(&file);
    mica_model_unref(&model);
}

/* lambda * squared error + bits of y, with so many rounds. */
static double loss_of(const MicaModel *model, const MicaImage *image, int segment, int quality,
                      int rounds)
{
    Parts p;
    MicaRounding rounding;
    MicaSegmentEncoder e;
    MicaImage decoded;
    open_parts(&p, model, image, segment, quality, rounds);
    mica_rounding_init(&rounding, p.session.network->y_tables, 4, 2, 1);
    assert_int_equal(mica_segment_encoder_create(&e, &p.session, &p.runner, &p.grid, &rounding,
                                                 quality, 1, NULL),
                     MICA_OK);
    e.latents.restoration = MICA_RESTORATION_UNIT;
    e.search.schedule.rounds = rounds;
    e.feedback = rounds ? &p.feedback : NULL;
    assert_int_equal(mica_image_alloc_depth(&decoded, image->width, image->height, image->channels,
                                            image->depth),
                     MICA_OK);
    const MicaCanvas canvas = {&decoded, 0, 0, 0};
    MicaRect cells = {0, 0, (image->width + 7) / 8, (image->height + 7) / 8};
    size_t bytes = 0;
    for (int row = 0; row < p.grid.rows; row++) {
        const MicaRect rect = mica_grid_rect(&p.grid, 0, p.grid.columns, row);
        mica_encoder_window_advance(&p.window, rect.y0, rect.y1);
        assert_int_equal(mica_segment_encoder_row(&e, row, &p.window.y, &p.window.z, NULL),
                         MICA_OK);
        mica_synthesise_known(&e.latents, row + 1 == p.grid.rows, &cells, &canvas);
    }
    for (int i = 0; i < p.grid.columns * p.grid.rows; i++)
        bytes += e.chunk[i].size;
    const double mse = 65025 / pow(10, mica_image_psnr(image, &decoded) / 10);
    const double lambda = 0.0005 * pow(600, (double)quality / MICA_MAX_QUALITY);
    mica_image_free(&decoded);
    mica_segment_encoder_free(&e);
    close_parts(&p);
    return lambda * mse * image->width * image->height + 8.0 * (double)bytes;
}

/* Every kind of picture, in one segment and in rows of them. */
static void test_gain(void **state)
{
    (void)state;
    static const struct {
        int channels, depth, segment;
    } cases[] = {{3, 8, 0}, {3, 8, 6}, {1, 8, 0}, {2, 8, 8}, {4, 8, 0}, {3, 16, 10}};
    MicaModel *model;
    assert_int_equal(mica_model_builtin(&model, "S", NULL), MICA_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int quality = 300; quality <= 800; quality += 500) {
            MicaImage image = picture(250, 330, cases[i].channels, cases[i].depth);
            double loss[3];
            for (int round = 0; round < 3; round++)
                loss[round] = loss_of(model, &image, cases[i].segment, quality, round);
            print_message(
                "%d channels, %d bits, segments of %d, quality %d: %.0f, %+.2f, %+.2f %%\n",
                cases[i].channels, cases[i].depth, cases[i].segment, quality, loss[0],
                100 * (loss[1] / loss[0] - 1), 100 * (loss[2] / loss[0] - 1));
            assert_true(loss[1] < loss[0] && loss[2] < loss[0]);
            mica_image_free(&image);
        }
    mica_model_unref(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round), cmocka_unit_test(test_gain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
