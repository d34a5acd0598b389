/* Model files: a good one loads, every damaged one is refused with a message and without a leak. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/mem.h"
#include "codec/base/sha256.h"
#include "mica/mica.h"
#include "models/model.h"

static uint8_t *model_data;
static size_t model_size;

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *data = malloc(1 << 20);
    *size = fread(data, 1, 1 << 20, f);
    fclose(f);
    return data;
}

static int read_model(void **state)
{
    (void)state;
    model_data = read_file(MICA_TINY_MODEL, &model_size);
    return model_size < 1000;
}

static int free_model(void **state)
{
    (void)state;
    free(model_data);
    return 0;
}

/* Load an exact-size copy, so that a read past the end is seen by the sanitizers. */
static MicaStatus load_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    MicaModel *model = (MicaModel *)(uintptr_t)1;
    MicaError error = {0};
    const MicaStatus status = mica_model_load(&model, copy, size, &error);
    free(copy);
    if (status == MICA_OK) {
        assert_non_null(model);
        mica_model_unref(&model);
    } else {
        assert_null(model);
        assert_int_equal(error.status, status);
        assert_true(error.text[0] != 0);
        assert_null(strchr(error.text, '\n'));
    }
    assert_null(model);
    return status;
}

/* The same after a change to the body, with the checksum made right again. */
static MicaStatus load_resealed(uint8_t *data, size_t size)
{
    mica_sha256(data, size - 32, data + size - 32);
    return load_copy(data, size);
}

static void test_load(void **state)
{
    (void)state;
    MicaModel *model = NULL;
    assert_int_equal(mica_model_load(&model, model_data, model_size, NULL), MICA_OK);
    MicaModelInfo info;
    mica_model_info(model, &info);
    assert_string_equal(info.name, "tiny");
    assert_int_equal(info.file_size, model_size);
    assert_memory_equal(info.id, model_data + model_size - 32, MICA_MODEL_ID_SIZE);
    assert_true(info.decoder_kmac_per_pixel > 0.1 && info.decoder_kmac_per_pixel < 10);
    assert_true(info.parameters > 10000);
    MicaModel *other = mica_model_ref(model);
    mica_model_unref(&model);
    mica_model_info(other, &info);
    mica_model_unref(&other);
    assert_int_equal(mica_model_load(NULL, model_data, model_size, NULL),
                     MICA_ERROR_INVALID_ARGUMENT);
}

static void test_truncated(void **state)
{
    (void)state;
    for (size_t size = 0; size < model_size; size += size < 2000 ? 7 : 997)
        assert_int_equal(load_copy(model_data, size), MICA_ERROR_MODEL_CORRUPT);
}

static void test_flipped(void **state)
{
    (void)state;
    uint8_t *copy = malloc(model_size);
    memcpy(copy, model_data, model_size);
    for (size_t i = 0; i < model_size; i += i < 200 ? 1 : 1009) {
        copy[i] ^= 0x41;
        assert_int_not_equal(load_copy(copy, model_size), MICA_OK);
        copy[i] ^= 0x41;
    }
    free(copy);
}

/* A header that passes the checksum but lies: never a crash, and never an allocation out of
 * proportion. */
static void test_hostile_header(void **state)
{
    (void)state;
    uint8_t *copy = malloc(model_size);
    unsigned refused = 0;
    for (size_t i = 8; i < 3000; i++)
        for (int bit = 0; bit < 8; bit += 7) {
            memcpy(copy, model_data, model_size);
            copy[i] ^= (uint8_t)(1 << bit);
            refused += load_resealed(copy, model_size) != MICA_OK;
        }
    /* All but few bytes matter: the model's name, and offsets of tensors that make other values. */
    assert_true(refused > 5000);
    free(copy);
}

static void test_newer_version(void **state)
{
    (void)state;
    uint8_t *copy = malloc(model_size);
    memcpy(copy, model_data, model_size);
    copy[8] = 9;
    assert_int_equal(load_resealed(copy, model_size), MICA_ERROR_UNSUPPORTED_VERSION);
    free(copy);
}

static uint8_t *find(uint8_t *data, size_t size, const char *text)
{
    const size_t n = strlen(text);
    for (size_t i = 0; i + n <= size; i++)
        if (!memcmp(data + i, text, n))
            return data + i;
    return NULL;
}

/* One byte of a file, and what loading it then gives. */
typedef struct Change {
    size_t at;
    uint8_t value;
    MicaStatus status;
} Change;

static void check_changes(const uint8_t *data, size_t size, const Change *changes, size_t count)
{
    uint8_t *copy = malloc(size);
    for (size_t i = 0; i < count; i++) {
        memcpy(copy, data, size);
        copy[changes[i].at] = changes[i].value;
        assert_int_equal(load_resealed(copy, size), changes[i].status);
    }
    free(copy);
}

/* Without any of these tensors the model is refused. */
static void check_needed(const uint8_t *data, size_t size, const char *const *names, size_t count)
{
    uint8_t *copy = malloc(size);
    for (size_t i = 0; i < count; i++) {
        memcpy(copy, data, size);
        uint8_t *name = find(copy, size, names[i]);
        assert_non_null(name);
        name[0] = '_';
        assert_int_equal(load_resealed(copy, size), MICA_ERROR_MODEL_CORRUPT);
    }
    free(copy);
}

/* What a stage takes more than in the small model without other parts. */
static void more_mac(const uint8_t *data, size_t size, MicaStageMac *mac)
{
    MicaModel *model = NULL, *plain = NULL;
    MicaStageMac without;
    assert_int_equal(mica_model_load(&model, data, size, NULL), MICA_OK);
    assert_int_equal(mica_model_load(&plain, model_data, model_size, NULL), MICA_OK);
    mica_stage_mac(model, mac);
    mica_stage_mac(plain, &without);
    mac->analysis -= without.analysis;
    mac->hyper_decoder -= without.hyper_decoder;
    mac->synthesis -= without.synthesis;
    mica_model_unref(&model);
    mica_model_unref(&plain);
}

/* Architecture 3 has the fields of architecture 1 and one more tensor. */
static void test_restored(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = read_file(MICA_RESTORED_MODEL, &size);
    MicaStageMac mac;
    more_mac(data, size, &mac);
    assert_float_equal(mac.synthesis, 12 * 4 + 2 * 6 * 4, 1e-6);
    /* A tensor that the architecture does not have is of no use, but no harm either. */
    data[10] = 1;
    assert_int_equal(load_resealed(data, size), MICA_OK);
    data[10] = 3;
    uint8_t *name = find(data, size, "restoration");
    assert_non_null(name);
    name[0] = 'R';
    assert_int_equal(load_resealed(data, size), MICA_ERROR_MODEL_CORRUPT);
    free(data);
}

/* Architecture 4 says which parts there are in three more fields. */
static void test_combined(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = read_file(MICA_COMPLETE_MODEL, &size);
    MicaStageMac mac;
    more_mac(data, size, &mac);
    const double known = 7 * 32, hidden = 64, out = 2 * 32;
    assert_float_equal(mac.hyper_decoder,
                       (known * out + known * hidden + hidden * hidden + hidden * out) / 4096,
                       1e-6);
    assert_float_equal(mac.synthesis, 12 * 4 + 2 * 6 * 4, 1e-6);

    /* 10: architecture; 26 + 14: the field behind the name "tiny-complete" */
    static const Change changes[] = {
        {10, 5, MICA_ERROR_UNSUPPORTED_VERSION},
        {40, 1, MICA_ERROR_MODEL_CORRUPT}, /* a prediction, beside the filter */
        {42, 0, MICA_OK},                  /* what is too much does no harm */
        {42, 2, MICA_ERROR_MODEL_CORRUPT},
        {44, 0, MICA_OK},
        {44, 63, MICA_ERROR_MODEL_CORRUPT}, /* no multiple of 32 */
        {44, 96, MICA_ERROR_MODEL_CORRUPT},
        {45, 3, MICA_ERROR_MODEL_CORRUPT}}; /* 832 channels */
    check_changes(data, size, changes, sizeof changes / sizeof *changes);
    static const char *const names[] = {"hyper_context.linear.bias", "hyper_context.enter.weight",
                                        "hyper_context.hidden.shift", "hyper_context.leave.weight"};
    check_needed(data, size, names, sizeof names / sizeof *names);
    free(data);
}

/* Architecture 2 has one more field, and its stem sees two pictures. */
static void test_architectures(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = read_file(MICA_PREDICTED_MODEL, &size);
    MicaModel *model = NULL, *plain = NULL;
    MicaModelInfo info, other;
    MicaStageMac mac;
    assert_int_equal(mica_model_load(&model, data, size, NULL), MICA_OK);
    assert_int_equal(mica_model_load(&plain, model_data, model_size, NULL), MICA_OK);
    mica_model_info(model, &info);
    mica_model_info(plain, &other);
    assert_int_equal(info.condition, 2);
    assert_int_equal(other.condition, 0);
    mica_model_unref(&model);
    mica_model_unref(&plain);
    more_mac(data, size, &mac);
    const double c = 32, p = 32, block = 6 * c * c + 9 * c;
    assert_float_equal(mac.analysis, 192 * c / 64, 1e-6);
    assert_float_equal(mac.hyper_decoder, (192 * c + 2 * block) / 64 + 4 * c * p / 256, 1e-6);
    assert_float_equal(mac.synthesis, c * c / 64, 1e-6);

    /* 10: architecture; 27 + 14: the field behind the name "tiny-predicted" */
    static const Change changes[] = {
        {10, 0, MICA_ERROR_MODEL_CORRUPT}, {10, 1, MICA_ERROR_MODEL_CORRUPT},
        {10, 3, MICA_ERROR_MODEL_CORRUPT}, {10, 5, MICA_ERROR_UNSUPPORTED_VERSION},
        {41, 0, MICA_ERROR_MODEL_CORRUPT}, {41, 1, MICA_OK}, /* what is too much does no harm */
        {41, 3, MICA_ERROR_MODEL_CORRUPT}, {41, 17, MICA_ERROR_MODEL_CORRUPT}};
    check_changes(data, size, changes, sizeof changes / sizeof *changes);
    static const char *const names[] = {"condition_enter.bias", "condition.1.dw.weight",
                                        "condition_prior.shift", "condition_synthesis.weight",
                                        "condition_gain"};
    check_needed(data, size, names, sizeof names / sizeof *names);
    uint8_t *copy = malloc(model_size);
    memcpy(copy, model_data, model_size);
    copy[10] = 2;
    assert_int_equal(load_resealed(copy, model_size), MICA_ERROR_MODEL_CORRUPT);
    free(copy);
    free(data);
}

static void test_missing_tensor(void **state)
{
    (void)state;
    uint8_t *copy = malloc(model_size);
    memcpy(copy, model_data, model_size);
    uint8_t *name = find(copy, model_size, "from_latent.weight");
    assert_non_null(name);
    name[0] = 'F';
    assert_int_equal(load_resealed(copy, model_size), MICA_ERROR_MODEL_CORRUPT);
    free(copy);
}

/* Where the coding of a tensor's values stands in the tensor table: behind name, type, number of
 * dimensions and one dimension. */
static uint8_t *code_of(uint8_t *data, size_t size, const char *name)
{
    uint8_t *at = find(data, size, name);
    assert_non_null(at);
    return at + strlen(name) + 6;
}

/* Biases near 2^31 could overflow an accumulator: the loader must prove that none does. */
static void test_overflowing_bias(void **state)
{
    (void)state;
    uint8_t *copy = malloc(model_size);
    memcpy(copy, model_data, model_size);
    memcpy(code_of(copy, model_size, "stem.bias") + 6, "\0\0\xf0\x7f", 4);
    mica_sha256(copy, model_size - 32, copy + model_size - 32);
    MicaModel *model = NULL;
    MicaError error = {0};
    assert_int_equal(mica_model_load(&model, copy, model_size, &error), MICA_ERROR_MODEL_CORRUPT);
    assert_non_null(strstr(error.text, "overflow"));
    free(copy);
}

/* Values outside their type, parameters outside their range, and a segment that ends elsewhere. */
static void test_damaged_values(void **state)
{
    (void)state;
    static const struct {
        const char *tensor;
        int field;
        uint8_t value;
    } changes[] = {
        {"stem.shift", 0, 16}, /* shape */
        {"stem.shift", 1, 3},  /* order */
        {"stem.shift", 2, 3},  /* low bytes */
        {"stem.shift", 2, 2},  /* shifts everything behind */
        {"stem.shift", 3, 64}, /* scale index */
        {"stem.shift", 4, 64}, /* of the rows */
        {"stem.shift", 5, 64}, /* of the columns */
        {"stem.shift", 5, 7},  /* columns that are not there */
        {"stem.shift", 8, 1},  /* shifts of 65536 */
        {"y_shape", 6, 250},   /* shapes that do not exist */
        {"y_table_shape", 6, 16}, {"y_table_scale", 6, 64},
        {"stem.bias", 0, 15},   /* another distribution */
        {"stem.bias", 9, 0x7f}, /* beyond 32 bits, or an overflow */
    };
    uint8_t *copy = malloc(model_size);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        memcpy(copy, model_data, model_size);
        code_of(copy, model_size, changes[i].tensor)[changes[i].field] = changes[i].value;
        assert_int_equal(load_resealed(copy, model_size), MICA_ERROR_MODEL_CORRUPT);
    }
    for (size_t at = model_size - 33; at > model_size / 2; at -= 499) {
        memcpy(copy, model_data, model_size);
        copy[at] ^= 4;
        assert_int_equal(load_resealed(copy, model_size), MICA_ERROR_MODEL_CORRUPT);
    }
    free(copy);
}

/* Zeros cost next to nothing: a file must not ask for much more memory than it has bytes. */
static void test_expansion(void **state)
{
    (void)state;
    uint8_t *copy = malloc(model_size);
    memcpy(copy, model_data, model_size);
    uint8_t *dimension = code_of(copy, model_size, "stem.bias") - 4;
    memcpy(dimension, "\0\0\xff\0", 4);
    assert_int_equal(load_resealed(copy, model_size), MICA_ERROR_MODEL_CORRUPT);
    memcpy(dimension, "\xff\xff\xff\xff", 4);
    assert_int_equal(load_resealed(copy, model_size), MICA_ERROR_MODEL_CORRUPT);
    free(copy);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    for (size_t n = 1; n < 100; n++) {
        mica_alloc_fail_after(n);
        MicaModel *model = NULL;
        const MicaStatus status = mica_model_load(&model, model_data, model_size, NULL);
        mica_alloc_fail_after(0);
        if (status == MICA_OK) {
            mica_model_unref(&model);
            assert_true(n > 3);
            return;
        }
        assert_int_equal(status, MICA_ERROR_OUT_OF_MEMORY);
        assert_null(model);
    }
    fail();
}

/* The built-in models are loaded without computing their checksum, so it is computed here. */
static void test_builtin_checksum(void **state)
{
    (void)state;
    FILE *f = fopen(MICA_S_MODEL, "rb");
    assert_non_null(f);
    const size_t room = 16 << 20;
    uint8_t *data = malloc(room);
    const size_t size = fread(data, 1, room, f);
    fclose(f);
    MicaModel *model = NULL, *builtin = NULL;
    assert_int_equal(mica_model_load(&model, data, size, NULL), MICA_OK);
    assert_int_equal(mica_model_builtin(&builtin, "S", NULL), MICA_OK);
    MicaModelInfo a, b;
    mica_model_info(model, &a);
    mica_model_info(builtin, &b);
    assert_memory_equal(a.id, b.id, sizeof a.id);
    assert_int_equal(a.file_size, b.file_size);
    mica_model_unref(&model);
    mica_model_unref(&builtin);
    free(data);
}

/* Bytes that load without their checksum are refused when it is asked for. */
static void test_verify(void **state)
{
    (void)state;
    MicaModel *model = NULL;
    MicaError error = {0};
    assert_int_equal(mica_model_verify(NULL, NULL), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_model_builtin(&model, "S", NULL), MICA_OK);
    assert_int_equal(mica_model_verify(model, &error), MICA_OK);
    mica_model_unref(&model);

    uint8_t *copy = malloc(model_size);
    memcpy(copy, model_data, model_size);
    assert_int_equal(mica_model_load(&model, copy, model_size, NULL), MICA_OK);
    assert_int_equal(mica_model_verify(model, &error), MICA_OK);
    mica_model_unref(&model);

    copy[model_size - 1] ^= 1; /* the digest: nothing else reads its last byte */
    assert_int_equal(mica_model_load_trusted(&model, copy, model_size, NULL), MICA_OK);
    assert_int_equal(mica_model_verify(model, &error), MICA_ERROR_MODEL_CORRUPT);
    assert_non_null(strstr(error.text, "checksum"));
    mica_model_unref(&model);
    free(copy);
}

static void test_builtin(void **state)
{
    (void)state;
    MicaModel *s = NULL, *again = NULL;
    assert_int_equal(mica_model_builtin(&s, "S", NULL), MICA_OK);
    MicaModelInfo info;
    mica_model_info(s, &info);
    assert_int_equal(mica_model_builtin_by_id(&again, info.id, NULL), MICA_OK);
    mica_model_unref(&s);
    mica_model_unref(&again);
    MicaError error = {0};
    assert_int_equal(mica_model_builtin(&s, "nothing", &error), MICA_ERROR_MODEL_MISSING);
    info.id[0] ^= 1;
    assert_int_equal(mica_model_builtin_by_id(&s, info.id, &error), MICA_ERROR_MODEL_MISSING);
    assert_null(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_flipped),
        cmocka_unit_test(test_hostile_header),
        cmocka_unit_test(test_newer_version),
        cmocka_unit_test(test_architectures),
        cmocka_unit_test(test_restored),
        cmocka_unit_test(test_combined),
        cmocka_unit_test(test_missing_tensor),
        cmocka_unit_test(test_overflowing_bias),
        cmocka_unit_test(test_damaged_values),
        cmocka_unit_test(test_expansion),
        cmocka_unit_test(test_allocation_failures),
        cmocka_unit_test(test_builtin_checksum),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_builtin),
    };
    return cmocka_run_group_tests(tests, read_model, free_model);
}
