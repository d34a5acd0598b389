/* The public entropy coder: every kind of model, every level of kernels, quantisation of floats,
 * damage. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "codec/base/cpu.h"
#include "codec/base/mem.h"
#include "mica/entropy.h"

#ifndef LONG_TEST
#define LONG_TEST 0
#endif

static MicaEntropyCoder *plain, *fast;
static uint64_t random_state = 7;

static uint32_t random32(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) ^ (uint32_t)(random_state >> 11);
}

static double uniform(void)
{
    return (random32() + 0.5) / 4294967296.0;
}

/* Parameters of all kinds, and what they point to. */
typedef struct Data {
    MicaEntropyModel model;
    size_t count;
    int16_t *means[4], *symbols, *decoded;
    uint8_t *scales[4], *weights[3], *shapes, *classes;
} Data;

static void *array(size_t count, size_t size)
{
    void *p = malloc((count ? count : 1) * size);
    assert_non_null(p);
    return p;
}

typedef enum Fill { TYPICAL, ANYTHING, EXTREME } Fill;

static int16_t random_mean(Fill fill)
{
    if (fill == EXTREME)
        return (int16_t)(random32() % 2 ? 32767 : -32768);
    return (int16_t)(fill == ANYTHING ? random32() : random32() % 128 - 64);
}

static uint8_t random_byte(Fill fill, unsigned typical)
{
    if (fill == EXTREME)
        return random32() % 2 ? 255 : 0;
    return (uint8_t)(fill == ANYTHING ? random32() : random32() % typical);
}

static Data data_new(size_t count, int components, int with_shapes, Fill fill)
{
    Data d = {.count = count};
    d.model.struct_size = sizeof(d.model);
    d.model.components = components;
    d.symbols = array(count, sizeof(int16_t));
    d.decoded = array(count, sizeof(int16_t));
    d.shapes = array(count, 1);
    d.classes = array(count, 1);
    for (int k = 0; k < 4; k++) {
        d.means[k] = array(count, sizeof(int16_t));
        d.scales[k] = array(count, 1);
        if (k < 3)
            d.weights[k] = array(count, 1);
    }
    for (size_t i = 0; i < count; i++) {
        for (int k = 0; k < 4; k++) {
            d.means[k][i] = random_mean(fill);
            d.scales[k][i] = random_byte(fill, 90);
            if (k < 3)
                d.weights[k][i] = random_byte(fill, 128);
        }
        d.shapes[i] = random_byte(fill, 16);
        d.classes[i] = random_byte(fill, 3);
        double sigma = 0.11 * pow(2, d.scales[0][i] % 180 / 16.0);
        double x = d.means[0][i] / 32.0 + sigma * 3 * (uniform() - uniform());
        if (fill != TYPICAL && random32() % 4 == 0)
            x = random32() % 2 ? 32767 : -32768;
        d.symbols[i] = (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : floor(x + 0.5));
    }
    for (int k = 0; k < components; k++) {
        d.model.means[k] = d.means[k];
        d.model.scales[k] = d.scales[k];
        if (k < components - 1)
            d.model.weights[k] = d.weights[k];
    }
    d.model.shapes = with_shapes ? d.shapes : NULL;
    return d;
}

static void data_free(Data *d)
{
    free(d->symbols);
    free(d->decoded);
    free(d->shapes);
    free(d->classes);
    for (int k = 0; k < 4; k++) {
        free(d->means[k]);
        free(d->scales[k]);
        if (k < 3)
            free(d->weights[k]);
    }
}

/* The model from element i on. */
static MicaEntropyModel model_at(const MicaEntropyModel *model, size_t i)
{
    MicaEntropyModel m = *model;
    for (int k = 0; k < 4; k++) {
        m.means[k] = m.means[k] ? m.means[k] + i : NULL;
        m.scales[k] = m.scales[k] ? m.scales[k] + i : NULL;
        if (k < 3)
            m.weights[k] = m.weights[k] ? m.weights[k] + i : NULL;
    }
    m.shapes = m.shapes ? m.shapes + i : NULL;
    m.classes = m.classes ? m.classes + i : NULL;
    return m;
}

static MicaStatus decode_runs(const MicaEntropyCoder *coder, Data *d, const uint8_t *data,
                              size_t size, size_t run)
{
    MicaEntropyDecoder *decoder;
    uint8_t *copy = array(size, 1); /* its end is watched by the address sanitizer */
    memcpy(copy, data, size);
    MicaStatus status = mica_entropy_decoder_open(&decoder, coder, copy, size);
    for (size_t i = 0; i < d->count && status == MICA_OK; i += run) {
        MicaEntropyModel model = model_at(&d->model, i);
        size_t n = d->count - i < run ? d->count - i : run;
        status = mica_entropy_decoder_run(decoder, &model, d->decoded + i, n);
    }
    if (status == MICA_OK)
        status = mica_entropy_decoder_finish(decoder);
    mica_entropy_decoder_close(&decoder);
    free(copy);
    return status;
}

/* All levels write the same bytes, and every level reads them in runs of any length. */
static size_t check_round_trip(Data *d)
{
    uint8_t *data, *other;
    size_t size, other_size;
    assert_int_equal(mica_entropy_encode(plain, &d->model, 0, d->symbols, d->count, &data, &size),
                     MICA_OK);
    assert_int_equal(
        mica_entropy_encode(fast, &d->model, 0, d->symbols, d->count, &other, &other_size),
        MICA_OK);
    assert_int_equal(size, other_size);
    assert_memory_equal(data, other, size);
    const size_t runs[] = {d->count + 1, 1001, 13, 1};
    for (int level = 0; level < 2; level++) {
        for (size_t r = 0; r < (d->count > 5000 ? 2 : 4); r++) {
            memset(d->decoded, 0x55, d->count * sizeof(int16_t));
            assert_int_equal(decode_runs(level ? fast : plain, d, data, size, runs[r]), MICA_OK);
            assert_memory_equal(d->decoded, d->symbols, d->count * sizeof(int16_t));
        }
    }
    mica_entropy_free(data);
    mica_entropy_free(other);
    return size;
}

static void test_mixtures(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 7, 8, 9, 255, 256, 257, 1000, 9000, 70001};
    for (int components = 1; components <= 4; components++) {
        for (int shapes = 0; shapes < 2; shapes++) {
            for (Fill fill = TYPICAL; fill <= EXTREME; fill++) {
                for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
                    if (counts[i] > 9000 && fill != TYPICAL)
                        continue;
                    Data d = data_new(counts[i], components, shapes, fill);
                    check_round_trip(&d);
                    data_free(&d);
                }
            }
        }
    }
}

static void test_many_states(void **state)
{
    (void)state;
    Data d = data_new(300000, 3, 0, TYPICAL);
    check_round_trip(&d);
    data_free(&d);
}

static void test_zero_mean(void **state)
{
    (void)state;
    for (Fill fill = TYPICAL; fill <= EXTREME; fill++) {
        for (int shapes = 0; shapes < 2; shapes++) {
            Data d = data_new(9001, 1, shapes, fill);
            d.model.means[0] = NULL;
            check_round_trip(&d);
            data_free(&d);
        }
    }
}

static void test_static(void **state)
{
    (void)state;
    const uint32_t narrow[] = {1, 100, 1}, gaps[] = {0, 0, 7, 0, 9, 0}, none[] = {0, 0};
    uint32_t *wide = calloc(65535, sizeof(*wide));
    assert_non_null(wide);
    for (int i = 0; i < 65535; i++)
        wide[i] = 0xffffffffu - (uint32_t)i * 60000u;
    const uint32_t *const histograms[] = {narrow, gaps, none, wide};
    const int16_t firsts[] = {-1, 5, 32766, -32768};
    const uint16_t lengths[] = {3, 6, 2, 65535};
    MicaEntropyTables *tables;
    assert_int_equal(mica_entropy_tables_create(&tables, histograms, firsts, lengths, 4), MICA_OK);
    for (Fill fill = TYPICAL; fill <= EXTREME; fill++) {
        Data d = data_new(3000, 1, 0, fill);
        for (size_t i = 0; i < d.count; i++)
            d.classes[i] &= 3;
        d.model = (MicaEntropyModel){
            .struct_size = sizeof(d.model), .tables = tables, .classes = d.classes};
        check_round_trip(&d);
        data_free(&d);
    }
    mica_entropy_tables_destroy(&tables);
    assert_null(tables);
    const int16_t bad_first[] = {32767};
    const uint16_t bad_length[] = {2};
    assert_int_equal(mica_entropy_tables_create(&tables, histograms, bad_first, bad_length, 1),
                     MICA_ERROR_INVALID_ARGUMENT);
    free(wide);
}

/* A skipped element decodes as 0; everything else as it was, and none is skipped below the
 * threshold. */
static void test_skip(void **state)
{
    (void)state;
    const uint32_t sure[] = {1, 1000000, 1}, even[] = {1, 1, 1};
    const uint32_t *const histograms[] = {sure, even};
    const int16_t firsts[] = {-1, -1};
    const uint16_t lengths[] = {3, 3};
    MicaEntropyTables *tables;
    assert_int_equal(mica_entropy_tables_create(&tables, histograms, firsts, lengths, 2), MICA_OK);
    for (int kind = 0; kind < 3; kind++) {
        Data d = data_new(20000, kind == 2 ? 3 : 1, 0, TYPICAL);
        for (size_t i = 0; i < d.count; i++) {
            d.classes[i] &= 1;
            for (int k = 0; k < 3; k++) {
                d.means[k][i] = (int16_t)(d.means[k][i] / 16);
                d.scales[k][i] = (uint8_t)(d.classes[i] ? 60 : k);
            }
            d.symbols[i] = (int16_t)(i % 3) - 1;
        }
        if (kind == 0)
            d.model = (MicaEntropyModel){
                .struct_size = sizeof(d.model), .tables = tables, .classes = d.classes};
        else if (kind == 1)
            d.model.means[0] = NULL;
        uint8_t *data, *other;
        size_t size, other_size;
        assert_int_equal(mica_entropy_encode(plain, &d.model, 8, d.symbols, d.count, &data, &size),
                         MICA_OK);
        assert_int_equal(
            mica_entropy_encode(fast, &d.model, 8, d.symbols, d.count, &other, &other_size),
            MICA_OK);
        assert_int_equal(size, other_size);
        assert_memory_equal(data, other, size);
        for (int level = 0; level < 2; level++) {
            assert_int_equal(decode_runs(level ? fast : plain, &d, data, size, 777), MICA_OK);
            for (size_t i = 0; i < d.count; i++)
                assert_int_equal(d.decoded[i], d.classes[i] ? d.symbols[i] : 0);
        }
        mica_entropy_free(data);
        mica_entropy_free(other);
        data_free(&d);
    }
    mica_entropy_tables_destroy(&tables);
}

static void test_damage(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        Data d = data_new(3000, kind ? 3 : 1, 0, ANYTHING);
        if (!kind)
            d.model.means[0] = NULL;
        uint8_t *data;
        size_t size;
        assert_int_equal(mica_entropy_encode(fast, &d.model, 0, d.symbols, d.count, &data, &size),
                         MICA_OK);
        for (size_t cut = 0; cut < size; cut += cut < 50 || cut + 50 > size ? 1 : 97)
            assert_int_equal(decode_runs(fast, &d, data, cut, 1000), MICA_ERROR_BITSTREAM);
        for (int round = 0; round < 1000; round++) {
            size_t at = 1 + random32() % (size - 1); /* byte 0 may change nothing */
            uint8_t flip = (uint8_t)(1 + random32() % 255);
            data[at] ^= flip;
            assert_int_equal(decode_runs(round % 2 ? fast : plain, &d, data, size, 1000),
                             MICA_ERROR_BITSTREAM);
            data[at] ^= flip;
        }
        mica_entropy_free(data);
        data_free(&d);
    }
}

static void test_quantise(void **state)
{
    (void)state;
    assert_int_equal(mica_entropy_quantise_mean(0), 0);
    assert_int_equal(mica_entropy_quantise_mean(1.0f / 64), 1);
    assert_int_equal(mica_entropy_quantise_mean(-1.0f / 64), -1);
    assert_int_equal(mica_entropy_quantise_mean(3.26f), 104);
    assert_int_equal(mica_entropy_quantise_mean(1e30f), 1023 * 32);
    assert_int_equal(mica_entropy_quantise_mean(-INFINITY), -1023 * 32);
    assert_int_equal(mica_entropy_quantise_mean(NAN), 0);

    const float low[] = {0, -0.0f, -1, -INFINITY, NAN, 1e-30f, 0.11f, 0.1124f};
    for (size_t i = 0; i < sizeof(low) / sizeof(*low); i++)
        assert_int_equal(mica_entropy_quantise_scale(low[i]), 0);
    assert_int_equal(mica_entropy_quantise_scale(INFINITY), MICA_ENTROPY_SCALES - 1);
    assert_int_equal(mica_entropy_quantise_scale(256.6f), MICA_ENTROPY_SCALES - 1);
    for (int i = 0; i < MICA_ENTROPY_SCALES; i++) {
        for (int k = -9; k <= 9; k++) {
            double sigma = 0.11 * pow(2, (i + k / 20.0) / 16);
            assert_int_equal(mica_entropy_quantise_scale((float)sigma), i);
        }
    }

    for (int i = 0; i < MICA_ENTROPY_SHAPES; i++)
        assert_int_equal(mica_entropy_quantise_shape(0.5f + (float)i / 8), i);
    assert_int_equal(mica_entropy_quantise_shape(0), 0);
    assert_int_equal(mica_entropy_quantise_shape(INFINITY), 15);
    assert_int_equal(mica_entropy_quantise_shape(NAN), MICA_ENTROPY_NORMAL);

    const struct {
        float in[3];
        uint8_t out[2];
    } cases[] = {
        {{0.5f, 0.25f, 0.25f}, {128, 64}},
        {{1, 0, 0}, {255, 1}}, /* 256 is not there to be had */
        {{0, 1, 0}, {0, 255}},
        {{0, 0, 1}, {0, 0}},
        {{0.50001f, 0.50001f, 0.00002f}, {128, 128}}, /* sums to 1.00004 */
        {{50, 25, 25}, {128, 64}},
        {{0, 0, 0}, {85, 86}},
        {{NAN, 1, 1}, {0, 128}},
        {{-1, 1, 1}, {0, 128}},
        {{INFINITY, 1, 1}, {255, 1}},
        {{INFINITY, INFINITY, 0}, {128, 128}},
        {{3e38f, 3e38f, 3e38f}, {85, 86}},
        {{1e-40f, 1e-40f, 2e-40f}, {64, 64}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        uint8_t out[2];
        mica_entropy_quantise_weights(cases[i].in, 3, out);
        assert_int_equal(out[0], cases[i].out[0]);
        assert_int_equal(out[1], cases[i].out[1]);
    }
    uint8_t none[1] = {77};
    mica_entropy_quantise_weights((const float[]){1}, 1, none);
    assert_int_equal(none[0], 77);
}

static void test_arguments(void **state)
{
    (void)state;
    Data d = data_new(10, 2, 0, TYPICAL);
    uint8_t *data;
    size_t size;
    MicaEntropyModel bad = d.model;
    bad.struct_size = 0;
    assert_int_equal(mica_entropy_encode(fast, &bad, 0, d.symbols, 10, &data, &size),
                     MICA_ERROR_INVALID_ARGUMENT);
    bad = d.model;
    bad.components = 5;
    assert_int_equal(mica_entropy_encode(fast, &bad, 0, d.symbols, 10, &data, &size),
                     MICA_ERROR_INVALID_ARGUMENT);
    bad = d.model;
    bad.weights[0] = NULL;
    assert_int_equal(mica_entropy_encode(fast, &bad, 0, d.symbols, 10, &data, &size),
                     MICA_ERROR_INVALID_ARGUMENT);
    bad = d.model;
    bad.means[1] = NULL;
    assert_int_equal(mica_entropy_encode(fast, &bad, 0, d.symbols, 10, &data, &size),
                     MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_entropy_encode(fast, &d.model, 20, d.symbols, 10, &data, &size),
                     MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_entropy_encode(NULL, &d.model, 0, d.symbols, 10, &data, &size),
                     MICA_ERROR_INVALID_ARGUMENT);
    const uint8_t high[] = {20, 0, 0, 0, 0, 1};
    assert_int_equal(mica_entropy_decode(fast, &d.model, high, sizeof(high), d.decoded, 10),
                     MICA_ERROR_BITSTREAM);
    mica_entropy_decoder_close(NULL);
    mica_entropy_tables_destroy(NULL);
    mica_entropy_destroy(NULL);
    mica_entropy_free(NULL);
    data_free(&d);
}

/* Every allocation fails once; nothing leaks (address sanitizer) and the status says why. */
static void test_no_memory(void **state)
{
    (void)state;
    Data d = data_new(2000, 1, 0, ANYTHING);
    for (int kind = 0; kind < 2; kind++) {
        d.model.means[0] = kind ? d.means[0] : NULL;
        for (size_t n = 1;; n++) {
            MicaEntropyCoder *coder = NULL;
            uint8_t *data = NULL;
            size_t size = 0;
            mica_alloc_fail_after(n);
            MicaStatus status = mica_entropy_create(&coder, 0);
            if (status == MICA_OK)
                status = mica_entropy_encode(coder, &d.model, 3, d.symbols, d.count, &data, &size);
            if (status == MICA_OK)
                status = mica_entropy_decode(coder, &d.model, data, size, d.decoded, d.count);
            mica_alloc_fail_after(0);
            mica_entropy_free(data);
            mica_entropy_destroy(&coder);
            if (status == MICA_OK)
                break;
            assert_int_equal(status, MICA_ERROR_OUT_OF_MEMORY);
        }
    }
    data_free(&d);
}

/* 10^7 symbols with extreme parameters. */
static void test_long(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        Data d = data_new(500000, 1 + i % 4, i / 4 % 2, i % 3 ? EXTREME : ANYTHING);
        check_round_trip(&d);
        data_free(&d);
    }
}

static int create(void **state)
{
    (void)state;
    char text[128];
    mica_cpu_flags_text(mica_cpu_flags(), text, sizeof(text));
    print_message("levels: c and %s\n", text);
    return mica_entropy_create(&plain, 0) || mica_entropy_create(&fast, mica_cpu_flags());
}

static int destroy(void **state)
{
    (void)state;
    mica_entropy_destroy(&plain);
    mica_entropy_destroy(&fast);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixtures),  cmocka_unit_test(test_many_states),
        cmocka_unit_test(test_zero_mean), cmocka_unit_test(test_static),
        cmocka_unit_test(test_skip),      cmocka_unit_test(test_damage),
        cmocka_unit_test(test_quantise),  cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_no_memory),
    };
    const struct CMUnitTest slow[] = {cmocka_unit_test(test_long)};
    if (LONG_TEST)
        return cmocka_run_group_tests(slow, create, destroy);
    return cmocka_run_group_tests(tests, create, destroy);
}
