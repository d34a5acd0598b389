/* Byte reader and writer: values, ends, varints, growth, failed allocations. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/bytes.h"
#include "codec/base/mem.h"

static void test_round_trip(void **state)
{
    (void)state;
    MicaWriter w = {0};
    mica_write8(&w, 0x1ff);
    mica_write16(&w, 0xbeef);
    mica_write32(&w, 0xdeadbeef);
    mica_write64(&w, 0x0123456789abcdefu);
    mica_write_bytes(&w, "mica", 4);
    mica_write_bytes(&w, NULL, 0);
    assert_false(w.failed);
    assert_int_equal(w.size, 1 + 2 + 4 + 8 + 4);
    assert_memory_equal(w.data, "\xff\xef\xbe\xef\xbe\xad\xde\xef\xcd\xab\x89\x67\x45\x23\x01mica",
                        19);

    MicaReader r = mica_reader(w.data, w.size);
    assert_int_equal(mica_read8(&r), 0xff);
    assert_int_equal(mica_read16(&r), 0xbeef);
    assert_int_equal(mica_read32(&r), 0xdeadbeef);
    assert_true(mica_read64(&r) == 0x0123456789abcdefu);
    assert_int_equal(mica_reader_left(&r), 4);
    const uint8_t *const text = mica_read_bytes(&r, 4);
    assert_non_null(text);
    assert_memory_equal(text, "mica", 4);
    assert_non_null(mica_read_bytes(&r, 0));
    assert_false(r.failed);
    assert_int_equal(mica_reader_left(&r), 0);
    mica_writer_free(&w);
    assert_null(w.data);
    assert_int_equal(w.size, 0);
    mica_writer_free(&w);
}

static void test_past_the_end(void **state)
{
    (void)state;
    static const uint8_t data[7] = {1, 2, 3, 4, 5, 6, 7};
    MicaReader r = mica_reader(data, sizeof(data));
    assert_int_equal(mica_read32(&r), 0x04030201);
    assert_int_equal(mica_read32(&r), 0);
    assert_true(r.failed);
    /* A failure sticks, though bytes were left for this one. */
    assert_int_equal(mica_read8(&r), 0);
    assert_int_equal(mica_reader_left(&r), 0);
    assert_null(mica_read_bytes(&r, 0));

    r = mica_reader(data, sizeof(data));
    assert_null(mica_read_bytes(&r, SIZE_MAX));
    assert_true(r.failed);
    r = mica_reader(data, sizeof(data));
    assert_true(mica_read64(&r) == 0);
    assert_true(r.failed);
    r = mica_reader(data, 1);
    assert_int_equal(mica_read16(&r), 0);
    assert_true(r.failed);

    r = mica_reader(NULL, 0);
    assert_false(r.failed);
    assert_non_null(mica_read_bytes(&r, 0));
    assert_int_equal(mica_read8(&r), 0);
    assert_true(r.failed);
    r = mica_reader(NULL, 5);
    assert_int_equal(mica_read8(&r), 0);
    assert_true(r.failed);
}

static void test_varint(void **state)
{
    (void)state;
    static const struct {
        uint32_t value;
        size_t size;
    } cases[] = {{0, 1},         {1, 1},         {127, 1},       {128, 2},
                 {16383, 2},     {16384, 3},     {2097151, 3},   {2097152, 4},
                 {268435455, 4}, {268435456, 5}, {INT32_MAX, 5}, {UINT32_MAX, 5}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        MicaWriter w = {0};
        mica_write_varint(&w, cases[i].value);
        assert_int_equal(w.size, cases[i].size);
        MicaReader r = mica_reader(w.data, w.size);
        assert_int_equal(mica_read_varint(&r), cases[i].value);
        assert_false(r.failed);
        assert_int_equal(mica_reader_left(&r), 0);
        r = mica_reader(w.data, w.size - 1);
        assert_int_equal(mica_read_varint(&r), 0);
        assert_true(r.failed);
        mica_writer_free(&w);
    }

    static const struct {
        size_t size;
        uint8_t data[6];
    } bad[] = {
        {2, {0x80, 0x00}},                         /* 0 in two bytes */
        {3, {0xff, 0x80, 0x00}},                   /* 127 in three */
        {5, {0xff, 0xff, 0xff, 0xff, 0x10}},       /* 33 bits */
        {5, {0x80, 0x80, 0x80, 0x80, 0x80}},       /* no end */
        {6, {0x81, 0x80, 0x80, 0x80, 0x81, 0x01}}, /* six bytes */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        MicaReader r = mica_reader(bad[i].data, bad[i].size);
        assert_int_equal(mica_read_varint(&r), 0);
        assert_true(r.failed);
    }
}

static void test_growth(void **state)
{
    (void)state;
    MicaWriter w = {0};
    for (uint32_t i = 0; i < 100000; i++)
        mica_write8(&w, i * 7);
    uint8_t block[5000];
    memset(block, 0x5a, sizeof(block));
    mica_write_bytes(&w, block, sizeof(block));
    assert_false(w.failed);
    assert_int_equal(w.size, 105000);
    assert_true(w.capacity >= w.size);
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(w.data[i], (uint8_t)(i * 7));
    assert_memory_equal(w.data + 100000, block, sizeof(block));
    mica_writer_free(&w);
}

static void test_failed_allocation(void **state)
{
    (void)state;
    MicaWriter w = {0};
    mica_alloc_fail_after(1);
    mica_write32(&w, 1);
    assert_true(w.failed);
    assert_int_equal(w.size, 0);
    mica_write32(&w, 1);
    assert_int_equal(w.size, 0);
    mica_writer_free(&w);
    assert_false(w.failed);

    mica_write8(&w, 1);
    const size_t capacity = w.capacity;
    for (size_t i = 1; i < capacity; i++)
        mica_write8(&w, 2);
    assert_false(w.failed);
    mica_alloc_fail_after(1);
    mica_write8(&w, 3);
    assert_true(w.failed);
    /* What was written before is still there. */
    assert_int_equal(w.size, capacity);
    assert_int_equal(w.data[0], 1);
    mica_write_bytes(&w, "x", 1);
    assert_int_equal(w.size, capacity);
    mica_writer_free(&w);

    static const uint8_t byte = 0;
    mica_write8(&w, 1);
    mica_write_bytes(&w, &byte, SIZE_MAX - 16);
    assert_true(w.failed);
    mica_writer_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_past_the_end),
        cmocka_unit_test(test_varint),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
