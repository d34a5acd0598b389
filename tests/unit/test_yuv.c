/* Conversion between YUV and RGB: against the formulas in floating point, and there and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/enc_room.h"
#include "codec/frame_threads.h"
#include "models/gains.h"

#define WIDTH 61
#define HEIGHT 47

typedef struct Setup {
    MicaVideoInfo info;
    MicaYuv yuv;
    MicaPool *pool;
    MicaImage image;
    MicaVideoFrame frame;
    uint8_t *block;
    size_t bytes;
    int ten;
} Setup;

static void set_up(Setup *s, MicaPixelFormat format, int site, int full, int matrix)
{
    mica_video_info_defaults(&s->info, sizeof s->info);
    s->info.width = WIDTH;
    s->info.height = HEIGHT;
    s->info.format = format;
    s->info.chroma_site = (MicaChromaSite)site;
    s->info.full_range = full;
    s->info.matrix = matrix;
    s->ten = format >= MICA_PIXEL_YUV420P10;
    assert_int_equal(mica_pool_create(&s->pool, 2), MICA_OK);
    assert_int_equal(mica_yuv_create(&s->yuv, &s->info, 2), MICA_OK);
    assert_int_equal(mica_image_alloc(&s->image, WIDTH, HEIGHT, mica_yuv_channels(format)),
                     MICA_OK);
    s->bytes = mica_frame_bytes(&s->info);
    s->block = calloc(1, s->bytes);
    mica_frame_place(&s->info, s->block, &s->frame);
}

static void tear_down(Setup *s)
{
    mica_pool_destroy(&s->pool);
    mica_yuv_free(&s->yuv);
    mica_image_free(&s->image);
    free(s->block);
}

static int get(const Setup *s, int plane, int x, int y)
{
    const uint8_t *p = s->frame.data[plane] + y * s->frame.stride[plane];
    uint16_t v = p[x];
    if (s->ten)
        memcpy(&v, p + 2 * x, 2);
    return v;
}

static void put(const Setup *s, int plane, int x, int y, int v)
{
    uint8_t *p = s->frame.data[plane] + y * s->frame.stride[plane];
    if (s->ten)
        memcpy(p + 2 * x, &(uint16_t){(uint16_t)v}, 2);
    else
        p[x] = (uint8_t)v;
}

static void weights(int matrix, double *kr, double *kb)
{
    *kr = matrix == 1 ? 0.2126 : matrix == 9 ? 0.2627 : 0.299;
    *kb = matrix == 1 ? 0.0722 : matrix == 9 ? 0.0593 : 0.114;
}

/* 4:4:4: every sample within one step of the real-valued formula, both ways. */
static void check_formula(uint8_t room)
{
    static const int matrices[] = {1, 2, 6, 9};
    const double foot = 8 * (room & 15), span = foot + 255 + 8 * (room >> 4);
    for (int ten = 0; ten < 2; ten++)
        for (int full = 0; full < 2; full++)
            for (size_t m = 0; m < 4; m++) {
                Setup s;
                set_up(&s, ten ? MICA_PIXEL_YUV444P10 : MICA_PIXEL_YUV444P, 1, full, matrices[m]);
                unsigned seed = 1;
                for (int p = 0; p < 3; p++)
                    for (int y = 0; y < HEIGHT; y++)
                        for (int x = 0; x < WIDTH; x++) {
                            seed = seed * 1664525 + 1013904223;
                            put(&s, p, x, y, (int)(seed >> 16) & (ten ? 1023 : 255));
                        }
                mica_yuv_set_room(&s.yuv, room);
                mica_yuv_to_image(&s.yuv, s.pool, s.frame.data, s.frame.stride, &s.image);
                double kr, kb;
                weights(matrices[m], &kr, &kb);
                const double kg = 1 - kr - kb, unit = ten ? 4 : 1, most = ten ? 1023 : 255;
                const double y_range = full ? most : 219 * unit, c_range = full ? most : 224 * unit;
                const double y_from = full ? 0 : 16 * unit;
                for (int y = 0; y < HEIGHT; y++)
                    for (int x = 0; x < WIDTH; x++) {
                        const double l = (get(&s, 0, x, y) - y_from) / y_range;
                        const double b = (get(&s, 1, x, y) - 128 * unit) / c_range;
                        const double r = (get(&s, 2, x, y) - 128 * unit) / c_range;
                        const double rgb[3] = {l + 2 * (1 - kr) * r,
                                               l - 2 * (1 - kb) * kb / kg * b -
                                                   2 * (1 - kr) * kr / kg * r,
                                               l + 2 * (1 - kb) * b};
                        for (int c = 0; c < 3; c++) {
                            const double in_room = (rgb[c] * 255 + foot) * 255 / span;
                            const double v = fmin(fmax(in_room, 0), 255);
                            const int got = s.image.data[y * s.image.stride + 3 * x + c];
                            assert_true(fabs(got - v) < 0.53);
                        }
                    }
                mica_yuv_from_image(&s.yuv, s.pool, &s.image, s.frame.data, s.frame.stride);
                for (int y = 0; y < HEIGHT; y++)
                    for (int x = 0; x < WIDTH; x++) {
                        const uint8_t *p = s.image.data + y * s.image.stride + 3 * x;
                        double rgb[3];
                        for (int c = 0; c < 3; c++)
                            rgb[c] = (p[c] * span / 255 - foot) / 255;
                        const double l = kr * rgb[0] + kg * rgb[1] + kb * rgb[2];
                        const double want[3] = {
                            l * y_range + y_from,
                            (rgb[2] - l) / (2 * (1 - kb)) * c_range + 128 * unit,
                            (rgb[0] - l) / (2 * (1 - kr)) * c_range + 128 * unit};
                        for (int c = 0; c < 3; c++) {
                            const double v = fmin(fmax(want[c], 0), most);
                            assert_true(fabs(get(&s, c, x, y) - v) < 0.6);
                        }
                    }
                tear_down(&s);
            }
}

static void test_formula(void **state)
{
    (void)state;
    static const uint8_t rooms[] = {0, 0x01, 0x10, 0x47, 0xff};
    for (size_t i = 0; i < sizeof rooms; i++)
        check_formula(rooms[i]);
}

/* Luma around `middle`, chroma around neutral. */
static void paint(const Setup *s, double middle, double luma, double chroma)
{
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < mica_pixel_rows(s->info.format, HEIGHT, p); y++)
            for (int x = 0; x < s->frame.stride[p]; x++)
                put(s, p, x, y,
                    (int)((p ? 128 : middle) +
                          (p ? chroma : luma) * sin(x * 0.2 + p) * cos(y * 0.1)));
}

static double error_of(const Setup *s, const uint8_t *before)
{
    double sum = 0;
    for (size_t i = 0; i < s->bytes; i++)
        sum += (s->block[i] - before[i]) * (double)(s->block[i] - before[i]);
    return sum / (double)s->bytes;
}

/* There is room for what would be clamped, as far as it is worth it, and none where all is RGB. */
static void test_room(void **state)
{
    (void)state;
    static const struct {
        double middle, luma, chroma;
        int foot, head; /* whether some is expected */
    } cases[] = {{128, 60, 15, 0, 0}, {215, 35, 5, 0, 1}, {40, 35, 3, 1, 0}, {128, 90, 90, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Setup s;
        set_up(&s, MICA_PIXEL_YUV420P, MICA_CHROMA_LEFT, 0, 6);
        paint(&s, cases[i].middle, cases[i].luma, cases[i].chroma);
        uint8_t *before = malloc(s.bytes);
        memcpy(before, s.block, s.bytes);
        double error[2];
        uint8_t room[2];
        for (int high = 0; high < 2; high++) {
            room[high] = mica_room_choose(&s.yuv, s.pool, s.frame.data, s.frame.stride, &s.image,
                                          high ? 900 : 100);
            mica_yuv_from_image(&s.yuv, s.pool, &s.image, s.frame.data, s.frame.stride);
            error[high] = error_of(&s, before);
            memcpy(s.block, before, s.bytes);
        }
        assert_int_equal(mica_room_foot(room[1]) > 0, cases[i].foot);
        assert_int_equal(mica_room_head(room[1]) > 0, cases[i].head);
        assert_true(mica_room_foot(room[0]) + mica_room_head(room[0]) <=
                    mica_room_foot(room[1]) + mica_room_head(room[1]));
        const int raised = mica_room_raise(500, room[1]) - 500;
        assert_true(raised == 0 || raised >= 10);
        assert_int_equal(mica_room_raise(MICA_MAX_QUALITY, room[1]), MICA_MAX_QUALITY);
        mica_yuv_set_room(&s.yuv, 0);
        mica_yuv_to_image(&s.yuv, s.pool, s.frame.data, s.frame.stride, &s.image);
        mica_yuv_from_image(&s.yuv, s.pool, &s.image, s.frame.data, s.frame.stride);
        const double clamped = error_of(&s, before);
        assert_true(room[1] == 0 ? error[1] == clamped : error[1] < clamped / 4);
        free(before);
        tear_down(&s);
    }
    Setup s;
    set_up(&s, MICA_PIXEL_RGB24, 0, 1, 0);
    memset(s.block, 255, s.bytes);
    assert_int_equal(mica_room_choose(&s.yuv, s.pool, s.frame.data, s.frame.stride, &s.image, 900),
                     0);
    tear_down(&s);
}

/* Smooth pictures survive YUV -> RGB -> YUV in every format and position of chroma; a wrong phase
 * would shift them. */
static void test_there_and_back(void **state)
{
    (void)state;
    for (int f = MICA_PIXEL_YUV420P; f < MICA_PIXEL_FORMATS; f++)
        for (int site = 0; site < 4; site++) {
            Setup s;
            set_up(&s, (MicaPixelFormat)f, site, site & 1, 2);
            uint8_t *before = malloc(s.bytes);
            for (int p = 0; p < 3; p++)
                for (int y = 0; y < mica_pixel_rows(s.info.format, HEIGHT, p); y++)
                    for (int x = 0; x < s.frame.stride[p] >> s.ten; x++) {
                        const double scale = p && f % 3 != 1 ? 2 : 1; /* about */
                        const double v = 128 + 25 * sin(x * scale * 0.09 + p) * cos(y * 0.1);
                        put(&s, p, x, y, (int)(v * (s.ten ? 4 : 1)));
                    }
            memcpy(before, s.block, s.bytes);
            mica_yuv_to_image(&s.yuv, s.pool, s.frame.data, s.frame.stride, &s.image);
            memset(s.block, 0, s.bytes);
            mica_yuv_from_image(&s.yuv, s.pool, &s.image, s.frame.data, s.frame.stride);
            const int most = s.ten ? 5 : 2; /* 8-bit RGB in between */
            uint8_t *after = s.block;
            for (size_t i = 0; i < s.bytes >> s.ten; i++) {
                uint16_t a = before[i], b = after[i];
                if (s.ten) {
                    memcpy(&a, before + 2 * i, 2);
                    memcpy(&b, after + 2 * i, 2);
                }
                if (abs(a - b) > most)
                    print_error("format %d site %d sample %zu: %d became %d\n", f, site, i, a, b);
                assert_true(abs(a - b) <= most);
            }
            free(before);
            tear_down(&s);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
