/* The temporal filter, and the frames that it is given: noise goes, what moves stays sharp, another
 * scene is not mixed in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/cpu.h"
#include "codec/enc_temporal_filter.h"
#include "codec/enc_waiting.h"

#define AROUND 4
#define FRAMES (2 * AROUND + 1)

static uint32_t seed = 1;

static int noise(int most)
{
    int sum = 0; /* of four uniform ones: not far from normal */
    for (int i = 0; i < 4; i++) {
        seed = seed * 1664525u + 1013904223u;
        sum += (int)((seed >> 8) % (uint32_t)(2 * most + 1)) - most;
    }
    return sum / 2;
}

/* Frame n, 0 in the middle, of a texture that moves by 3 and -1 pixels a frame. */
static double texture(int x, int y, int n, int scene)
{
    const double u = x - 3 * n, v = y + n;
    return scene ? 255.0 * (((int)u ^ (int)v) & 1)
                 : 128 + 50 * sin(u * 0.31 + 1) * cos(v * 0.23) + 30 * sin(u * 0.07 + v * 0.11);
}

static void paint(MicaImage *image, int n, int scene, int amplitude)
{
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            for (int c = 0; c < image->channels; c++) {
                const double v = texture(x + 7 * c, y, n, scene) + noise(amplitude);
                image->data[y * image->stride + x * image->channels + c] =
                    (uint8_t)(v < 0     ? 0
                              : v > 255 ? 255
                                        : v + .5);
            }
}

static double error_to(const MicaImage *a, const MicaImage *b)
{
    double sum = 0;
    for (int y = 0; y < a->height; y++)
        for (int i = 0; i < a->width * a->channels; i++) {
            const int d = a->data[y * a->stride + i] - b->data[y * b->stride + i];
            sum += d * d;
        }
    return sum / (a->height * a->width * a->channels);
}

typedef struct Clip {
    MicaImage clean, frame[FRAMES];
    const MicaImage *before[AROUND], *after[AROUND];
    MicaTemporalFilter filter;
    MicaMotionSearch search;
} Clip;

static void open(Clip *c, int width, int height, int channels, int amplitude)
{
    assert_int_equal(mica_image_alloc(&c->clean, width, height, channels), MICA_OK);
    paint(&c->clean, 0, 0, 0);
    for (int i = 0; i < FRAMES; i++) {
        assert_int_equal(mica_image_alloc(&c->frame[i], width, height, channels), MICA_OK);
        paint(&c->frame[i], i - AROUND, 0, amplitude);
    }
    for (int i = 0; i < AROUND; i++) {
        c->before[i] = &c->frame[AROUND - 1 - i];
        c->after[i] = &c->frame[AROUND + 1 + i];
    }
    assert_int_equal(mica_temporal_filter_create(&c->filter, width, height, channels), MICA_OK);
    assert_int_equal(mica_motion_search_create(&c->search, width, height), MICA_OK);
}

static void run(Clip *c, int threads, uint32_t cpu_flags)
{
    MicaPool *pool;
    MicaMotionKernels kernels;
    mica_motion_kernels_init(&kernels, cpu_flags);
    assert_int_equal(mica_pool_create(&pool, threads), MICA_OK);
    mica_temporal_filter_run(&c->filter, &c->search, &kernels, &c->frame[AROUND], c->before, AROUND,
                             c->after, AROUND, pool);
    mica_pool_destroy(&pool);
}

static void close_clip(Clip *c)
{
    mica_image_free(&c->clean);
    for (int i = 0; i < FRAMES; i++)
        mica_image_free(&c->frame[i]);
    mica_temporal_filter_free(&c->filter);
    mica_motion_search_free(&c->search);
}

/* The mean of nine frames has a ninth of the noise, but for what moves out of the picture and where
 * noise misleads the search. */
static void test_noise_goes(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        Clip c;
        open(&c, 150, 91, channels, 8);
        const double noisy = error_to(&c.frame[AROUND], &c.clean);
        run(&c, 1, mica_cpu_flags());
        const double filtered = error_to(&c.filter.filtered, &c.clean);
        assert_true(noisy > 20);
        assert_true(filtered < noisy / 2);
        close_clip(&c);
    }
}

/* What the other frames do not show stays as it is. */
static void test_something_new(void **state)
{
    (void)state;
    Clip c;
    open(&c, 128, 96, 3, 0);
    MicaImage *now = &c.frame[AROUND];
    for (int y = 40; y < 56; y++)
        for (int x = 40; x < 56; x++)
            memset(now->data + y * now->stride + 3 * x, (x ^ y) & 1 ? 255 : 0, 3);
    run(&c, 1, mica_cpu_flags());
    for (int y = 40; y < 56; y++)
        assert_memory_equal(c.filter.filtered.data + y * c.filter.filtered.stride + 120,
                            now->data + y * now->stride + 120, 48);
    close_clip(&c);
}

/* Frames of another scene leave no trace. */
static void test_another_scene(void **state)
{
    (void)state;
    Clip c;
    open(&c, 128, 96, 3, 0);
    for (int i = 0; i < FRAMES; i++)
        if (i != AROUND)
            paint(&c.frame[i], i, 1, 0);
    run(&c, 1, mica_cpu_flags());
    assert_true(error_to(&c.filter.filtered, &c.frame[AROUND]) == 0);
    close_clip(&c);
}

static void test_threads_and_kernels(void **state)
{
    (void)state;
    Clip c;
    open(&c, 203, 117, 3, 4);
    run(&c, 1, 0);
    MicaImage first;
    assert_int_equal(mica_image_alloc(&first, 203, 117, 3), MICA_OK);
    memcpy(first.data, c.filter.filtered.data, (size_t)first.stride * 117);
    run(&c, 4, mica_cpu_flags());
    assert_true(error_to(&first, &c.filter.filtered) == 0);
    mica_image_free(&first);
    close_clip(&c);
}

/* ---- waiting ---- */

/* Frame n is known by its time stamp. */
static void add(MicaWaitingFrames *w, int n, int key, int cut)
{
    MicaWaitingFrame *f = mica_waiting_add(w);
    f->frame.pts = n;
    f->key = key;
    f->cut = cut;
    f->image.data[0] = (uint8_t)n;
}

static void test_waiting_for_groups(void **state)
{
    (void)state;
    MicaWaitingFrames w;
    assert_int_equal(mica_waiting_create(&w, 8, 8, 1, 3, 2), MICA_OK);
    assert_int_equal(mica_waiting_group(&w, 1), 0);
    add(&w, 0, 1, 0);
    add(&w, 1, 0, 0);
    assert_int_equal(mica_waiting_group(&w, 0), 0); /* two frames are to follow */
    assert_int_equal(mica_waiting_group(&w, 1), 1);
    add(&w, 2, 0, 0);
    assert_int_equal(mica_waiting_group(&w, 0), 1);
    mica_waiting_drop(&w, 1);
    for (int n = 3; n < 6; n++) {
        assert_int_equal(mica_waiting_group(&w, 0), 0);
        add(&w, n, n == 5, 0);
    }
    assert_int_equal(mica_waiting_group(&w, 0), 0);
    add(&w, 6, 0, 0); /* 1..4, and 5 and 6 behind them */
    assert_int_equal(mica_waiting_group(&w, 0), 4);
    mica_waiting_drop(&w, 4);
    assert_int_equal(mica_waiting_at(&w, 0)->frame.pts, 5);
    assert_int_equal(mica_waiting_group(&w, 0), 0);
    add(&w, 7, 0, 0);
    assert_int_equal(mica_waiting_group(&w, 0), 1);
    mica_waiting_drop(&w, 1);
    add(&w, 8, 1, 1);
    add(&w, 9, 0, 0);
    assert_int_equal(mica_waiting_group(&w, 0), 2); /* 6 and 7: then comes a key frame */
    mica_waiting_remove(&w, 1);
    assert_int_equal(mica_waiting_at(&w, 1)->frame.pts, 8);
    assert_int_equal(mica_waiting_group(&w, 1), 1);
    mica_waiting_free(&w);
}

static void assert_around(const MicaWaitingFrames *w, int i, int direction, const char *frames)
{
    const MicaImage *image[MICA_MAX_LOOKAHEAD];
    const int count = mica_waiting_around(w, i, direction, 3, image);
    assert_int_equal(count, (int)strlen(frames));
    for (int k = 0; k < count; k++)
        assert_int_equal(image[k]->data[0], frames[k] - '0');
}

static void test_frames_around(void **state)
{
    (void)state;
    MicaWaitingFrames w;
    assert_int_equal(mica_waiting_create(&w, 8, 8, 1, 7, 3), MICA_OK);
    for (int n = 0; n < 9; n++)
        add(&w, n, n == 0, n == 4);
    assert_around(&w, 0, -1, "");
    assert_around(&w, 0, 1, "123");
    assert_around(&w, 2, 1, "3");
    assert_around(&w, 2, -1, "10");
    assert_around(&w, 4, -1, "");
    assert_around(&w, 4, 1, "567");
    assert_around(&w, 8, -1, "765");
    mica_waiting_drop(&w, 1);
    assert_around(&w, 0, -1, "0"); /* it is kept */
    mica_waiting_drop(&w, 6);
    assert_around(&w, 0, -1, "654");
    assert_around(&w, 1, -1, "765");
    mica_waiting_clear(&w);
    add(&w, 9, 1, 0);
    assert_around(&w, 0, -1, "");
    mica_waiting_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise_goes),         cmocka_unit_test(test_something_new),
        cmocka_unit_test(test_another_scene),      cmocka_unit_test(test_threads_and_kernels),
        cmocka_unit_test(test_waiting_for_groups), cmocka_unit_test(test_frames_around),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
