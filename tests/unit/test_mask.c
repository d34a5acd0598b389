/* The mask coder and the alpha section: exact round trips, sizes, damage, lack of memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/alpha.h"
#include "codec/base/mem.h"
#include "entropy/mask_coder.h"

static unsigned seed = 1;

static unsigned draw(unsigned below)
{
    seed = seed * 1664525 + 1013904223;
    return (unsigned)(((uint64_t)seed * below) >> 32);
}

enum { EMPTY, NOISE, BINARY, DISC, GRADIENT, RARE, KINDS };

static int level_of(int kind, int x, int y, int top)
{
    const int dx = x - 40, dy = y - 30, d = dx * dx + dy * dy;
    switch (kind) {
    case NOISE:
        return (int)draw((unsigned)top + 1);
    case BINARY:
        return (x / 7 + y / 5) % 2 ? top : 0;
    case DISC:
        return d < 400 ? top : d > 900 ? 0 : (int)((int64_t)top * (900 - d) / 500);
    case GRADIENT:
        return (int)((int64_t)top * (x % 256) / 255);
    case RARE:
        return draw(500) == 0 ? (int)draw((unsigned)top + 1) : top / 2;
    default:
        return top;
    }
}

static void test_masks(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 40}, {40, 1}, {16, 16}, {17, 33}, {97, 70}};
    static const int tops[] = {1, 2, 15, 255, 65535};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t t = 0; t < sizeof tops / sizeof *tops; t++)
            for (int kind = 0; kind < KINDS; kind++) {
                const int width = sizes[s][0], height = sizes[s][1], top = tops[t];
                MicaMask a, b;
                assert_int_equal(mica_mask_alloc(&a, width, height), MICA_OK);
                assert_int_equal(mica_mask_alloc(&b, width, height), MICA_OK);
                for (int y = 0; y < height; y++)
                    for (int x = 0; x < width; x++)
                        a.level[y * a.stride + x] = (uint16_t)level_of(kind, x, y, top);
                MicaWriter out = {0};
                assert_int_equal(mica_mask_encode(&a, top, &out), MICA_OK);
                assert_int_equal(mica_mask_decode(&b, top, out.data, out.size), MICA_OK);
                for (int y = 0; y < height; y++)
                    assert_memory_equal(a.level + y * a.stride, b.level + y * b.stride,
                                        (size_t)width * 2);
                for (size_t size = 0; size < out.size; size += 1 + out.size / 20)
                    assert_int_equal(mica_mask_decode(&b, top, out.data, size),
                                     MICA_ERROR_BITSTREAM);
                for (int n = 0; n < 20; n++) {
                    const size_t at = draw((unsigned)out.size);
                    out.data[at] ^= (uint8_t)(1 << draw(8));
                    (void)mica_mask_decode(&b, top, out.data, out.size);
                    for (int y = 0; y < height; y++)
                        for (int x = 0; x < width; x++)
                            assert_true(b.level[y * b.stride + x] <= top);
                }
                mica_writer_free(&out);
                mica_mask_free(&a);
                mica_mask_free(&b);
            }
}

static MicaImage picture(int width, int height, int channels, int depth, int kind)
{
    MicaImage image;
    assert_int_equal(mica_image_alloc_depth(&image, width, height, channels, depth), MICA_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width * channels; x++) {
            uint8_t *row = image.data + y * image.stride;
            if (depth == 16)
                ((uint16_t *)(void *)row)[x] = (uint16_t)level_of(kind, x / channels, y, 65535);
            else
                row[x] = (uint8_t)level_of(kind, x / channels, y, 255);
        }
    return image;
}

static uint32_t alpha_at(const MicaImage *image, int x, int y)
{
    const uint8_t *row = image->data + y * image->stride;
    const int i = (x + 1) * image->channels - 1;
    return image->depth == 16 ? ((const uint16_t *)(const void *)row)[i] : row[i];
}

/* Wide and tall ones have several strips. */
static void test_section(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {90, 61}, {9000, 130}, {3, 70}};
    MicaPool *pool;
    assert_int_equal(mica_pool_create(&pool, 2), MICA_OK);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int kind = 0; kind < KINDS; kind++)
            for (int depth = 8; depth <= 16; depth += 8) {
                const int width = sizes[s][0], height = sizes[s][1];
                MicaImage a = picture(width, height, depth == 8 ? 4 : 2, depth, kind);
                MicaImage b = picture(width, height, a.channels, depth, EMPTY);
                MicaWriter out = {0};
                assert_int_equal(mica_alpha_encode(&a, 100, pool, &out), MICA_OK);
                assert_int_equal(mica_alpha_decode(out.data, out.size, width, height, depth, pool,
                                                   &b, 0, 0, NULL),
                                 MICA_OK);
                for (int y = 0; y < height; y++)
                    for (int x = 0; x < width; x++)
                        assert_int_equal(alpha_at(&a, x, y), alpha_at(&b, x, y));
                if (kind == EMPTY)
                    assert_true(out.size < 8);
                /* A part of it, in the other depth. */
                const int w = (width + 1) / 2, h = (height + 1) / 2;
                MicaImage part = picture(w, h, 2, 24 - depth, EMPTY);
                assert_int_equal(mica_alpha_decode(out.data, out.size, width, height, depth, pool,
                                                   &part, width - w, height - h, NULL),
                                 MICA_OK);
                for (int y = 0; y < h; y++)
                    for (int x = 0; x < w; x++) {
                        const uint32_t v = alpha_at(&a, x + width - w, y + height - h);
                        assert_int_equal(alpha_at(&part, x, y),
                                         depth == 8 ? v * 257 : (v * 255 + 32767) / 65535);
                    }
                for (int n = 0; n < 30; n++) {
                    MicaError error;
                    out.data[draw((unsigned)out.size)] ^= (uint8_t)(1 << draw(8));
                    const size_t size = draw((unsigned)out.size + 1);
                    if (mica_alpha_decode(out.data, size, width, height, depth, pool, &b, 0, 0,
                                          &error) != MICA_OK)
                        assert_true(error.text[0] != 0);
                }
                mica_writer_free(&out);
                mica_image_free(&a);
                mica_image_free(&b);
                mica_image_free(&part);
            }
    mica_pool_destroy(&pool);
}

static void test_quality(void **state)
{
    (void)state;
    MicaPool *pool;
    assert_int_equal(mica_pool_create(&pool, 1), MICA_OK);
    MicaImage a = picture(300, 50, 4, 8, GRADIENT), b = picture(300, 50, 4, 8, EMPTY);
    size_t last = 0;
    for (int quality = 0; quality <= 100; quality += 20) {
        MicaWriter out = {0};
        assert_int_equal(mica_alpha_encode(&a, quality, pool, &out), MICA_OK);
        assert_int_equal(mica_alpha_decode(out.data, out.size, 300, 50, 8, pool, &b, 0, 0, NULL),
                         MICA_OK);
        const int levels = quality == 100 ? 256 : 2 + quality * quality * 240 / 9801;
        for (int x = 0; x < 300; x++)
            assert_true(abs((int)alpha_at(&a, x, 7) - (int)alpha_at(&b, x, 7)) <=
                        (quality == 100 ? 0 : 255 / (levels - 1) / 2 + 1));
        assert_int_equal(alpha_at(&b, 0, 0), 0);
        assert_int_equal(alpha_at(&b, 255, 0), 255);
        assert_true(out.size + 100 > last);
        last = out.size;
        mica_writer_free(&out);
    }
    mica_image_free(&a);
    mica_image_free(&b);
    mica_pool_destroy(&pool);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    MicaPool *pool;
    assert_int_equal(mica_pool_create(&pool, 1), MICA_OK);
    MicaImage a = picture(200, 100, 4, 8, NOISE), b = picture(200, 100, 4, 8, EMPTY);
    MicaWriter out = {0};
    int done = 0;
    for (size_t n = 1; n < 60 && !done; n++) {
        mica_writer_free(&out);
        out = (MicaWriter){0};
        mica_alloc_fail_after(n);
        const MicaStatus status = mica_alpha_encode(&a, 100, pool, &out);
        mica_alloc_fail_after(0);
        done = status == MICA_OK;
        assert_true(done || status == MICA_ERROR_OUT_OF_MEMORY);
    }
    assert_true(done);
    done = 0;
    for (size_t n = 1; n < 60 && !done; n++) {
        mica_alloc_fail_after(n);
        const MicaStatus status =
            mica_alpha_decode(out.data, out.size, 200, 100, 8, pool, &b, 0, 0, NULL);
        mica_alloc_fail_after(0);
        done = status == MICA_OK;
        assert_true(done || status == MICA_ERROR_OUT_OF_MEMORY);
    }
    assert_true(done);
    mica_writer_free(&out);
    mica_image_free(&a);
    mica_image_free(&b);
    mica_pool_destroy(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_section),
        cmocka_unit_test(test_quality),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
