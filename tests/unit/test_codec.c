/* The one-shot API: round trips of all small sizes, settings, damage, limits, lack of memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/crc32c.h"
#include "codec/base/mem.h"
#include "mica/mica.h"
#include "tests/unit/model.h"

static MicaModel *tiny;

static int load_tiny(void **state)
{
    (void)state;
    tiny = load_model(MICA_TINY_MODEL);
    return 0;
}

static int unload_tiny(void **state)
{
    (void)state;
    mica_model_unref(&tiny);
    return 0;
}

static MicaImage picture(int width, int height, int channels)
{
    MicaImage image;
    assert_int_equal(mica_image_alloc(&image, width, height, channels), MICA_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++)
                image.data[y * image.stride + x * channels + c] =
                    (uint8_t)(128 + 100 * sin(x * 0.13 + c) * cos(y * 0.07) + (x ^ y) % 9);
    return image;
}

static double psnr(const MicaImage *a, const MicaImage *b)
{
    double sum = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width * a->channels; x++) {
            const double d = a->data[y * a->stride + x] - b->data[y * b->stride + x];
            sum += d * d;
        }
    return 10 * log10(65025.0 * a->width * a->height * a->channels / (sum + 1e-9));
}

static MicaBuffer encode(const MicaImage *image, const MicaModel *model, double quality)
{
    MicaEncodeSettings s;
    mica_encode_defaults(&s, sizeof s);
    s.quality = quality;
    s.model = model;
    s.threads = 2;
    MicaBuffer out;
    MicaError error = {0};
    const MicaStatus status = mica_image_encode(image, &s, &out, &error);
    if (status != MICA_OK)
        print_error("%s\n", error.text);
    assert_int_equal(status, MICA_OK);
    return out;
}

/* From an exact-size copy, so that reads past the end are seen by the sanitizers. */
static MicaStatus decode(const uint8_t *data, size_t size, const MicaModel *model, MicaImage *image)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (size)
        memcpy(copy, data, size);
    MicaDecodeSettings s;
    mica_decode_defaults(&s, sizeof s);
    s.model = model;
    s.threads = 1;
    MicaError error = {0};
    const MicaStatus status = mica_image_decode(copy, size, &s, image, &error);
    free(copy);
    if (status != MICA_OK) {
        assert_null(image->data);
        assert_int_equal(error.status, status);
        assert_true(error.text[0] != 0);
        assert_null(strchr(error.text, '\n'));
    }
    return status;
}

static void test_trained_round_trip(void **state)
{
    (void)state;
    static const int sizes[][3] = {{1, 1, 3}, {1, 1, 1}, {16, 17, 3}, {130, 67, 3}, {67, 130, 1}};
    static const double floor_db[] = {20, 26, 32}; /* at quality 0, 50, 100 */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        MicaImage a = picture(sizes[i][0], sizes[i][1], sizes[i][2]), b;
        double last = 0;
        for (int q = 0; q < 3; q++) {
            MicaBuffer coded = encode(&a, NULL, q * 50);
            assert_int_equal(decode(coded.data, coded.size, NULL, &b), MICA_OK);
            assert_int_equal(b.width, a.width);
            assert_int_equal(b.height, a.height);
            assert_int_equal(b.channels, a.channels);
            const double v = psnr(&a, &b);
            if (v < floor_db[q])
                print_error("%dx%dx%d at %d: %.2f dB\n", a.width, a.height, a.channels, q * 50, v);
            assert_true(v >= floor_db[q]);
            if (a.width > 16)
                assert_true(v > last);
            last = v;
            mica_buffer_free(&coded);
            mica_image_free(&b);
        }
        mica_image_free(&a);
    }
}

static void test_all_small_sizes(void **state)
{
    (void)state;
    for (int width = 1; width < 80; width += 3)
        for (int height = 1; height < 80; height += 13) {
            MicaImage a = picture(width, height, 3), b;
            MicaBuffer coded = encode(&a, tiny, 40);
            assert_int_equal(decode(coded.data, coded.size, tiny, &b), MICA_OK);
            assert_int_equal(b.width, width);
            assert_int_equal(b.height, height);
            mica_buffer_free(&coded);
            mica_image_free(&a);
            mica_image_free(&b);
        }
}

static void test_damage(void **state)
{
    (void)state;
    MicaImage a = picture(150, 100, 3), b;
    MicaBuffer coded = encode(&a, tiny, 30);
    for (size_t size = 0; size < coded.size; size += size < 200 ? 1 : 61)
        assert_int_not_equal(decode(coded.data, size, tiny, &b), MICA_OK);
    for (size_t i = 0; i < coded.size; i += i < 200 ? 1 : 53)
        for (int bit = 0; bit < 8; bit++) {
            coded.data[i] ^= (uint8_t)(1 << bit);
            assert_int_not_equal(decode(coded.data, coded.size, tiny, &b), MICA_OK);
            coded.data[i] ^= (uint8_t)(1 << bit);
        }
    mica_buffer_free(&coded);
    mica_image_free(&a);
}

/* Bytes of a section changed and its checksum made right again: the coder's own checks must hold
 * the line. */
static void test_damage_behind_checksum(void **state)
{
    (void)state;
    MicaImage a = picture(150, 100, 3), b;
    MicaBuffer coded = encode(&a, tiny, 60);
    MicaStreamInfo info;
    assert_int_equal(mica_stream_info(coded.data, coded.size, &info, NULL), MICA_OK);
    assert_int_equal(info.section_count, 3);
    unsigned seed = 1, refused = 0, tries = 0;
    for (int s = 0; s < 3; s++)
        for (int n = 0; n < 150; n++, tries++) {
            uint8_t *copy = malloc(coded.size);
            memcpy(copy, coded.data, coded.size);
            uint8_t *payload = copy + info.sections[s].offset;
            const size_t size = info.sections[s].size;
            seed = seed * 1664525 + 1013904223;
            payload[(seed >> 8) % size] ^= (uint8_t)(1 << (seed >> 29));
            const uint8_t type = (uint8_t)(s + 1);
            const uint32_t crc = mica_crc32c(mica_crc32c(0, &type, 1), payload, size);
            for (int i = 0; i < 4; i++)
                payload[size + (size_t)i] = (uint8_t)(crc >> (8 * i));
            if (decode(copy, coded.size, tiny, &b) == MICA_OK)
                mica_image_free(&b);
            else
                refused++;
            free(copy);
        }
    /* Some changes make another valid stream: the quality, bypass bits of escapes. Most
     * desynchronise the coder. */
    if (refused * 2 <= tries)
        print_error("only %u of %u refused\n", refused, tries);
    assert_true(refused * 2 > tries);
    mica_buffer_free(&coded);
    mica_image_free(&a);
}

static void test_arguments(void **state)
{
    (void)state;
    MicaImage a = picture(20, 20, 3), b;
    MicaBuffer out;
    MicaEncodeSettings e;
    mica_encode_defaults(&e, sizeof e);
    assert_int_equal(mica_image_encode(NULL, &e, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_image_encode(&a, &e, NULL, NULL), MICA_ERROR_INVALID_ARGUMENT);
    const double bad[] = {-1, 100.5, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        e.quality = bad[i];
        assert_int_equal(mica_image_encode(&a, &e, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
    }
    mica_encode_defaults(&e, sizeof e);
    e.threads = -1;
    assert_int_equal(mica_image_encode(&a, &e, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
    mica_encode_defaults(&e, sizeof e);
    e.struct_size = 0;
    assert_int_equal(mica_image_encode(&a, &e, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
    MicaImage odd = a;
    odd.channels = 5;
    assert_int_equal(mica_image_encode(&odd, NULL, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
    assert_null(out.data);

    MicaBuffer coded = encode(&a, tiny, 50);
    /* The stream names its model: neither the built-in one nor another may decode it. */
    assert_int_equal(decode(coded.data, coded.size, NULL, &b), MICA_ERROR_MODEL_MISSING);
    MicaModel *s = NULL;
    assert_int_equal(mica_model_builtin(&s, "S", NULL), MICA_OK);
    assert_int_equal(decode(coded.data, coded.size, s, &b), MICA_ERROR_MODEL_MISMATCH);
    mica_model_unref(&s);
    MicaDecodeSettings d;
    mica_decode_defaults(&d, sizeof d);
    d.model = tiny;
    d.max_pixels = 399;
    assert_int_equal(mica_image_decode(coded.data, coded.size, &d, &b, NULL), MICA_ERROR_LIMIT);
    d.max_pixels = 400;
    assert_int_equal(mica_image_decode(coded.data, coded.size, &d, &b, NULL), MICA_OK);
    mica_image_free(&b);
    assert_int_equal(mica_image_decode(NULL, 0, &d, &b, NULL), MICA_ERROR_BITSTREAM);
    /* A newer format says so. */
    coded.data[4] = 1;
    assert_int_equal(decode(coded.data, coded.size, tiny, &b), MICA_ERROR_UNSUPPORTED_VERSION);
    mica_buffer_free(&coded);
    mica_image_free(&a);
}

/* Quality in steps of 0.1 reaches distinct streams, and the header tells it again. */
static void test_quality(void **state)
{
    (void)state;
    MicaImage a = picture(64, 64, 3);
    for (int i = 0; i <= 20; i++) {
        MicaBuffer coded = encode(&a, tiny, i * 5);
        MicaStreamInfo info;
        assert_int_equal(mica_stream_info(coded.data, coded.size, &info, NULL), MICA_OK);
        assert_true(fabs(info.quality - i * 5) < 0.05);
        assert_int_equal(info.width, 64);
        mica_buffer_free(&coded);
    }
    mica_image_free(&a);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    MicaImage a = picture(70, 40, 3), b;
    MicaEncodeSettings e;
    mica_encode_defaults(&e, sizeof e);
    e.model = tiny;
    e.threads = 1;
    MicaBuffer coded = {0};
    int done = 0;
    for (size_t n = 1; n < 300 && !done; n++) {
        mica_alloc_fail_after(n);
        const MicaStatus status = mica_image_encode(&a, &e, &coded, NULL);
        mica_alloc_fail_after(0);
        done = status == MICA_OK;
        assert_true(done || status == MICA_ERROR_OUT_OF_MEMORY);
        assert_true(done || !coded.data);
    }
    assert_true(done);
    MicaDecodeSettings d;
    mica_decode_defaults(&d, sizeof d);
    d.model = tiny;
    d.threads = 1;
    done = 0;
    for (size_t n = 1; n < 300 && !done; n++) {
        mica_alloc_fail_after(n);
        const MicaStatus status = mica_image_decode(coded.data, coded.size, &d, &b, NULL);
        mica_alloc_fail_after(0);
        done = status == MICA_OK;
        assert_true(done || status == MICA_ERROR_OUT_OF_MEMORY);
        assert_true(done || !b.data);
    }
    assert_true(done);
    mica_image_free(&b);
    mica_buffer_free(&coded);
    mica_image_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trained_round_trip),
        cmocka_unit_test(test_all_small_sizes),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_damage_behind_checksum),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_quality),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, load_tiny, unload_tiny);
}
