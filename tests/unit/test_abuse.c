/* The API used wrongly: every mistake is an error code and a line of text, never a crash or a
 * picture of garbage. And used by several threads at once. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mica/entropy.h"
#include "mica/mica.h"
#include "tests/unit/model.h"

static MicaModel *tiny;
static MicaImage picture;
static MicaBuffer stream;

static MicaEncodeSettings encoder(void)
{
    MicaEncodeSettings s;
    mica_encode_defaults(&s, sizeof s);
    s.model = tiny;
    s.threads = 1;
    s.effort = 1;
    return s;
}

static MicaDecodeSettings decoder(void)
{
    MicaDecodeSettings s;
    mica_decode_defaults(&s, sizeof s);
    s.model = tiny;
    s.threads = 1;
    return s;
}

static int setup(void **state)
{
    (void)state;
    tiny = load_model(MICA_TINY_MODEL);
    assert_int_equal(mica_image_alloc(&picture, 37, 21, 3), MICA_OK);
    for (int y = 0; y < 21; y++)
        for (int x = 0; x < 111; x++)
            picture.data[y * picture.stride + x] = (uint8_t)(3 * x + 5 * y + x * y % 11);
    const MicaEncodeSettings s = encoder();
    return mica_image_encode(&picture, &s, &stream, NULL) != MICA_OK;
}

static int teardown(void **state)
{
    (void)state;
    mica_buffer_free(&stream);
    mica_image_free(&picture);
    mica_model_unref(&tiny);
    return 0;
}

/* A failed call says why in one line and returns nothing. */
static void assert_refused(const MicaImage *image, const MicaEncodeSettings *s, MicaStatus wanted)
{
    MicaBuffer out = {(uint8_t *)(uintptr_t)1, 99};
    MicaError error = {MICA_OK, ""};
    assert_int_equal(mica_image_encode(image, s, &out, &error), wanted);
    assert_null(out.data);
    assert_int_equal(out.size, 0);
    assert_int_equal(error.status, wanted);
    assert_true(error.text[0] && !strchr(error.text, '\n') && strlen(error.text) > 5);
    /* The text is optional. */
    assert_int_equal(mica_image_encode(image, s, &out, NULL), wanted);
}

static void assert_not_decoded(const void *data, size_t size, const MicaDecodeSettings *s,
                               MicaStatus wanted)
{
    MicaImage image;
    MicaError error = {MICA_OK, ""};
    memset(&image, 0xaa, sizeof image);
    assert_int_equal(mica_image_decode(data, size, s, &image, &error), wanted);
    const MicaImage zero = {0};
    assert_memory_equal(&image, &zero, sizeof zero);
    assert_int_equal(error.status, wanted);
    assert_true(error.text[0] && !strchr(error.text, '\n'));
    assert_int_equal(mica_image_decode(data, size, s, &image, NULL), wanted);
}

static void test_null(void **state)
{
    (void)state;
    const MicaEncodeSettings e = encoder();
    assert_refused(NULL, &e, MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_image_encode(&picture, &e, NULL, NULL), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_image_decode(stream.data, stream.size, NULL, NULL, NULL),
                     MICA_ERROR_INVALID_ARGUMENT);
    assert_not_decoded(NULL, 0, NULL, MICA_ERROR_BITSTREAM);
    assert_not_decoded(NULL, 100, NULL, MICA_ERROR_BITSTREAM);
    assert_not_decoded(stream.data, 0, NULL, MICA_ERROR_BITSTREAM);
    MicaStreamInfo info;
    assert_int_equal(mica_stream_info(NULL, 5, &info, NULL), MICA_ERROR_BITSTREAM);
    assert_int_equal(mica_stream_info(stream.data, stream.size, NULL, NULL),
                     MICA_ERROR_INVALID_ARGUMENT);
    mica_encode_defaults(NULL, sizeof e);
    mica_decode_defaults(NULL, sizeof(MicaDecodeSettings));

    MicaModel *model = tiny;
    assert_int_equal(mica_model_load(NULL, "x", 1, NULL), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_model_load(&model, NULL, 1, NULL), MICA_ERROR_INVALID_ARGUMENT);
    assert_null(model);
    assert_int_equal(mica_model_load(&model, "", 0, NULL), MICA_ERROR_MODEL_CORRUPT);
    assert_int_equal(mica_model_builtin(NULL, "S", NULL), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_model_builtin(&model, NULL, NULL), MICA_ERROR_INVALID_ARGUMENT);
    static const char *const names[] = {"", "SS", "Z", "\xff", " S", "S "};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(mica_model_builtin(&model, names[i], NULL), MICA_ERROR_MODEL_MISSING);
        assert_null(model);
    }
    assert_int_equal(mica_model_builtin_by_id(NULL, stream.data, NULL),
                     MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_model_builtin_by_id(&model, NULL, NULL), MICA_ERROR_INVALID_ARGUMENT);
    assert_null(mica_model_ref(NULL));
    mica_model_unref(NULL);
    mica_model_unref(&model);
    MicaModelInfo model_info;
    memset(&model_info, 0xee, sizeof model_info);
    mica_model_info(NULL, &model_info);
    assert_int_equal(model_info.parameters, 0);
    mica_model_info(tiny, NULL);

    char text[8];
    mica_cpu_flags_text(UINT32_MAX, NULL, 0);
    mica_cpu_flags_text(UINT32_MAX, text, 0);
    mica_cpu_flags_text(UINT32_MAX, text, sizeof text); /* too short: cut off */
    assert_non_null(memchr(text, 0, sizeof text));
    uint32_t flags;
    assert_int_equal(mica_cpu_flags_parse(NULL, &flags), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_cpu_flags_parse("c", NULL), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_cpu_flags_parse("", &flags), MICA_ERROR_INVALID_ARGUMENT);
    mica_buffer_free(NULL);
    mica_image_free(NULL);
    assert_int_equal(mica_buffer_copy(NULL, "x", 1), MICA_ERROR_INVALID_ARGUMENT);
}

/* Callers that were compiled against other versions of the structs. */
static void test_struct_size(void **state)
{
    (void)state;
    MicaEncodeSettings e = encoder();
    static const size_t bad[] = {0, 1, 8, sizeof(size_t), 4097, SIZE_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        e.struct_size = bad[i];
        assert_refused(&picture, &e, MICA_ERROR_INVALID_ARGUMENT);
        MicaDecodeSettings d = decoder();
        d.struct_size = bad[i];
        assert_not_decoded(stream.data, stream.size, &d, MICA_ERROR_INVALID_ARGUMENT);
    }
    /* Older: a struct that ends after any field; exactly so many bytes, for the sanitizer. */
    const size_t ends[] = {offsetof(MicaEncodeSettings, quality),
                           offsetof(MicaEncodeSettings, effort),
                           offsetof(MicaEncodeSettings, threads),
                           offsetof(MicaEncodeSettings, times), sizeof(MicaEncodeSettings)};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        MicaEncodeSettings *const old = malloc(ends[i]);
        mica_encode_defaults(old, ends[i]);
        assert_int_equal(old->struct_size, ends[i]);
        old->model = tiny;
        MicaBuffer out;
        assert_int_equal(mica_image_encode(&picture, old, &out, NULL), MICA_OK);
        mica_buffer_free(&out);
        free(old);
    }
    /* Newer: the fields that this version does not know are passed over. */
    struct {
        MicaEncodeSettings known;
        char more[200];
    } newer;
    memset(&newer, 0x77, sizeof newer);
    newer.known = encoder();
    newer.known.struct_size = sizeof newer;
    MicaBuffer out;
    assert_int_equal(mica_image_encode(&picture, &newer.known, &out, NULL), MICA_OK);
    assert_int_equal(out.size, stream.size);
    mica_buffer_free(&out);
}

static void test_pictures(void **state)
{
    (void)state;
    const MicaEncodeSettings e = encoder();
    static const struct {
        int width, height, channels, depth;
        ptrdiff_t stride;
    } bad[] = {{0, 21, 3, 8, 111},
               {37, 0, 3, 8, 111},
               {-1, 21, 3, 8, 111},
               {37, -21, 3, 8, 111},
               {65536, 1, 3, 8, 196608},
               {1, 65536, 1, 8, 1},
               {INT_MAX, INT_MAX, 3, 8, PTRDIFF_MAX},
               {INT_MIN, INT_MIN, 3, 8, PTRDIFF_MIN},
               {37, 21, 0, 8, 111},
               {37, 21, 5, 8, 185},
               {37, 21, -3, 8, 111},
               {37, 21, 3, 1, 111},
               {37, 21, 3, 12, 222},
               {37, 21, 3, -8, 111},
               {37, 21, 3, 16, 223},
               /* Rows that overlap are a forgotten stride. */
               {37, 21, 3, 8, 0},
               {37, 21, 3, 8, 110},
               {37, 21, 3, 8, -110},
               {18, 21, 3, 16, 106}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        MicaImage image = picture;
        image.width = bad[i].width;
        image.height = bad[i].height;
        image.channels = bad[i].channels;
        image.depth = bad[i].depth;
        image.stride = bad[i].stride;
        assert_refused(&image, &e, MICA_ERROR_INVALID_ARGUMENT);
    }
    MicaImage image = picture;
    image.data = NULL;
    assert_refused(&image, &e, MICA_ERROR_INVALID_ARGUMENT);
    image = picture;
    image.icc.size = 5;
    assert_refused(&image, &e, MICA_ERROR_INVALID_ARGUMENT);
    image = picture;
    image.xmp = (MicaBuffer){picture.data, SIZE_MAX};
    assert_refused(&image, &e, MICA_ERROR_INVALID_ARGUMENT);
    const MicaImage zero = {0};
    assert_refused(&zero, &e, MICA_ERROR_INVALID_ARGUMENT);
}

/* Rows may lie anywhere: from the bottom up, and far apart. The bytes are the same. */
static void test_strides(void **state)
{
    (void)state;
    const MicaEncodeSettings e = encoder();
    enum { STRIDE = 150 };
    uint8_t *const block = malloc(STRIDE * 21);
    for (int up = 0; up < 2; up++) {
        memset(block, 0x5a, STRIDE * 21);
        MicaImage image = picture;
        image.data = up ? block + 20 * STRIDE : block;
        image.stride = up ? -STRIDE : STRIDE;
        for (int y = 0; y < 21; y++)
            memcpy(image.data + y * image.stride, picture.data + y * picture.stride, 111);
        MicaBuffer out;
        assert_int_equal(mica_image_encode(&image, &e, &out, NULL), MICA_OK);
        assert_int_equal(out.size, stream.size);
        assert_memory_equal(out.data, stream.data, out.size);
        mica_buffer_free(&out);
    }
    free(block);
    /* Of a single row the stride does not matter. */
    MicaImage row = picture;
    row.height = 1;
    row.stride = 0;
    MicaBuffer out;
    assert_int_equal(mica_image_encode(&row, &e, &out, NULL), MICA_OK);
    mica_buffer_free(&out);
}

static void test_settings(void **state)
{
    (void)state;
    static const double qualities[] = {-0.001, 100.001, NAN, INFINITY, -INFINITY, 1e300};
    for (size_t i = 0; i < sizeof qualities / sizeof *qualities; i++) {
        MicaEncodeSettings e = encoder();
        e.quality = qualities[i];
        assert_refused(&picture, &e, MICA_ERROR_INVALID_ARGUMENT);
    }
    static const double targets[] = {-1, NAN, INFINITY, -INFINITY, 1e300};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        MicaEncodeSettings e = encoder();
        e.target_bpp = targets[i];
        assert_refused(&picture, &e, MICA_ERROR_INVALID_ARGUMENT);
        e = encoder();
        e.target_psnr = targets[i];
        assert_refused(&picture, &e, MICA_ERROR_INVALID_ARGUMENT);
    }
    MicaEncodeSettings two = encoder();
    two.target_bpp = 1;
    two.target_size = 100;
    assert_refused(&picture, &two, MICA_ERROR_INVALID_ARGUMENT);
    two.target_bpp = 0;
    two.target_size = 1; /* no file is that small */
    assert_refused(&picture, &two, MICA_ERROR_LIMIT);
    static const int ranges[] = {-1, 257, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        MicaEncodeSettings e = encoder();
        e.threads = ranges[i];
        assert_refused(&picture, &e, MICA_ERROR_INVALID_ARGUMENT);
        e = encoder();
        e.effort = ranges[i];
        assert_refused(&picture, &e, MICA_ERROR_INVALID_ARGUMENT);
        e = encoder();
        e.alpha_quality = ranges[i];
        assert_refused(&picture, &e, MICA_ERROR_INVALID_ARGUMENT);
        MicaDecodeSettings d = decoder();
        d.threads = ranges[i];
        assert_not_decoded(stream.data, stream.size, &d, MICA_ERROR_INVALID_ARGUMENT);
        d = decoder();
        d.depth = ranges[i];
        assert_not_decoded(stream.data, stream.size, &d, MICA_ERROR_INVALID_ARGUMENT);
    }
    MicaDecodeSettings d = decoder();
    d.max_pixels = 0;
    assert_not_decoded(stream.data, stream.size, &d, MICA_ERROR_LIMIT);
    d.max_pixels = 37 * 21 - 1;
    assert_not_decoded(stream.data, stream.size, &d, MICA_ERROR_LIMIT);
    /* Bits that no machine has are passed over. */
    for (int bit = 0; bit < 32; bit++) {
        d = decoder();
        d.cpu_mask = 1u << bit;
        MicaImage image;
        assert_int_equal(mica_image_decode(stream.data, stream.size, &d, &image, NULL), MICA_OK);
        mica_image_free(&image);
    }
}

static void test_alloc(void **state)
{
    (void)state;
    static const int bad[] = {0, -1, INT_MIN, 65536, INT_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        MicaImage image;
        assert_int_equal(mica_image_alloc(&image, bad[i], 5, 3), MICA_ERROR_INVALID_ARGUMENT);
        assert_int_equal(mica_image_alloc(&image, 5, bad[i], 3), MICA_ERROR_INVALID_ARGUMENT);
        assert_int_equal(mica_image_alloc(&image, 5, 5, bad[i]), MICA_ERROR_INVALID_ARGUMENT);
        assert_int_equal(mica_image_alloc_depth(&image, 5, 5, 3, bad[i]),
                         MICA_ERROR_INVALID_ARGUMENT);
        assert_null(image.data);
    }
    assert_int_equal(mica_image_alloc(NULL, 5, 5, 3), MICA_ERROR_INVALID_ARGUMENT);
}

static void test_entropy(void **state)
{
    (void)state;
    MicaEntropyCoder *coder = NULL;
    assert_int_equal(mica_entropy_create(NULL, 0), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_entropy_create(&coder, UINT32_MAX), MICA_OK);
    const uint8_t scales[4] = {90, 90, 90, 255};
    const int16_t symbols[4] = {1, -2, 3, INT16_MIN};
    uint8_t *data = NULL;
    size_t size = 0;
    MicaEntropyModel model = {.struct_size = sizeof model, .components = 1, .scales = {scales}};
    static const int components[] = {0, -1, 5, INT_MAX};
    for (size_t i = 0; i < 4; i++) {
        model.components = components[i];
        assert_int_equal(mica_entropy_encode(coder, &model, 0, symbols, 3, &data, &size),
                         MICA_ERROR_INVALID_ARGUMENT);
    }
    model.components = 1;
    static const int skips[] = {-1, 20, INT_MAX};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(mica_entropy_encode(coder, &model, skips[i], symbols, 3, &data, &size),
                         MICA_ERROR_INVALID_ARGUMENT);
    model.struct_size = 0;
    assert_int_equal(mica_entropy_encode(coder, &model, 0, symbols, 3, &data, &size),
                     MICA_ERROR_INVALID_ARGUMENT);
    model.struct_size = sizeof model;
    model.scales[0] = NULL;
    assert_int_equal(mica_entropy_encode(coder, &model, 0, symbols, 3, &data, &size),
                     MICA_ERROR_INVALID_ARGUMENT);
    model.scales[0] = scales;
    assert_int_equal(mica_entropy_encode(coder, NULL, 0, symbols, 3, &data, &size),
                     MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_entropy_encode(NULL, &model, 0, symbols, 3, &data, &size),
                     MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_entropy_encode(coder, &model, 0, NULL, 3, &data, &size),
                     MICA_ERROR_INVALID_ARGUMENT);
    assert_null(data);
    int16_t out[4];
    assert_int_equal(mica_entropy_decode(coder, &model, NULL, 3, out, 3),
                     MICA_ERROR_INVALID_ARGUMENT);
    /* A scale index out of range must not leave its table, whatever the verdict. */
    const MicaStatus status = mica_entropy_encode(coder, &model, 0, symbols, 4, &data, &size);
    if (status == MICA_OK) {
        assert_int_equal(mica_entropy_decode(coder, &model, data, size, out, 4), MICA_OK);
        assert_memory_equal(out, symbols, sizeof out);
    }
    mica_entropy_free(data);
    mica_entropy_free(NULL);
    mica_entropy_destroy(&coder);
    mica_entropy_destroy(&coder);
    mica_entropy_destroy(NULL);
    MicaEntropyTables *tables = NULL;
    assert_int_equal(mica_entropy_tables_create(&tables, NULL, NULL, NULL, 1),
                     MICA_ERROR_INVALID_ARGUMENT);
    mica_entropy_tables_destroy(&tables);
    mica_entropy_decoder_close(NULL);
}

enum { WORKERS = 6, ROUNDS = 3 };

static void *worker(void *argument)
{
    const int number = *(const int *)argument;
    for (int i = 0; i < ROUNDS; i++) {
        MicaEncodeSettings e = encoder();
        MicaDecodeSettings d = decoder();
        /* Levels that nobody used before are packed on first use, by whoever comes first. */
        e.cpu_mask = d.cpu_mask = number & 1 ? UINT32_MAX : (uint32_t)i;
        e.threads = d.threads = 1 + number % 2;
        MicaModel *const own = mica_model_ref(tiny);
        MicaBuffer out = {0};
        MicaImage image = {0};
        intptr_t good = mica_image_encode(&picture, &e, &out, NULL) == MICA_OK &&
                        out.size == stream.size && memcmp(out.data, stream.data, out.size) == 0 &&
                        mica_image_decode(out.data, out.size, &d, &image, NULL) == MICA_OK;
        mica_buffer_free(&out);
        mica_image_free(&image);
        MicaModel *copy = own;
        mica_model_unref(&copy);
        if (!good)
            return NULL;
    }
    return argument;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[WORKERS];
    int numbers[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, worker, &numbers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        void *result;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, &numbers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null),     cmocka_unit_test(test_struct_size),
        cmocka_unit_test(test_pictures), cmocka_unit_test(test_strides),
        cmocka_unit_test(test_settings), cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_entropy),  cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
