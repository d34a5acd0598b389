/* What a picture has beside 8-bit colours: alpha, 16 bits, colour description, metadata. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/mem.h"
#include "mica/mica.h"
#include "tests/unit/picture.h"

static unsigned sample(const MicaImage *image, int x, int y, int c)
{
    const uint8_t *row = image->data + y * image->stride;
    const int i = x * image->channels + c;
    return image->depth == 16 ? ((const uint16_t *)(const void *)row)[i] : row[i];
}

static double wave(int x, int y, int c)
{
    return 0.5 + 0.4 * sin(x * 0.05 + c) * cos(y * 0.03);
}

static MicaImage picture(int width, int height, int channels, int depth)
{
    return picture_of(width, height, channels, depth, wave);
}

static double psnr(const MicaImage *a, const MicaImage *b)
{
    const double peak_a = a->depth == 16 ? 65535 : 255, peak_b = b->depth == 16 ? 65535 : 255;
    const int colours = a->channels < 3 ? 1 : 3;
    double sum = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++)
            for (int c = 0; c < colours; c++) {
                const double d = sample(a, x, y, c) / peak_a - sample(b, x, y, c) / peak_b;
                sum += d * d;
            }
    return -10 * log10(sum / ((double)a->width * a->height * colours) + 1e-12);
}

static MicaBuffer encode(const MicaImage *image)
{
    MicaBuffer out;
    MicaError error = {0};
    MicaEncodeSettings s;
    mica_encode_defaults(&s, sizeof s);
    s.quality = 90;
    s.threads = 1;
    const MicaStatus status = mica_image_encode(image, &s, &out, &error);
    if (status != MICA_OK)
        print_error("%s\n", error.text);
    assert_int_equal(status, MICA_OK);
    return out;
}

static MicaImage decode(const MicaBuffer *coded, int depth)
{
    MicaImage image;
    MicaDecodeSettings s;
    mica_decode_defaults(&s, sizeof s);
    s.depth = depth;
    s.threads = 1;
    assert_int_equal(mica_image_decode(coded->data, coded->size, &s, &image, NULL), MICA_OK);
    return image;
}

static void test_kinds(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 4; channels++)
        for (int depth = 8; depth <= 16; depth += 8) {
            MicaImage a = picture(70, 45, channels, depth);
            MicaBuffer coded = encode(&a);
            MicaStreamInfo info;
            assert_int_equal(mica_stream_info(coded.data, coded.size, &info, NULL), MICA_OK);
            assert_int_equal(info.channels, channels);
            assert_int_equal(info.depth, depth);
            MicaImage b = decode(&coded, 0);
            assert_int_equal(b.channels, channels);
            assert_int_equal(b.depth, depth);
            assert_true(psnr(&a, &b) > 35);
            MicaImage other = decode(&coded, 24 - depth);
            assert_int_equal(other.depth, 24 - depth);
            const unsigned most = depth == 16 ? 65535 : 255;
            for (int y = 0; y < 45; y++)
                for (int x = 0; x < 70; x++) {
                    if (channels % 2 == 0)
                        assert_int_equal(sample(&a, x, y, channels - 1),
                                         sample(&b, x, y, channels - 1));
                    /* Both are roundings of the same value; gray rounds twice. */
                    for (int c = 0; c < channels; c++)
                        assert_true(fabs((double)sample(&b, x, y, c) / most -
                                         (double)sample(&other, x, y, c) / (65790 - most)) <
                                    1.2 / 255);
                }
            mica_buffer_free(&coded);
            mica_image_free(&a);
            mica_image_free(&b);
            mica_image_free(&other);
        }
}

/* Slow ramps have more levels than 8 bits can hold, and 16-bit output shows them. */
static void test_precision(void **state)
{
    (void)state;
    MicaImage a;
    assert_int_equal(mica_image_alloc_depth(&a, 256, 64, 1, 16), MICA_OK);
    for (int y = 0; y < 64; y++)
        for (int x = 0; x < 256; x++)
            ((uint16_t *)(void *)(a.data + y * a.stride))[x] = (uint16_t)(30000 + 8 * x);
    MicaBuffer coded = encode(&a);
    MicaImage wide = decode(&coded, 16), narrow = decode(&coded, 8);
    unsigned levels = 0;
    for (int x = 1; x < 256; x++)
        levels += sample(&wide, x, 32, 0) != sample(&wide, x - 1, 32, 0);
    assert_true(levels > 40);
    assert_true(psnr(&a, &wide) > psnr(&a, &narrow));
    mica_buffer_free(&coded);
    mica_image_free(&a);
    mica_image_free(&wide);
    mica_image_free(&narrow);
}

static MicaImage full_picture(void)
{
    MicaImage a = picture(20, 30, 4, 8);
    a.premultiplied = 1;
    a.colour = (MicaColour){.described = 1, .primaries = 12, .transfer = 13, .full_range = 1};
    assert_int_equal(mica_buffer_copy(&a.icc, "profile\0with zero", 17), MICA_OK);
    assert_int_equal(mica_buffer_copy(&a.exif, "II*\0", 4), MICA_OK);
    assert_int_equal(mica_buffer_copy(&a.xmp, "<x:xmpmeta/>", 12), MICA_OK);
    return a;
}

static void test_metadata(void **state)
{
    (void)state;
    MicaImage a = full_picture();
    MicaBuffer coded = encode(&a);
    MicaStreamInfo info;
    assert_int_equal(mica_stream_info(coded.data, coded.size, &info, NULL), MICA_OK);
    assert_int_equal(info.section_count, 7);
    assert_true(info.premultiplied);
    assert_int_equal(info.colour.primaries, 12);
    MicaImage b = decode(&coded, 0);
    assert_true(b.premultiplied);
    assert_true(b.colour.described);
    assert_int_equal(b.colour.primaries, 12);
    assert_int_equal(b.colour.transfer, 13);
    assert_int_equal(b.colour.full_range, 1);
    assert_int_equal(b.icc.size, 17);
    assert_memory_equal(b.icc.data, a.icc.data, 17);
    assert_int_equal(b.exif.size, 4);
    assert_memory_equal(b.exif.data, a.exif.data, 4);
    assert_int_equal(b.xmp.size, 12);
    assert_memory_equal(b.xmp.data, a.xmp.data, 12);
    mica_image_free(&b);

    /* A second block of the same kind, and an alpha section that is not announced or missing. */
    for (int i = 0; i < info.section_count; i++) {
        const MicaSectionInfo *s = &info.sections[i];
        const size_t start = s->offset - (s->size < 128 ? 2 : s->size < 16384 ? 3 : 4);
        const size_t length = s->offset + s->size + 4 - start;
        uint8_t *copy = mica_alloc(coded.size + length, 1);
        memcpy(copy, coded.data, coded.size);
        memcpy(copy + coded.size, coded.data + start, length);
        assert_int_equal(mica_image_decode(copy, coded.size + length, NULL, &b, NULL),
                         MICA_ERROR_BITSTREAM);
        memcpy(copy, coded.data, start);
        memcpy(copy + start, coded.data + start + length, coded.size - start - length);
        const MicaStatus status = mica_image_decode(copy, coded.size - length, NULL, &b, NULL);
        /* Metadata may be cut out, nothing else. */
        const int optional = coded.data[start] & 0x80;
        assert_int_equal(status, optional ? MICA_OK : MICA_ERROR_BITSTREAM);
        mica_image_free(&b);
        mica_free(copy);
    }
    mica_buffer_free(&coded);
    mica_image_free(&a);
}

static void test_arguments(void **state)
{
    (void)state;
    MicaImage a = picture(8, 8, 4, 16), b = a;
    MicaBuffer out;
    b.depth = 12;
    assert_int_equal(mica_image_encode(&b, NULL, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
    b = a;
    b.data += 1;
    assert_int_equal(mica_image_encode(&b, NULL, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
    b = a;
    b.icc.size = 7;
    assert_int_equal(mica_image_encode(&b, NULL, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
    MicaEncodeSettings e;
    mica_encode_defaults(&e, sizeof e);
    e.alpha_quality = 101;
    assert_int_equal(mica_image_encode(&a, &e, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
    /* As callers of an older version do it: the fields that were there, the rest zero. */
    MicaImage old = {.width = 8, .height = 8, .channels = 3, .stride = 24, .data = a.data};
    assert_int_equal(mica_image_encode(&old, NULL, &out, NULL), MICA_OK);
    MicaDecodeSettings d;
    mica_decode_defaults(&d, sizeof d);
    d.depth = 10;
    assert_int_equal(mica_image_decode(out.data, out.size, &d, &b, NULL),
                     MICA_ERROR_INVALID_ARGUMENT);
    mica_buffer_free(&out);
    assert_int_equal(mica_image_alloc_depth(&b, 8, 8, 3, 10), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_image_alloc(&b, 8, 8, 5), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_buffer_copy(NULL, "", 0), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_buffer_copy(&b.icc, NULL, 1), MICA_ERROR_INVALID_ARGUMENT);
    mica_image_free(&a);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    MicaImage a = full_picture(), b;
    MicaBuffer coded = encode(&a);
    MicaDecodeSettings d;
    mica_decode_defaults(&d, sizeof d);
    d.threads = 1;
    int done = 0;
    for (size_t n = 1; n < 400 && !done; n++) {
        mica_alloc_fail_after(n);
        const MicaStatus status = mica_image_decode(coded.data, coded.size, &d, &b, NULL);
        mica_alloc_fail_after(0);
        done = status == MICA_OK;
        assert_true(done || status == MICA_ERROR_OUT_OF_MEMORY);
        assert_true(done || (!b.data && !b.icc.data));
    }
    assert_true(done);
    mica_image_free(&b);
    mica_buffer_free(&coded);
    mica_image_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_precision),
        cmocka_unit_test(test_metadata),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
