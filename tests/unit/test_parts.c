/* Parts of a picture: regions, scales, damaged and cut files, limits, cancelling. */
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
#include "mica/mica.h"
#include "models/model.h"
#include "models/restoration.h"
#include "tests/unit/model.h"

#define WIDTH 230
#define HEIGHT 170
#define SEGMENT 64 /* 4 x 3 of them */

static MicaModel *tiny;
static MicaImage source;
static MicaBuffer plain, progressive;
static int effort = 2;

static MicaBuffer encode(const MicaImage *image, int is_progressive)
{
    MicaEncodeSettings s;
    mica_encode_defaults(&s, sizeof s);
    s.model = tiny;
    s.threads = 2;
    s.segment = SEGMENT;
    s.progressive = is_progressive;
    s.effort = effort;
    MicaBuffer out;
    assert_int_equal(mica_image_encode(image, &s, &out, NULL), MICA_OK);
    return out;
}

static int set_up_model(const char *path)
{
    tiny = load_model(path);
    assert_int_equal(mica_image_alloc(&source, WIDTH, HEIGHT, 4), MICA_OK);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < 4; c++)
                source.data[y * source.stride + x * 4 + c] =
                    (uint8_t)(128 + 100 * sin(x * 0.13 + c) * cos(y * 0.07) + (x ^ y) % 9);
    plain = encode(&source, 0);
    progressive = encode(&source, 1);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_model(MICA_TINY_MODEL);
}

/* With a filter whose weights mean nothing, and which only effort 1 applies all the same. */
static int set_up_complete(void **state)
{
    (void)state;
    effort = 1;
    return set_up_model(MICA_COMPLETE_MODEL);
}

static int tear_down(void **state)
{
    (void)state;
    mica_buffer_free(&plain);
    mica_buffer_free(&progressive);
    mica_image_free(&source);
    mica_model_unref(&tiny);
    return 0;
}

static MicaDecodeSettings settings(int threads)
{
    MicaDecodeSettings s;
    mica_decode_defaults(&s, sizeof s);
    s.model = tiny;
    s.threads = threads;
    return s;
}

/* From an exact-size copy, so that reads past the end are seen by the sanitizers. */
static MicaStatus decode(const uint8_t *data, size_t size, const MicaDecodeSettings *s,
                         MicaImage *image)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    MicaError error = {MICA_OK, ""};
    const MicaStatus status = mica_image_decode(copy, size, s, image, &error);
    free(copy);
    if (status != MICA_OK) {
        assert_null(image->data);
        assert_true(error.text[0] != 0);
        assert_null(strchr(error.text, '\n'));
    }
    return status;
}

static void assert_same(const MicaImage *a, const MicaImage *b, int x, int y)
{
    for (int row = 0; row < a->height; row++)
        assert_memory_equal(a->data + row * a->stride,
                            b->data + (y + row) * b->stride + x * b->channels,
                            (size_t)(a->width * a->channels));
}

static unsigned seed = 1;

static int choose(int count)
{
    seed = seed * 1664525 + 1013904223;
    return (int)((seed >> 8) % (unsigned)count);
}

static void test_region_equals_crop(void **state)
{
    (void)state;
    for (int scale = 1; scale <= 8; scale *= 2) {
        MicaDecodeSettings s = settings(2);
        s.scale = scale;
        s.realism = scale % 3 == 1 ? 50 : 0; /* noise belongs to a place in the picture */
        MicaImage whole, part;
        assert_int_equal(decode(plain.data, plain.size, &s, &whole), MICA_OK);
        assert_int_equal(whole.width, (WIDTH + scale - 1) / scale);
        assert_int_equal(whole.height, (HEIGHT + scale - 1) / scale);
        for (int i = 0; i < 24; i++) {
            s.region.width = 1 + choose(i % 3 ? whole.width : 9);
            s.region.height = 1 + choose(i % 3 ? whole.height : 9);
            /* Every fourth touches a corner. */
            const int x = whole.width - s.region.width, y = whole.height - s.region.height;
            s.region.x = i % 4 ? choose(x + 1) : i % 8 ? x : 0;
            s.region.y = i % 4 ? choose(y + 1) : i % 16 ? y : 0;
            const MicaBuffer *file = i % 2 ? &plain : &progressive;
            s.threads = 1 + i % 3;
            assert_int_equal(decode(file->data, file->size, &s, &part), MICA_OK);
            assert_int_equal(part.width, s.region.width);
            assert_int_equal(part.height, s.region.height);
            assert_same(&part, &whole, s.region.x, s.region.y);
            mica_image_free(&part);
        }
        mica_image_free(&whole);
    }
}

/* Damage elsewhere does not matter to a region; with best_effort that can be seen. */
static void test_region_needs_its_segments_only(void **state)
{
    (void)state;
    MicaDecodeSettings s = settings(1);
    MicaImage whole, part;
    assert_int_equal(decode(plain.data, plain.size, &s, &whole), MICA_OK);
    MicaStreamInfo info;
    assert_int_equal(mica_stream_info(plain.data, plain.size, &info, NULL), MICA_OK);
    uint8_t *copy = malloc(plain.size);
    memcpy(copy, plain.data, plain.size);
    copy[info.sections[2].offset + info.sections[2].size - 1] ^= 1; /* the last segment */
    MicaDamage damage;
    s.best_effort = 1;
    s.damage = &damage;
    s.region = (MicaRegion){0, 0, 100, 100};
    assert_int_equal(decode(copy, plain.size, &s, &part), MICA_OK);
    assert_same(&part, &whole, 0, 0);
    assert_true(damage.found); /* the section's checksum does not hold */
    assert_int_equal(damage.damaged_segments, 0);
    mica_image_free(&part);
    free(copy);
    mica_image_free(&whole);
}

static void test_scales_are_exact(void **state)
{
    (void)state;
    for (int scale = 1; scale <= 8; scale *= 2) {
        MicaDecodeSettings s = settings(1);
        MicaImage one, other;
        s.scale = scale;
        s.cpu_mask = 0;
        assert_int_equal(decode(plain.data, plain.size, &s, &one), MICA_OK);
        for (int bit = 0; bit < 32; bit++) {
            if (!(mica_cpu_flags() >> bit & 1))
                continue;
            s.cpu_mask = bit == 31 ? UINT32_MAX : ((uint32_t)2 << bit) - 1;
            s.threads = 1 + bit % 4;
            assert_int_equal(decode(plain.data, plain.size, &s, &other), MICA_OK);
            assert_same(&other, &one, 0, 0);
            mica_image_free(&other);
        }
        mica_image_free(&one);
    }
}

static double distance(const MicaImage *a, const MicaImage *b)
{
    double sum = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width * a->channels; x++) {
            const double d = a->data[y * a->stride + x] - b->data[y * b->stride + x];
            sum += d * d;
        }
    return sqrt(sum / a->width / a->height / a->channels);
}

/* A smaller picture is close to the means of the large one, with the trained model. */
static void test_scale_is_mean(void **state)
{
    (void)state;
    MicaEncodeSettings e;
    mica_encode_defaults(&e, sizeof e);
    MicaBuffer file;
    assert_int_equal(mica_image_encode(&source, &e, &file, NULL), MICA_OK);
    MicaDecodeSettings s;
    mica_decode_defaults(&s, sizeof s);
    MicaImage whole, small, means;
    assert_int_equal(decode(file.data, file.size, &s, &whole), MICA_OK);
    for (int scale = 2; scale <= 8; scale *= 2) {
        s.scale = scale;
        assert_int_equal(decode(file.data, file.size, &s, &small), MICA_OK);
        assert_int_equal(mica_image_alloc(&means, small.width, small.height, 4), MICA_OK);
        for (int y = 0; y < small.height; y++)
            for (int x = 0; x < small.width; x++)
                for (int c = 0; c < 4; c++) {
                    int sum = 0, count = 0;
                    for (int v = y * scale; v < (y + 1) * scale && v < HEIGHT; v++)
                        for (int u = x * scale; u < (x + 1) * scale && u < WIDTH; u++, count++)
                            sum += whole.data[v * whole.stride + u * 4 + c];
                    means.data[y * means.stride + x * 4 + c] = (uint8_t)((sum + count / 2) / count);
                }
        /* 1.5 levels are 44.6 dB; cells at the border see what is beyond it. */
        const double d = distance(&small, &means);
        if (d > 1.5)
            print_error("scale %d: %.2f\n", scale, d);
        assert_true(d <= 1.5);
        /* Alpha is exact. */
        for (int y = 0; y < small.height; y++)
            for (int x = 0; x < small.width; x++)
                assert_int_equal(small.data[y * small.stride + x * 4 + 3],
                                 means.data[y * means.stride + x * 4 + 3]);
        mica_image_free(&means);
        mica_image_free(&small);
    }
    mica_image_free(&whole);
    mica_buffer_free(&file);
}

static void test_every_section_boundary(void **state)
{
    (void)state;
    const MicaBuffer *const files[] = {&plain, &progressive};
    for (int f = 0; f < 2; f++) {
        MicaStreamInfo info;
        assert_int_equal(mica_stream_info(files[f]->data, files[f]->size, &info, NULL), MICA_OK);
        assert_int_equal(info.section_count, 4);
        for (int i = 0; i < info.section_count; i++)
            for (int end = 0; end < 2; end++)
                for (int shift = -6; shift <= 6; shift++) {
                    const size_t at = info.sections[i].offset + (end ? info.sections[i].size : 0);
                    const size_t size = (size_t)((ptrdiff_t)at + shift);
                    if (size >= files[f]->size)
                        continue;
                    MicaDecodeSettings s = settings(1);
                    MicaImage image;
                    assert_int_equal(decode(files[f]->data, size, &s, &image),
                                     MICA_ERROR_BITSTREAM);
                    MicaDamage damage;
                    s.best_effort = 1;
                    s.damage = &damage;
                    const MicaStatus status = decode(files[f]->data, size, &s, &image);
                    /* From the end of the hyper section on there is a picture. */
                    const size_t hyper = info.sections[1].offset + info.sections[1].size + 4;
                    assert_int_equal(status, size < hyper ? MICA_ERROR_BITSTREAM : MICA_OK);
                    if (status == MICA_OK)
                        assert_true(damage.found);
                    mica_image_free(&image);
                }
    }
}

static void test_bit_flips_are_reported(void **state)
{
    (void)state;
    const MicaBuffer *const files[] = {&plain, &progressive};
    for (int i = 0; i < 240; i++) {
        const MicaBuffer *file = files[i % 2];
        uint8_t *copy = malloc(file->size);
        memcpy(copy, file->data, file->size);
        const int bit = i < 120 ? 8 * i / 2 + i % 8 : choose((int)file->size * 8);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        MicaDecodeSettings s = settings(1);
        s.region = (MicaRegion){70, 70, 20, 20}; /* what matters is not what is decoded */
        MicaImage image;
        assert_int_not_equal(decode(copy, file->size, &s, &image), MICA_OK);
        MicaDamage damage;
        s.best_effort = 1;
        s.damage = &damage;
        if (decode(copy, file->size, &s, &image) == MICA_OK)
            assert_true(damage.found);
        mica_image_free(&image);
        free(copy);
    }
}

/* A damaged segment leaves all pixels alone that do not depend on it. */
static void test_damage_is_contained(void **state)
{
    (void)state;
    MicaDecodeSettings s = settings(2);
    MicaImage whole, image;
    assert_int_equal(decode(plain.data, plain.size, &s, &whole), MICA_OK);
    MicaStreamInfo info;
    assert_int_equal(mica_stream_info(plain.data, plain.size, &info, NULL), MICA_OK);
    uint8_t *copy = malloc(plain.size);
    MicaDamage damage;
    s.best_effort = 1;
    s.damage = &damage;
    assert_int_equal(decode(plain.data, plain.size, &s, &image), MICA_OK);
    assert_same(&image, &whole, 0, 0);
    assert_int_equal(damage.found, 0);
    assert_int_equal(damage.segments, 12);
    assert_true(damage.damaged_area == 0);
    mica_image_free(&image);
    for (int i = 0; i < 40; i++) {
        memcpy(copy, plain.data, plain.size);
        /* Behind the directory, which has 12 entries of at most 7 bytes, and a checksum. */
        const size_t first = info.sections[2].offset + 88;
        const size_t last = info.sections[2].offset + info.sections[2].size;
        copy[first + (size_t)choose((int)(last - first))] ^= (uint8_t)(1 << choose(8));
        assert_int_equal(decode(copy, plain.size, &s, &image), MICA_OK);
        assert_int_equal(damage.found, 1);
        assert_int_equal(damage.damaged_segments, 1);
        assert_true(damage.damaged_area > 0 && damage.damaged_area < 0.15);
        /* The changed pixels lie in one segment and what the synthesis reaches around it: 16
         * pixels, as the tiny model has two blocks at 1/8. */
        int x0 = WIDTH, x1 = -1, y0 = HEIGHT, y1 = -1;
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                if (memcmp(image.data + y * image.stride + x * 4,
                           whole.data + y * whole.stride + x * 4, 4) != 0) {
                    x0 = x < x0 ? x : x0;
                    x1 = x > x1 ? x : x1;
                    y0 = y < y0 ? y : y0;
                    y1 = y > y1 ? y : y1;
                }
        assert_true(x1 - x0 < SEGMENT + 32 && y1 - y0 < SEGMENT + 32);
        mica_image_free(&image);
    }
    free(copy);
    mica_image_free(&whole);
}

/* One damaged byte of the hyper section is undone. */
static void test_damaged_hyper_byte(void **state)
{
    (void)state;
    MicaDecodeSettings s = settings(1);
    MicaDamage damage;
    s.best_effort = 1;
    s.damage = &damage;
    MicaStreamInfo info;
    MicaImage whole, image;
    assert_int_equal(mica_stream_info(plain.data, plain.size, &info, NULL), MICA_OK);
    assert_int_equal(decode(plain.data, plain.size, &s, &whole), MICA_OK);
    uint8_t *copy = malloc(plain.size);
    const size_t step = 1 + info.sections[1].size / 40;
    /* The section and its checksum. */
    for (size_t i = 0; i < info.sections[1].size + 4; i += i < info.sections[1].size ? step : 1) {
        memcpy(copy, plain.data, plain.size);
        copy[info.sections[1].offset + i] ^= (uint8_t)(1 + choose(255));
        assert_int_equal(decode(copy, plain.size, &s, &image), MICA_OK);
        assert_int_equal(damage.found, 1);
        assert_int_equal(damage.damaged_segments, 0);
        assert_same(&image, &whole, 0, 0);
        mica_image_free(&image);
    }
    free(copy);
    mica_image_free(&whole);
}

/* More damage costs the segments that need what comes behind it, and no others. */
static void test_damaged_hyper_section(void **state)
{
    (void)state;
    MicaImage tall, whole, image;
    MicaEncodeSettings e;
    mica_encode_defaults(&e, sizeof e);
    e.model = tiny;
    e.threads = 1;
    e.segment = SEGMENT;
    MicaBuffer file;
    assert_int_equal(mica_image_alloc(&tall, 90, 900, 3), MICA_OK);
    for (int y = 0; y < tall.height; y++)
        for (int x = 0; x < tall.width * 3; x++)
            tall.data[y * tall.stride + x] = (uint8_t)(90 + 80 * sin(x * 0.1) * cos(y * 0.07));
    assert_int_equal(mica_image_encode(&tall, &e, &file, NULL), MICA_OK);
    MicaDecodeSettings s = settings(1);
    MicaDamage damage;
    s.best_effort = 1;
    s.damage = &damage;
    MicaStreamInfo info;
    assert_int_equal(mica_stream_info(file.data, file.size, &info, NULL), MICA_OK);
    assert_int_equal(decode(file.data, file.size, &s, &whole), MICA_OK);
    int last = 0;
    for (int percent = 95; percent >= 5; percent -= 15) {
        uint8_t *copy = malloc(file.size);
        memcpy(copy, file.data, file.size);
        uint8_t *at =
            copy + info.sections[1].offset + info.sections[1].size * (size_t)percent / 100;
        at[0] ^= 1;
        at[2] ^= 1;
        assert_int_equal(decode(copy, file.size, &s, &image), MICA_OK);
        assert_int_equal(damage.found, 1);
        /* The earlier the damage, the more is lost: from some row on, all. */
        assert_true(damage.damaged_segments > 0 && damage.damaged_segments >= last);
        last = damage.damaged_segments;
        int row = 0;
        while (row < tall.height &&
               !memcmp(image.data + row * image.stride, whole.data + row * whole.stride, 90 * 3))
            row++;
        /* 15 rows of 2 segments; the synthesis of the tiny model reaches 16 pixels beyond. */
        const int intact = (damage.segments - damage.damaged_segments) / 2 * SEGMENT - 16;
        assert_true(row >= intact);
        assert_true(percent < 50 || intact > tall.height / 4);
        mica_image_free(&image);
        free(copy);
    }
    assert_true(last > damage.segments / 2);
    mica_image_free(&whole);
    mica_image_free(&tall);
    mica_buffer_free(&file);
}

/* The more of a progressive file is there, the better the picture (with the trained model). */
static void test_progressive_prefixes(void **state)
{
    (void)state;
    MicaEncodeSettings e;
    mica_encode_defaults(&e, sizeof e);
    e.progressive = 1;
    e.quality = 60;
    e.segment = SEGMENT;
    MicaBuffer file;
    MicaImage opaque;
    assert_int_equal(mica_image_alloc(&opaque, WIDTH, HEIGHT, 3), MICA_OK);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            memcpy(opaque.data + y * opaque.stride + x * 3, source.data + y * source.stride + x * 4,
                   3);
    assert_int_equal(mica_image_encode(&opaque, &e, &file, NULL), MICA_OK);
    MicaDecodeSettings s;
    mica_decode_defaults(&s, sizeof s);
    MicaDamage damage;
    s.best_effort = 1;
    s.damage = &damage;
    double last = 1e9, first = 0;
    for (int percent = 25; percent <= 100; percent += 25) {
        MicaImage image;
        assert_int_equal(decode(file.data, file.size * (size_t)percent / 100, &s, &image), MICA_OK);
        const double d = distance(&opaque, &image);
        assert_true(d < last);
        assert_int_equal(damage.found, percent < 100);
        first = percent == 25 ? d : first;
        last = d;
        mica_image_free(&image);
    }
    assert_true(last < first / 2);
    mica_buffer_free(&file);
    mica_image_free(&opaque);
}

static int calls, cancel_at;
static double last_share;

static int progress(void *user, double done)
{
    assert_ptr_equal(user, &calls);
    assert_true(done >= last_share && done <= 1);
    last_share = done;
    return ++calls == cancel_at;
}

static void test_limits_and_cancelling(void **state)
{
    (void)state;
    MicaImage image;
    MicaDecodeSettings s = settings(1);
    s.max_memory = 100000;
    assert_int_equal(decode(plain.data, plain.size, &s, &image), MICA_ERROR_LIMIT);
    s.max_memory = 20000000;
    assert_int_equal(decode(plain.data, plain.size, &s, &image), MICA_OK);
    mica_image_free(&image);

    s.progress = progress;
    s.progress_user = &calls;
    for (cancel_at = 0; cancel_at < 4; cancel_at++) {
        calls = 0;
        last_share = 0;
        const MicaStatus status = decode(plain.data, plain.size, &s, &image);
        assert_int_equal(status, cancel_at ? MICA_ERROR_CANCELLED : MICA_OK);
        assert_int_equal(calls, cancel_at ? cancel_at : 4); /* three rows, and the end */
        mica_image_free(&image);
    }
    MicaEncodeSettings e;
    mica_encode_defaults(&e, sizeof e);
    e.model = tiny;
    e.segment = SEGMENT;
    e.progress = progress;
    e.progress_user = &calls;
    for (cancel_at = 0; cancel_at < 3; cancel_at++) {
        calls = 0;
        last_share = 0;
        MicaBuffer out;
        assert_int_equal(mica_image_encode(&source, &e, &out, NULL),
                         cancel_at ? MICA_ERROR_CANCELLED : MICA_OK);
        assert_true(cancel_at ? !out.data : out.size == plain.size);
        mica_buffer_free(&out);
    }
}

static void test_arguments(void **state)
{
    (void)state;
    MicaImage image;
    static const MicaRegion bad[] = {{0, 0, WIDTH + 1, 1},  {0, 0, 1, HEIGHT + 1},
                                     {WIDTH, 0, 1, 1},      {0, HEIGHT, 1, 1},
                                     {-1, 0, 5, 5},         {0, -1, 5, 5},
                                     {0, 0, 0, 5},          {0, 0, 5, -5},
                                     {INT32_MAX, 0, 1, 1},  {1, 1, INT32_MAX, INT32_MAX},
                                     {INT32_MIN, 0, 20, 20}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        MicaDecodeSettings s = settings(1);
        s.region = bad[i];
        assert_int_equal(decode(plain.data, plain.size, &s, &image), MICA_ERROR_INVALID_ARGUMENT);
    }
    static const int scales[] = {0, -1, 3, 16};
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        MicaDecodeSettings s = settings(1);
        s.scale = scales[i];
        assert_int_equal(decode(plain.data, plain.size, &s, &image), MICA_ERROR_INVALID_ARGUMENT);
    }
    static const int realisms[] = {-1, 101};
    for (size_t i = 0; i < sizeof realisms / sizeof *realisms; i++) {
        MicaDecodeSettings s = settings(1);
        s.realism = realisms[i];
        assert_int_equal(decode(plain.data, plain.size, &s, &image), MICA_ERROR_INVALID_ARGUMENT);
    }
    MicaEncodeSettings e;
    static const int segments[] = {-1, 1, 31, 65536};
    for (size_t i = 0; i < sizeof segments / sizeof *segments; i++) {
        mica_encode_defaults(&e, sizeof e);
        e.segment = segments[i];
        MicaBuffer out;
        assert_int_equal(mica_image_encode(&source, &e, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
    }
    /* Callers of before these settings existed. */
    MicaDecodeSettings s = settings(1);
    s.struct_size = offsetof(MicaDecodeSettings, region);
    s.scale = 77;
    s.realism = 77;
    assert_int_equal(decode(plain.data, plain.size, &s, &image), MICA_OK);
    assert_int_equal(image.width, WIDTH);
    mica_image_free(&image);
}

/* ---- restoration filter ---- */

static void test_filter_needs_its_model(void **state)
{
    (void)state;
    MicaModel *other = load_model(MICA_TINY_MODEL);
    memcpy(plain.data + 6, mica_model_id(other), MICA_MODEL_ID_SIZE);
    MicaDecodeSettings s = settings(1);
    s.model = other;
    MicaImage image;
    MicaError error;
    assert_int_equal(mica_image_decode(plain.data, plain.size, &s, &image, &error),
                     MICA_ERROR_BITSTREAM);
    assert_non_null(strstr(error.text, "restoration filter"));
    memcpy(plain.data + 6, mica_model_id(tiny), MICA_MODEL_ID_SIZE);
    mica_model_unref(&other);
}

/* The one that is nearest to the least error, within bounds. */
static void test_strength(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        const MicaRestorationGain gain = {NULL, choose(4000) - 1000, 1 + choose(1500)};
        double least = 0, at = 0;
        for (int strength = 0; strength <= MICA_RESTORATION_STRONGEST; strength++) {
            const double s = (double)strength / MICA_RESTORATION_UNIT;
            const double change = s * s * (double)gain.square - 2 * s * (double)gain.product;
            if (change < least) {
                least = change;
                at = strength;
            }
        }
        assert_int_equal(mica_restoration_strength(&gain), at);
    }
    assert_int_equal(mica_restoration_strength(&(MicaRestorationGain){NULL, 0, 0}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_region_equals_crop),
        cmocka_unit_test(test_region_needs_its_segments_only),
        cmocka_unit_test(test_scales_are_exact),
        cmocka_unit_test(test_scale_is_mean),
        cmocka_unit_test(test_every_section_boundary),
        cmocka_unit_test(test_bit_flips_are_reported),
        cmocka_unit_test(test_damage_is_contained),
        cmocka_unit_test(test_damaged_hyper_byte),
        cmocka_unit_test(test_damaged_hyper_section),
        cmocka_unit_test(test_progressive_prefixes),
        cmocka_unit_test(test_limits_and_cancelling),
        cmocka_unit_test(test_arguments),
    };
    const struct CMUnitTest complete[] = {
        cmocka_unit_test(test_region_equals_crop),
        cmocka_unit_test(test_scales_are_exact),
        cmocka_unit_test(test_filter_needs_its_model),
        cmocka_unit_test(test_strength),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down) +
           cmocka_run_group_tests(complete, set_up_complete, tear_down);
}
