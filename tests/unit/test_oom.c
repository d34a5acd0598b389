/* Lack of memory at every single allocation of every call: always MICA_ERROR_OUT_OF_MEMORY, nothing
 * returned, and (with the address sanitizer) nothing leaked; then the same call works. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/mem.h"
#include "mica/entropy.h"
#include "mica/mica.h"

#define MANY 20000

static uint8_t *model_file;
static size_t model_size;
static MicaModel *tiny;
static MicaImage picture;
static MicaBuffer stream;

/* Calls f with every n-th allocation failing, until none does. f returns its status after it has
 * checked and released what it got. */
static void every_allocation(const char *what, MicaStatus (*f)(void *context), void *context)
{
    for (size_t n = 1; n < MANY; n++) {
        mica_alloc_fail_after(n);
        const MicaStatus status = f(context);
        mica_alloc_fail_after(0);
        if (status == MICA_OK) {
            print_message("%s: %zu allocations\n", what, n - 1);
            assert_true(n > 1); /* or nothing was tested */
            return;
        }
        if (status != MICA_ERROR_OUT_OF_MEMORY)
            print_error("%s: allocation %zu: %s\n", what, n, mica_status_string(status));
        assert_int_equal(status, MICA_ERROR_OUT_OF_MEMORY);
    }
    fail_msg("%s does not end", what);
}

static MicaStatus try_load(void *context)
{
    MicaModel *model = tiny;
    MicaError error = {MICA_OK, ""};
    (void)context;
    const MicaStatus status = mica_model_load(&model, model_file, model_size, &error);
    assert_true((status == MICA_OK) == (model != NULL));
    assert_true(status == MICA_OK || (error.status == status && error.text[0]));
    mica_model_unref(&model);
    return status;
}

static MicaStatus try_builtin(void *context)
{
    MicaModel *model = NULL;
    (void)context;
    const MicaStatus status = mica_model_builtin(&model, "S", NULL);
    assert_true((status == MICA_OK) == (model != NULL));
    mica_model_unref(&model);
    return status;
}

static MicaStatus try_encode(void *context)
{
    MicaBuffer out;
    MicaError error = {MICA_OK, ""};
    const MicaStatus status = mica_image_encode(&picture, context, &out, &error);
    assert_true((status == MICA_OK) == (out.data != NULL));
    assert_true(status == MICA_OK || (error.status == status && error.text[0]));
    mica_buffer_free(&out);
    return status;
}

static MicaStatus try_decode(void *context)
{
    MicaImage image;
    MicaError error = {MICA_OK, ""};
    const MicaStatus status = mica_image_decode(stream.data, stream.size, context, &image, &error);
    assert_true((status == MICA_OK) == (image.data != NULL));
    assert_true(status == MICA_OK || (error.status == status && error.text[0]));
    assert_true(status == MICA_OK || (!image.icc.data && !image.exif.data && !image.xmp.data));
    mica_image_free(&image);
    return status;
}

static MicaStatus try_image(void *context)
{
    MicaImage image;
    (void)context;
    MicaStatus status = mica_image_alloc_depth(&image, 5, 6, 4, 16);
    if (status == MICA_OK)
        status = mica_buffer_copy(&image.icc, "profile", 7);
    mica_image_free(&image);
    return status;
}

typedef struct EntropyCase {
    MicaEntropyModel model;
    const int16_t *symbols;
    size_t count;
    uint8_t *data;
    size_t size;
} EntropyCase;

static MicaStatus try_entropy_encode(void *context)
{
    EntropyCase *const c = context;
    MicaEntropyCoder *coder = NULL;
    uint8_t *data = NULL;
    size_t size = 0;
    MicaStatus status = mica_entropy_create(&coder, mica_cpu_flags());
    assert_true((status == MICA_OK) == (coder != NULL));
    if (status == MICA_OK)
        status = mica_entropy_encode(coder, &c->model, 0, c->symbols, c->count, &data, &size);
    assert_true((status == MICA_OK) == (data != NULL));
    if (data && !c->data) {
        c->data = data;
        c->size = size;
        data = NULL;
    }
    mica_entropy_free(data);
    mica_entropy_destroy(&coder);
    return status;
}

static MicaStatus try_entropy_decode(void *context)
{
    const EntropyCase *const c = context;
    MicaEntropyCoder *coder = NULL;
    MicaEntropyDecoder *decoder = NULL;
    int16_t out[600];
    MicaStatus status = mica_entropy_create(&coder, mica_cpu_flags());
    if (status == MICA_OK)
        status = mica_entropy_decode(coder, &c->model, c->data, c->size, out, c->count);
    if (status == MICA_OK) {
        status = mica_entropy_decoder_open(&decoder, coder, c->data, c->size);
        assert_true((status == MICA_OK) == (decoder != NULL));
    }
    if (status == MICA_OK)
        status = mica_entropy_decoder_run(decoder, &c->model, out, c->count);
    if (status == MICA_OK) {
        assert_int_equal(mica_entropy_decoder_finish(decoder), MICA_OK);
        assert_memory_equal(out, c->symbols, c->count * sizeof *out);
    }
    mica_entropy_decoder_close(&decoder);
    mica_entropy_destroy(&coder);
    return status;
}

static MicaStatus try_tables(void *context)
{
    static const uint32_t histogram[5] = {0, 9, 99, 9, 0};
    static const uint32_t *const histograms[] = {histogram, histogram};
    static const int16_t firsts[] = {-2, 100};
    static const uint16_t lengths[] = {5, 5};
    MicaEntropyTables *tables = NULL;
    (void)context;
    const MicaStatus status = mica_entropy_tables_create(&tables, histograms, firsts, lengths, 2);
    assert_true((status == MICA_OK) == (tables != NULL));
    mica_entropy_tables_destroy(&tables);
    return status;
}

static int setup(void **state)
{
    (void)state;
    FILE *f = fopen(MICA_TINY_MODEL, "rb");
    assert_non_null(f);
    model_file = malloc(1 << 20);
    model_size = fread(model_file, 1, 1 << 20, f);
    fclose(f);
    if (mica_model_load(&tiny, model_file, model_size, NULL) != MICA_OK ||
        mica_image_alloc_depth(&picture, 90, 70, 4, 16) != MICA_OK)
        return 1;
    for (int y = 0; y < picture.height; y++)
        for (int i = 0; i < picture.width * 8; i++)
            picture.data[y * picture.stride + i] = (uint8_t)(i * 3 + y * 7 + i * y % 13);
    if (mica_buffer_copy(&picture.icc, model_file, 300) != MICA_OK ||
        mica_buffer_copy(&picture.exif, "II*\0\10\0\0\0\0\0\0\0\0\0", 14) != MICA_OK ||
        mica_buffer_copy(&picture.xmp, "<x/>", 4) != MICA_OK)
        return 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mica_buffer_free(&stream);
    mica_image_free(&picture);
    mica_model_unref(&tiny);
    free(model_file);
    return 0;
}

static void test_models(void **state)
{
    (void)state;
    every_allocation("load a model", try_load, NULL);
    every_allocation("built-in model", try_builtin, NULL);
    every_allocation("pictures", try_image, NULL);
}

static void test_encode(void **state)
{
    (void)state;
    for (int effort = 1; effort <= 5; effort += 2)
        for (int progressive = 0; progressive < 2; progressive++) {
            MicaEncodeSettings s;
            mica_encode_defaults(&s, sizeof s);
            s.model = tiny;
            s.threads = 1;
            s.effort = effort;
            s.progressive = progressive;
            s.segment = progressive ? 32 : 0;
            every_allocation("encode", try_encode, &s);
        }
    for (int kind = 0; kind < 2; kind++) {
        MicaEncodeSettings s;
        mica_encode_defaults(&s, sizeof s);
        s.model = tiny;
        s.threads = 1;
        s.effort = kind ? 1 : 6;          /* which descends by gradient */
        s.target_size = kind ? 60000 : 0; /* that quality 100 does not reach either */
        every_allocation(kind ? "encode to a target" : "search", try_encode, &s);
    }
    /* A kernel level that was not packed yet, and no model given. */
    MicaEncodeSettings s;
    mica_encode_defaults(&s, sizeof s);
    s.threads = 1;
    s.effort = 1;
    s.cpu_mask = 0;
    every_allocation("encode with the built-in model", try_encode, &s);
}

static void test_decode(void **state)
{
    (void)state;
    MicaEncodeSettings e;
    mica_encode_defaults(&e, sizeof e);
    e.model = tiny;
    e.segment = 32;
    assert_int_equal(mica_image_encode(&picture, &e, &stream, NULL), MICA_OK);
    for (int kind = 0; kind < 4; kind++) {
        MicaDecodeSettings d;
        mica_decode_defaults(&d, sizeof d);
        d.model = tiny;
        d.threads = 1;
        if (kind == 1)
            d.region = (MicaRegion){20, 10, 30, 40};
        if (kind == 2)
            d.scale = 2;
        if (kind == 3)
            d.best_effort = 1;
        every_allocation("decode", try_decode, &d);
    }
}

static void test_entropy(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    static int16_t symbols[COUNT], means[COUNT];
    static uint8_t scales[COUNT], weights[COUNT];
    for (int i = 0; i < COUNT; i++) {
        symbols[i] = (int16_t)(i % 7 - 3);
        scales[i] = (uint8_t)(60 + i % 40);
        weights[i] = 128;
    }
    EntropyCase cases[2] = {
        {.model = {.struct_size = sizeof(MicaEntropyModel), .components = 1, .scales = {scales}}},
        {.model = {.struct_size = sizeof(MicaEntropyModel),
                   .components = 2,
                   .means = {means, means},
                   .scales = {scales, scales},
                   .weights = {weights}}}};
    for (int i = 0; i < 2; i++) {
        cases[i].symbols = symbols;
        cases[i].count = COUNT;
        every_allocation("entropy encode", try_entropy_encode, &cases[i]);
        every_allocation("entropy decode", try_entropy_decode, &cases[i]);
        mica_entropy_free(cases[i].data);
    }
    every_allocation("entropy tables", try_tables, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_entropy),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
