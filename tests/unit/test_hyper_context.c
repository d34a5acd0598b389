/* The context of the hyper latents: what it may look at, and symbols that lead back to them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/cpu.h"
#include "codec/session.h"
#include "models/hyper_context.h"
#include "tests/unit/model.h"
#include "tests/unit/random.h"

#define COLUMNS 5
#define ROWS 4

/* What a position sees. */
static const int seen[7][2] = {{-1, 0}, {-2, 0}, {-1, -1}, {0, -1}, {1, -1}, {2, -1}, {0, -2}};

static uint32_t counter;

static int random_below(int count)
{
    return (int)((uint64_t)next_random(&counter) * (uint64_t)count >> 32);
}

static MicaSession open_model(const char *path, uint32_t cpu_mask)
{
    MicaModel *model = load_model(path);
    MicaSession session;
    assert_int_equal(mica_session_open(&session, model, 1, cpu_mask, NULL), MICA_OK);
    mica_model_unref(&model);
    return session;
}

static MicaPlane make_plane(const MicaNetwork *n)
{
    MicaPlane z = {.stride = n->config.hyper, .rect = {0, 0, COLUMNS, ROWS}};
    z.data = malloc(COLUMNS * ROWS * (size_t)z.stride * sizeof *z.data);
    return z;
}

static void fill(const MicaPlane *z, int magnitude)
{
    for (ptrdiff_t i = 0; i < COLUMNS * ROWS * z->stride; i++)
        z->data[i] = (int16_t)(random_below(2 * magnitude) - magnitude);
}

/* A position depends on the seven before it that it may see, on each of them, and on no other. */
static void test_what_is_seen(void **state)
{
    (void)state;
    MicaSession session = open_model(MICA_COMPLETE_MODEL, UINT32_MAX);
    const size_t channels = (size_t)session.network->config.hyper;
    MicaPlane z = make_plane(session.network);
    MicaHyperContext context;
    mica_hyper_context_init(&context, session.network, 600);
    for (int at = 0; at < COLUMNS * ROWS; at++) {
        const int x = at % COLUMNS, y = at / COLUMNS;
        MicaHyperModels before, after;
        fill(&z, 300);
        const MicaHyperGroup group = {x, y, 0, 0, 1};
        mica_hyper_context(&context, &z, &group, &before);
        for (int other = 0; other < COLUMNS * ROWS; other++) {
            const int u = other % COLUMNS, v = other / COLUMNS;
            int expected = 0;
            for (int i = 0; i < 7; i++)
                expected |= u == x + seen[i][0] && v == y + seen[i][1];
            int16_t *const changed = mica_plane_at(&z, u, v), saved[MICA_MAX_HYPER];
            memcpy(saved, changed, channels * sizeof *saved);
            for (size_t c = 0; c < channels; c++)
                changed[c] = (int16_t)(500 - changed[c]);
            mica_hyper_context(&context, &z, &group, &after);
            memcpy(changed, saved, channels * sizeof *saved);
            const int same = !memcmp(before.mean, after.mean, channels * sizeof *after.mean) &&
                             !memcmp(before.scale, after.scale, channels);
            assert_int_equal(same, !expected);
        }
    }
    free(z.data);
    mica_session_close(&session);
}

/* Groups of any rows: each position once, after those before it that it sees; the order is that of
 * the stream. */
static void check_walk(const MicaHyperContext *context, int columns, int rows, int first)
{
    const int slanted = context->network->config.hyper_context > 0;
    const MicaPlane z = {.stride = context->network->config.hyper, .rect = {0, 0, columns, rows}};
    MicaHyperWalk walk = mica_hyper_walk(context, &z, first, rows);
    MicaHyperGroup group;
    int *const turn = calloc((size_t)(columns * rows), sizeof *turn), turns = 0, positions = 0;
    int before = -1;
    while (mica_hyper_next(&walk, &group)) {
        assert_in_range(group.count, 1, MICA_HYPER_GROUP);
        turns++;
        for (int i = 0; i < group.count; i++, positions++) {
            const int x = group.x + i * group.dx, y = group.y + i * group.dy;
            assert_in_range(x, 0, columns - 1);
            assert_in_range(y, first, rows - 1);
            assert_int_equal(turn[y * columns + x], 0);
            turn[y * columns + x] = turns;
            const int place = slanted ? (x + 3 * (y - first)) * rows + y : y * columns + x;
            assert_true(place > before);
            before = place;
            for (int k = 0; slanted && k < 7; k++) {
                const int u = x + seen[k][0], v = y + seen[k][1];
                if (u >= 0 && u < columns && v >= first) {
                    assert_true(turn[v * columns + u] > 0);
                    assert_true(turn[v * columns + u] < turns);
                }
            }
        }
    }
    assert_int_equal(positions, columns * (rows - first));
    free(turn);
}

static void test_order(void **state)
{
    (void)state;
    static const char *const paths[] = {MICA_COMPLETE_MODEL, MICA_TINY_MODEL};
    for (int i = 0; i < 2; i++) {
        MicaSession session = open_model(paths[i], UINT32_MAX);
        MicaHyperContext context;
        mica_hyper_context_init(&context, session.network, 100);
        for (int columns = 1; columns < 50; columns += 1 + columns / 5)
            for (int rows = 1; rows < 50; rows += 1 + rows / 5)
                for (int first = 0; first <= rows; first += 1 + rows / 3)
                    check_walk(&context, columns, rows, first);
        mica_session_close(&session);
    }
}

/* What a decoder makes of the symbols is what the encoder made of z, on every level; and it is near
 * to what z was. */
static void check_coding(const char *path, int quality, int magnitude)
{
    MicaSession session = open_model(path, UINT32_MAX), slow = open_model(path, 0);
    const MicaNetwork *n = session.network;
    const size_t channels = (size_t)n->config.hyper, count = COLUMNS * ROWS * channels;
    MicaPlane z = make_plane(n), decoded = make_plane(n);
    int16_t *const symbol = malloc(count * sizeof *symbol), *const first = malloc(count * 2);
    uint8_t *const shape = malloc(count), *const scale = malloc(count);
    MicaHyperContext context, decoder;
    mica_hyper_context_init(&context, n, quality);
    mica_hyper_context_init(&decoder, slow.network, quality);
    fill(&z, magnitude);
    memcpy(first, z.data, count * sizeof *first);
    mica_hyper_quantise(&context, &z, 0, 3);
    mica_hyper_quantise(&context, &z, 3, ROWS);
    for (size_t i = 0; i < count; i++) {
        const int error = abs(z.data[i] - first[i]);
        assert_true(error <= 8 || (error <= 16 && abs(first[i]) > INT16_MAX - 16));
    }
    mica_hyper_symbols(&context, &z, symbol, shape, scale);
    MicaHyperWalk walk = mica_hyper_walk(&decoder, &decoded, 0, ROWS);
    MicaHyperGroup group;
    size_t at = 0;
    while (mica_hyper_next(&walk, &group)) {
        MicaHyperModels models;
        mica_hyper_context(&decoder, &decoded, &group, &models);
        for (int i = 0; i < group.count; i++)
            for (size_t c = 0, k = (size_t)i * channels; c < channels; c++, k++, at++) {
                assert_int_equal(models.scale[k], scale[at]);
                assert_int_equal(n->z_shape[c], shape[at]);
                const int16_t latent = mica_hyper_latent(symbol[at], models.mean[k]);
                assert_int_equal(latent, 16 * symbol[at] + models.mean[k]);
                mica_hyper_group_at(&group, &decoded, i)[c] = latent;
            }
    }
    assert_int_equal(at, count);
    assert_memory_equal(decoded.data, z.data, count * sizeof *z.data);
    free(symbol);
    free(first);
    free(shape);
    free(scale);
    free(z.data);
    free(decoded.data);
    mica_session_close(&session);
    mica_session_close(&slow);
}

static void test_coding(void **state)
{
    (void)state;
    for (int quality = 0; quality <= 1008; quality += 252)
        for (int magnitude = 20; magnitude <= 32768; magnitude *= 8) {
            check_coding(MICA_COMPLETE_MODEL, quality, magnitude < 10000 ? magnitude : 32767);
            check_coding(MICA_TINY_MODEL, quality, magnitude < 10000 ? magnitude : 32767);
        }
}

/* A symbol never leads beyond an int16, and whatever one is decoded does neither. */
static void test_extremes(void **state)
{
    (void)state;
    for (int mean = INT16_MIN; mean <= INT16_MAX; mean += 13)
        for (int i = 0; i < 4; i++) {
            const int value = i < 2 ? (i ? INT16_MAX : INT16_MIN) : random_below(65536) - 32768;
            const int latent = mica_hyper_nearest(value, mean), symbol = (latent - mean) >> 4;
            assert_int_equal(mica_hyper_latent(symbol, mean), 16 * symbol + mean);
            assert_int_equal(latent, 16 * symbol + mean);
            assert_true(abs(latent - value) <= 16);
            /* Beyond an int16, where a search may look. */
            assert_true(abs(mica_hyper_nearest(100 * value, mean) - mica_clamp16(100 * value)) <=
                        16);
        }
    assert_int_equal(mica_hyper_latent(INT16_MAX, INT16_MAX), INT16_MAX);
    assert_int_equal(mica_hyper_latent(INT16_MIN, INT16_MIN), INT16_MIN);
}

/* Models without the layers expect the same everywhere. */
static void test_without(void **state)
{
    (void)state;
    MicaSession session = open_model(MICA_TINY_MODEL, UINT32_MAX);
    const MicaNetwork *n = session.network;
    MicaPlane z = make_plane(n);
    MicaHyperContext context;
    mica_hyper_context_init(&context, n, 350);
    fill(&z, 300);
    MicaHyperWalk walk = mica_hyper_walk(&context, &z, 0, ROWS);
    MicaHyperGroup group;
    MicaHyperModels models;
    while (mica_hyper_next(&walk, &group)) {
        mica_hyper_context(&context, &z, &group, &models);
        for (int k = 0; k < group.count * n->config.hyper; k++) {
            assert_int_equal(models.mean[k], 0);
            assert_int_equal(models.scale[k],
                             mica_scale_index(context.offset[k % n->config.hyper]));
        }
    }
    free(z.data);
    mica_session_close(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_seen), cmocka_unit_test(test_order),
        cmocka_unit_test(test_coding),       cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
