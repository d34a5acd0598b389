/* SHA-256 and CRC-32C: published vectors, every length around a block, and splitting. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/crc32c.h"
#include "codec/base/mem.h"
#include "codec/base/sha256.h"

static void check_sha256(const void *data, size_t size, const char *expected)
{
    uint8_t digest[32];
    char text[65];
    mica_sha256(data, size, digest);
    for (int i = 0; i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, expected);
}

static void test_sha256(void **state)
{
    (void)state;
    /* FIPS 180-4 examples. */
    check_sha256("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_sha256(NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_sha256("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    check_sha256("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                 "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                 112, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
    const size_t size = 1000000;
    char *const million = mica_alloc(size, 1);
    assert_non_null(million);
    memset(million, 'a', size);
    check_sha256(million, size, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    mica_free(million);
}

/* The digests of 0, 1, .. 130 bytes, hashed together: every way that the padding can fall. */
static void test_sha256_lengths(void **state)
{
    (void)state;
    static uint8_t digests[131 * 32];
    uint8_t data[130];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    for (size_t n = 0; n <= sizeof(data); n++)
        mica_sha256(data, n, digests + 32 * n);
    check_sha256(digests, sizeof(digests),
                 "e5bbbecd60c3632a3455f465bfd8b079c30ef608d2bcc34227f4e5573029020e");
}

static void test_crc32c(void **state)
{
    (void)state;
    uint8_t data[32];
    assert_int_equal(mica_crc32c(0, "", 0), 0);
    assert_int_equal(mica_crc32c(0, NULL, 0), 0);
    assert_int_equal(mica_crc32c(0, "123456789", 9), 0xe3069283);
    /* RFC 3720, appendix B.4. */
    memset(data, 0, sizeof(data));
    assert_int_equal(mica_crc32c(0, data, sizeof(data)), 0x8a9136aa);
    memset(data, 0xff, sizeof(data));
    assert_int_equal(mica_crc32c(0, data, sizeof(data)), 0x62a8ab43);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    assert_int_equal(mica_crc32c(0, data, sizeof(data)), 0x46dd794e);
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(31 - i);
    assert_int_equal(mica_crc32c(0, data, sizeof(data)), 0x113fdb5c);

    const uint32_t whole = mica_crc32c(0, data, sizeof(data));
    for (size_t n = 0; n <= sizeof(data); n++)
        assert_int_equal(mica_crc32c(mica_crc32c(0, data, n), data + n, sizeof(data) - n), whole);
}

/* Every change of every byte is found where it is, and two changes are not taken for one. */
static void test_crc32c_locate(void **state)
{
    (void)state;
    uint8_t data[60];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * i);
    const uint32_t right = mica_crc32c(7, data, sizeof(data));
    size_t position = 99;
    uint8_t change = 0;
    assert_int_equal(mica_crc32c_locate(0, sizeof(data), &position, &change), 0);
    for (size_t i = 0; i < sizeof(data); i++)
        for (unsigned x = 1; x < 256; x++) {
            data[i] ^= (uint8_t)x;
            const uint32_t wrong = mica_crc32c(7, data, sizeof(data));
            assert_int_equal(mica_crc32c_locate(wrong ^ right, sizeof(data), &position, &change),
                             1);
            assert_int_equal(position, sizeof(data) - 1 - i);
            assert_int_equal(change, x);
            data[(i + 11) % sizeof(data)] ^= 1;
            const uint32_t two = mica_crc32c(7, data, sizeof(data));
            assert_int_equal(mica_crc32c_locate(two ^ right, sizeof(data), &position, &change), 0);
            data[(i + 11) % sizeof(data)] ^= 1;
            data[i] ^= (uint8_t)x;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_sha256_lengths),
        cmocka_unit_test(test_crc32c),
        cmocka_unit_test(test_crc32c_locate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
