/* The symbol coder: tables, round trips, size against the ideal, damage. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "entropy/half_cdf.h"
#include "entropy/shared_tables.h"
#include "entropy/symbol_tables.h"

static MicaSymbolTables *tables;

static uint64_t random_state = 1;

static uint32_t random32(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) ^ (uint32_t)(random_state >> 11);
}

static double uniform(void)
{
    return (random32() + 0.5) / 4294967296.0;
}

typedef struct Data {
    size_t count;
    int16_t *symbols, *decoded;
    uint8_t *shapes, *scales;
    MicaWriter stream;
} Data;

static Data data_new(size_t count)
{
    Data d = {.count = count};
    d.symbols = calloc(count + 1, sizeof(int16_t));
    d.decoded = calloc(count + 1, sizeof(int16_t));
    d.shapes = calloc(count + 1, 1);
    d.scales = calloc(count + 1, 1);
    assert_true(d.symbols && d.decoded && d.shapes && d.scales);
    return d;
}

static void data_free(Data *d)
{
    free(d->symbols);
    free(d->decoded);
    free(d->shapes);
    free(d->scales);
    mica_writer_free(&d->stream);
}

static void encode(Data *d)
{
    mica_writer_free(&d->stream);
    d->stream = (MicaWriter){0};
    assert_int_equal(
        mica_symbols_encode(tables, d->symbols, d->shapes, d->scales, d->count, &d->stream),
        MICA_OK);
}

/* Decode an exact-size copy, so that the address sanitizer sees every read past its end. */
static MicaStatus decode_bytes(Data *d, const uint8_t *bytes, size_t size, size_t run)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    MicaSymbolDecoder decoder;
    MicaStatus begun = mica_symbol_decoder_begin(&decoder, tables, copy, size);
    for (size_t i = 0; i < d->count; i += run) {
        size_t n = d->count - i < run ? d->count - i : run;
        mica_symbol_decoder_run(&decoder, d->shapes + i, d->scales + i, n, d->decoded + i);
    }
    MicaStatus finished = mica_symbol_decoder_finish(&decoder);
    if (begun != MICA_OK)
        assert_int_equal(finished, MICA_ERROR_BITSTREAM);
    free(copy);
    return finished;
}

static void check_round_trip(Data *d, size_t run)
{
    memset(d->decoded, 0x55, d->count * sizeof(int16_t));
    assert_int_equal(decode_bytes(d, d->stream.data, d->stream.size, run), MICA_OK);
    assert_memory_equal(d->decoded, d->symbols, d->count * sizeof(int16_t));
}

/* What each model must promise: strictly increasing, complete, hints that never start too late. */
static void test_tables(void **state)
{
    (void)state;
    size_t bytes = sizeof(*tables);
    for (int i = 0; i < MICA_SHAPE_COUNT * MICA_SCALE_COUNT; i++) {
        const MicaSymbolModel *model = tables->models + i;
        const uint32_t *c = tables->cumulatives + model->cumulative;
        assert_int_equal(c[0], 0);
        assert_int_equal(model->zero, 2 * c[1]);
        assert_int_equal(c[model->width + 2], MICA_RANS_SLOTS / 2);
        for (int m = 0; m < model->width + 2; m++)
            assert_true(c[m] < c[m + 1]);
        for (uint32_t pair = c[1]; pair < c[model->width + 2]; pair++) {
            int m = tables->starts[model->starts + ((pair - c[1]) >> model->shift)];
            assert_true(m >= 1 && c[m] <= pair);
            pair |= (1u << model->shift) - 1;
        }
        bytes +=
            (model->width + 3u) * 4 + (((MICA_RANS_SLOTS / 2 - 1 - c[1]) >> model->shift) + 1) * 2;
    }
    print_message("tables: %zu bytes\n", bytes);
    assert_true(bytes < 2u << 20);
}

/* The table against the exact distributions that have a closed form: Laplace (b = 1) and normal (b
 * = 2). */
static void test_half_cdf(void **state)
{
    (void)state;
    static MicaHalfCdf row;
    for (int shape = 0; shape < MICA_SHAPE_COUNT; shape++) {
        mica_half_cdf_init(&row, shape);
        uint32_t before = 0;
        for (uint32_t t = 0; t < MICA_T_MAX; t += 1 + t / 4096) {
            uint32_t a = mica_half_cdf(&row, t);
            assert_true(a >= before && a < MICA_RANS_SLOTS / 2);
            before = a;
            double x = t / 65536.0, exact = -1;
            if (shape == 4)
                exact = 0.5 - 0.5 * exp(-sqrt(2) * x);
            else if (shape == 12)
                exact = 0.5 * erf(x / sqrt(2));
            if (exact >= 0)
                assert_true(fabs(a / 1048576.0 - exact) < 1.0 / 65536);
        }
    }
}

static void random_models(Data *d)
{
    for (size_t i = 0; i < d->count; i++) {
        d->shapes[i] = (uint8_t)(random32() % MICA_SHAPE_COUNT);
        d->scales[i] = (uint8_t)(random32() % MICA_SCALE_COUNT);
    }
}

/* Mostly small numbers, now and then anything. */
static void random_symbols(Data *d)
{
    for (size_t i = 0; i < d->count; i++) {
        uint32_t r = random32();
        int spread = 1 << (random32() % 16);
        d->symbols[i] = (int16_t)(r % 7 ? (int)(random32() % (unsigned)(2 * spread)) - spread : 0);
    }
}

static void test_round_trips(void **state)
{
    (void)state;
    static const size_t counts[] = {0,   1,    2,    3,    7,     64,    511,   512,
                                    513, 1000, 8191, 8192, 65535, 65536, 300000};
    for (size_t k = 0; k < sizeof(counts) / sizeof(*counts); k++) {
        Data d = data_new(counts[k]);
        random_models(&d);
        random_symbols(&d);
        encode(&d);
        check_round_trip(&d, d.count + 1);
        check_round_trip(&d, 1);
        check_round_trip(&d, 3);
        check_round_trip(&d, 1021);
        data_free(&d);
    }
}

/* The ends of the window and of int16 under every model. */
static void test_extremes(void **state)
{
    (void)state;
    for (int i = 0; i < MICA_SHAPE_COUNT * MICA_SCALE_COUNT; i++) {
        int w = tables->models[i].width;
        const int values[] = {0, 1, -1, w, -w, w + 1, -w - 1, w + 2, -w - 2, 32767, -32767, -32768};
        Data d = data_new(sizeof(values) / sizeof(*values));
        for (size_t k = 0; k < d.count; k++) {
            d.symbols[k] = (int16_t)values[k];
            d.shapes[k] = (uint8_t)(i / MICA_SCALE_COUNT);
            d.scales[k] = (uint8_t)(i % MICA_SCALE_COUNT);
        }
        encode(&d);
        check_round_trip(&d, 5);
        data_free(&d);
    }
}

/* A number and its negative cost the same, and the cost is what the stream grows by. */
static void test_cost(void **state)
{
    (void)state;
    Data d = data_new(4000);
    random_models(&d);
    random_symbols(&d);
    double bits = 0;
    for (size_t i = 0; i < d.count; i++) {
        uint32_t cost = mica_symbol_cost(tables, d.symbols[i], d.shapes[i], d.scales[i]);
        assert_int_equal(cost, mica_symbol_cost(tables, -d.symbols[i], d.shapes[i], d.scales[i]));
        bits += cost / 256.0;
    }
    encode(&d);
    assert_true(fabs(bits / 8 - (double)d.stream.size) < 8 + bits / 8 * 0.001);
    data_free(&d);
}

/* A sample of the generalized Gaussian through the tables' own inverse would prove nothing, so:
 * Laplace and normal. */
static double sample(int shape)
{
    if (shape == 4) {
        double u = uniform();
        return (u < 0.5 ? log(2 * u) : -log(2 * (1 - u))) / sqrt(2);
    }
    return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

static double exact_survival(int shape, double x)
{
    return shape == 4 ? 0.5 * exp(-sqrt(2) * x) : 0.5 * erfc(x / sqrt(2));
}

/* The size of data that follow the model, against the sum of -log2 of the exact probabilities. */
static void check_size(int shape, int first_scale, int last_scale, size_t count, double percent)
{
    Data d = data_new(count);
    double bits = 0;
    for (size_t i = 0; i < count; i++) {
        int scale = first_scale + (int)(random32() % (unsigned)(last_scale - first_scale + 1));
        double sigma = 0.11 * pow(256 / 0.11, scale / 63.0);
        int x = (int)floor(sample(shape) * sigma + 0.5);
        int m = abs(x);
        double p =
            m ? exact_survival(shape, (m - 0.5) / sigma) - exact_survival(shape, (m + 0.5) / sigma)
              : 1 - 2 * exact_survival(shape, 0.5 / sigma);
        bits -= log2(p);
        d.symbols[i] = (int16_t)x;
        d.shapes[i] = (uint8_t)shape;
        d.scales[i] = (uint8_t)scale;
    }
    encode(&d);
    check_round_trip(&d, 4096);
    double over = 100 * ((double)d.stream.size * 8 / bits - 1);
    print_message("shape %d, scales %d..%d: %zu symbols, %zu bytes, ideal %.1f, %+.4f %%\n", shape,
                  first_scale, last_scale, count, d.stream.size, bits / 8, over);
    assert_true(over < percent);
    data_free(&d);
}

static void test_size(void **state)
{
    (void)state;
    for (int shape = 4; shape <= 12; shape += 8) {
        check_size(shape, 0, 25, 400000, 0.1);
        check_size(shape, 0, 12, 400000, 0.2);
        check_size(shape, 20, 45, 400000, 0.1);
        check_size(shape, 0, 63, 400000, 0.1);
        check_size(shape, 5, 25, 2000, 4);
    }
}

static void test_truncation(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 40, 700, 10000, 70000};
    for (size_t k = 0; k < sizeof(counts) / sizeof(*counts); k++) {
        Data d = data_new(counts[k]);
        random_models(&d);
        for (size_t i = 0; i < d.count; i++)
            d.scales[i] %= 20;
        for (size_t i = 0; i < d.count; i++)
            d.symbols[i] = (int16_t)(random32() % 4 ? 0 : (int)(random32() % 5) - 2);
        encode(&d);
        size_t step = d.stream.size > 2000 ? d.stream.size / 50 : 1;
        for (size_t size = 0; size < d.stream.size; size += step)
            assert_int_equal(decode_bytes(&d, d.stream.data, size, 777), MICA_ERROR_BITSTREAM);
        assert_int_equal(decode_bytes(&d, d.stream.data, d.stream.size - 1, 777),
                         MICA_ERROR_BITSTREAM);
        data_free(&d);
    }
}

/* Damage never crashes, and shows at the end. */
static void check_corruption(Data *d)
{
    int silent = 0;
    uint8_t *bytes = malloc(d->stream.size + 64);
    assert_non_null(bytes);
    for (int round = 0; round < 3000; round++) {
        memcpy(bytes, d->stream.data, d->stream.size);
        bytes[random32() % d->stream.size] ^= (uint8_t)(1 + random32() % 255);
        silent += decode_bytes(d, bytes, d->stream.size, 500) == MICA_OK;
    }
    assert_int_equal(silent, 0);
    for (int round = 0; round < 3000; round++) {
        size_t size = random32() % 64;
        for (size_t i = 0; i < size; i++)
            bytes[i] = (uint8_t)random32();
        if (size)
            bytes[0] = (uint8_t)((size & 63) << 2 | (random32() & 3));
        silent += decode_bytes(d, bytes, size, 500) == MICA_OK;
    }
    assert_int_equal(silent, 0);
    free(bytes);
}

static void test_corruption(void **state)
{
    (void)state;
    Data d = data_new(3000);
    random_models(&d);
    random_symbols(&d);
    encode(&d);
    check_corruption(&d);
    for (size_t i = 0; i < d.count; i++)
        d.symbols[i] = (int16_t)(d.symbols[i] % 2);
    encode(&d);
    check_corruption(&d);
    data_free(&d);
}

static void test_arguments(void **state)
{
    (void)state;
    MicaWriter out = {0};
    MicaSymbolDecoder decoder;
    assert_int_equal(mica_symbol_tables_create(NULL, 0), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_symbols_encode(tables, NULL, NULL, NULL, 1, &out),
                     MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_symbol_decoder_begin(&decoder, tables, NULL, 1),
                     MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_symbol_decoder_begin(&decoder, tables, NULL, 0), MICA_ERROR_BITSTREAM);
    mica_symbol_tables_destroy(NULL);
}

static void test_shared_tables(void **state)
{
    (void)state;
    const MicaSymbolTables *first = mica_shared_tables_acquire();
    const MicaSymbolTables *second = mica_shared_tables_acquire();
    assert_non_null(first);
    assert_ptr_equal(first, second);
    mica_shared_tables_release(&first);
    assert_null(first);
    mica_shared_tables_release(&first);
    /* Still there for the second user, and the same as tables of one's own. */
    for (int symbol = -40; symbol <= 40; symbol++)
        assert_int_equal(mica_symbol_cost(second, symbol, 5, 20),
                         mica_symbol_cost(tables, symbol, 5, 20));
    mica_shared_tables_release(&second);
}

/* What selected tables code is what the ones behind them code under the selected models. */
static void test_selected_tables(void **state)
{
    (void)state;
    enum { MODELS = MICA_SHAPE_COUNT * MICA_SCALE_COUNT };
    uint8_t shape[MODELS], scale[MODELS], own_shape[MODELS], own_scale[MODELS];
    int16_t symbol[MODELS], decoded[MODELS];
    for (int i = 0; i < MODELS; i++) {
        own_shape[i] = (uint8_t)(i / MICA_SCALE_COUNT);
        own_scale[i] = (uint8_t)(i % MICA_SCALE_COUNT);
        shape[i] = (uint8_t)(i * 7 / 5 % MICA_SHAPE_COUNT);
        scale[i] = (uint8_t)(i * 11 % MICA_SCALE_COUNT);
        symbol[i] = (int16_t)(i % 9 - 4);
    }
    MicaSymbolTables *selected;
    assert_int_equal(mica_symbol_tables_select(&selected, tables, shape, scale), MICA_OK);
    MicaWriter out = {0}, wanted = {0};
    assert_int_equal(mica_symbols_encode(selected, symbol, own_shape, own_scale, MODELS, &out),
                     MICA_OK);
    assert_int_equal(mica_symbols_encode(tables, symbol, shape, scale, MODELS, &wanted), MICA_OK);
    assert_int_equal(out.size, wanted.size);
    assert_memory_equal(out.data, wanted.data, out.size);
    for (int i = 0; i < MODELS; i++)
        assert_int_equal(mica_symbol_cost(selected, symbol[i], own_shape[i], own_scale[i]),
                         mica_symbol_cost(tables, symbol[i], shape[i], scale[i]));
    MicaSymbolDecoder decoder;
    assert_int_equal(mica_symbol_decoder_begin(&decoder, selected, out.data, out.size), MICA_OK);
    mica_symbol_decoder_run(&decoder, own_shape, own_scale, MODELS, decoded);
    assert_int_equal(mica_symbol_decoder_finish(&decoder), MICA_OK);
    assert_memory_equal(decoded, symbol, sizeof symbol);
    mica_writer_free(&out);
    mica_writer_free(&wanted);
    mica_symbol_tables_destroy(&selected);
    assert_null(selected);
    assert_true(mica_symbol_cost(tables, 1, 5, 20) > 0); /* those behind are still there */
}

static int create(void **state)
{
    (void)state;
    return mica_symbol_tables_create(&tables, 0) != MICA_OK;
}

static int destroy(void **state)
{
    (void)state;
    mica_symbol_tables_destroy(&tables);
    return tables != NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_half_cdf),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_truncation),
        cmocka_unit_test(test_corruption),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_shared_tables),
        cmocka_unit_test(test_selected_tables),
    };
    return cmocka_run_group_tests(tests, create, destroy);
}
