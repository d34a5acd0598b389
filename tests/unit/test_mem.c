/* Allocation: overflow, alignment, padding, injected failure; and the picture and error helpers
 * built on it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/mem.h"
#include "mica/mica.h"

static void test_overflow(void **state)
{
    (void)state;
    assert_null(mica_alloc(SIZE_MAX, 1));
    assert_null(mica_alloc(1, SIZE_MAX));
    assert_null(mica_alloc(SIZE_MAX, SIZE_MAX));
    assert_null(mica_alloc(SIZE_MAX / 2, 1));
    assert_null(mica_alloc(SIZE_MAX / 2 - MICA_PADDING, 1));
    assert_null(mica_alloc(SIZE_MAX / 8 + 1, 8));
    /* The product wraps around to 0 and to a small number. */
    assert_null(mica_alloc((size_t)1 << (sizeof(size_t) * 4), (size_t)1 << (sizeof(size_t) * 4)));
    assert_null(mica_alloc(SIZE_MAX / 4 + 2, 4));
    assert_null(mica_alloc_zero(SIZE_MAX / 4 + 2, 4));
}

static void test_alignment_and_padding(void **state)
{
    (void)state;
    for (size_t size = 0; size < 300; size++) {
        uint8_t *const p = mica_alloc(size, 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % MICA_ALIGNMENT, 0);
        memset(p, 0xa5, size + MICA_PADDING);
        mica_free(p);

        uint8_t *const zero = mica_alloc_zero(1, size);
        assert_non_null(zero);
        assert_int_equal((uintptr_t)zero % MICA_ALIGNMENT, 0);
        for (size_t i = 0; i < size + MICA_PADDING; i++)
            assert_int_equal(zero[i], 0);
        mica_free(zero);
    }
    void *const none = mica_alloc(0, SIZE_MAX);
    assert_non_null(none);
    mica_free(none);
    mica_free(NULL);
}

static void test_injected_failure(void **state)
{
    (void)state;
    mica_alloc_fail_after(3);
    for (int i = 1; i <= 5; i++) {
        void *const p = i % 2 ? mica_alloc(10, 10) : mica_alloc_zero(10, 10);
        if (i == 3)
            assert_null(p);
        else
            assert_non_null(p);
        mica_free(p);
    }
    mica_alloc_fail_after(1);
    mica_alloc_fail_after(0);
    void *const p = mica_alloc(1, 1);
    assert_non_null(p);
    mica_free(p);
}

static void test_image(void **state)
{
    (void)state;
    MicaImage image;
    static const int bad[][3] = {{0, 1, 1},     {1, 0, 1}, {-1, 5, 3}, {5, -1, 3}, {65536, 1, 1},
                                 {1, 65536, 1}, {1, 1, 0}, {1, 1, 5},  {1, 1, -1}, {1, 1, -3}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(&image, 0xff, sizeof(image));
        assert_int_equal(mica_image_alloc(&image, bad[i][0], bad[i][1], bad[i][2]),
                         MICA_ERROR_INVALID_ARGUMENT);
        assert_null(image.data);
        mica_image_free(&image);
    }
    assert_int_equal(mica_image_alloc(NULL, 1, 1, 1), MICA_ERROR_INVALID_ARGUMENT);

    assert_int_equal(mica_image_alloc(&image, 7, 13, 3), MICA_OK);
    assert_int_equal(image.width, 7);
    assert_int_equal(image.height, 13);
    assert_int_equal(image.channels, 3);
    assert_true(image.stride >= 21);
    memset(image.data, 1, (size_t)image.stride * 13);
    mica_image_free(&image);
    assert_null(image.data);
    assert_int_equal(image.width, 0);
    mica_image_free(&image);
    mica_image_free(NULL);

    mica_alloc_fail_after(1);
    assert_int_equal(mica_image_alloc(&image, 7, 13, 1), MICA_ERROR_OUT_OF_MEMORY);
    assert_null(image.data);

    MicaBuffer buffer = {mica_alloc(5, 1), 5};
    mica_buffer_free(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.size, 0);
    mica_buffer_free(&buffer);
    mica_buffer_free(NULL);
}

static void test_status_strings(void **state)
{
    (void)state;
    for (int i = 5; i >= -20; i--) {
        const char *const text = mica_status_string((MicaStatus)i);
        assert_non_null(text);
        assert_true(strlen(text) > 3);
        for (int k = 0; k > i && i >= MICA_ERROR_CANCELLED; k--)
            assert_string_not_equal(text, mica_status_string((MicaStatus)k));
    }
    assert_non_null(mica_version());
    assert_true(mica_version()[0] >= '0' && mica_version()[0] <= '9');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overflow),         cmocka_unit_test(test_alignment_and_padding),
        cmocka_unit_test(test_injected_failure), cmocka_unit_test(test_image),
        cmocka_unit_test(test_status_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
