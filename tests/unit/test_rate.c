/* Rate control: the search on made-up curves, and targets met on pictures. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/enc_rate.h"
#include "mica/mica.h"
#include "models/gains.h"

/* A codec whose size and PSNR are formulas. */
typedef struct Curve {
    double base, slope, wobble; /* bytes = base * exp(slope * quality + wobble * sin(quality)) */
    double tuned;               /* what tune takes off the logarithm */
    int calls;
} Curve;

static MicaStatus trial(void *context, MicaRatePoint *point, MicaError *error)
{
    Curve *c = context;
    (void)error;
    assert_in_range(point->quality, 0, MICA_MAX_QUALITY);
    const double exponent =
        c->slope * point->quality + c->wobble * sin(point->quality) - c->tuned * (point->tune - 1);
    point->bytes = (size_t)(c->base * exp(exponent) + 0.5);
    point->psnr = 25 + 4 * exponent;
    c->calls++;
    return MICA_OK;
}

static void test_sizes(void **state)
{
    (void)state;
    static const Curve curves[] = {
        {3000, 0.0036, 0, 0.05, 0},     {3000, 0.0036, 0.004, 0.05, 0}, {100, 0.001, 0, 0.05, 0},
        {100000, 0.008, 0.01, 0.05, 0}, {300, 0.02, 0, 0.05, 0},
    };
    int most = 0, total = 0, count = 0;
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
        for (double part = 0.02; part < 1; part += 0.0373) {
            Curve c = curves[i];
            const double top = c.base * exp(c.slope * MICA_MAX_QUALITY);
            MicaRateTarget t = {.goal = MICA_RATE_BYTES,
                                .value = c.base * pow(top / c.base, part) + 1,
                                .start = -1,
                                .pixels = 400000,
                                .unit = 1,
                                .measure = "bytes"};
            MicaRatePoint best;
            int trials;
            MicaError error;
            assert_int_equal(mica_rate_search(&t, trial, &c, &best, &trials, NULL, &error),
                             MICA_OK);
            assert_int_equal(trials, c.calls);
            assert_true((double)best.bytes <= t.value);
            assert_true((double)best.bytes >= floor(t.value * 0.99));
            most = trials > most ? trials : most;
            total += trials;
            count++;
        }
    if (most > 16 || total > 7 * count)
        print_error("%d trials at most, %.2f on average\n", most, (double)total / count);
    assert_true(most <= 16);
    assert_true(total <= 7 * count);
}

static void test_psnr(void **state)
{
    (void)state;
    for (double want = 25.5; want < 39; want += 0.7) {
        Curve c = {3000, 0.0036, 0.002, 0.05, 0};
        MicaRateTarget t = {.goal = MICA_RATE_PSNR, .value = want, .start = -1, .measure = "dB"};
        MicaRatePoint best;
        assert_int_equal(mica_rate_search(&t, trial, &c, &best, NULL, NULL, NULL), MICA_OK);
        assert_true(fabs(best.psnr - want) <= 0.05);
        assert_true(c.calls <= 8);
    }
}

static void test_out_of_reach(void **state)
{
    (void)state;
    Curve c = {3000, 0.0036, 0, 0.05, 0};
    MicaRatePoint best;
    MicaError error;
    MicaRateTarget t = {.goal = MICA_RATE_BYTES,
                        .value = 2000,
                        .start = -1,
                        .pixels = 400000,
                        .unit = 1,
                        .measure = "bytes"};
    assert_int_equal(mica_rate_search(&t, trial, &c, &best, NULL, NULL, &error), MICA_ERROR_LIMIT);
    assert_non_null(strstr(error.text, "2000 bytes"));
    assert_non_null(strstr(error.text, "3000"));
    /* More than quality 100 takes: quality 100. */
    t.value = 1e9;
    assert_int_equal(mica_rate_search(&t, trial, &c, &best, NULL, NULL, &error), MICA_OK);
    assert_int_equal(best.quality, MICA_MAX_QUALITY);
    t = (MicaRateTarget){.goal = MICA_RATE_PSNR, .value = 70, .start = -1, .measure = "dB"};
    assert_int_equal(mica_rate_search(&t, trial, &c, &best, NULL, NULL, &error), MICA_ERROR_LIMIT);
    assert_non_null(strstr(error.text, "70 dB"));
    t.value = 10;
    assert_int_equal(mica_rate_search(&t, trial, &c, &best, NULL, NULL, &error), MICA_OK);
    assert_int_equal(best.quality, 0);
}

static MicaStatus failing(void *context, MicaRatePoint *point, MicaError *error)
{
    Curve *c = context;
    if (c->calls == 2) {
        error->status = MICA_ERROR_OUT_OF_MEMORY;
        return MICA_ERROR_OUT_OF_MEMORY;
    }
    return trial(context, point, error);
}

static void test_failing_trial(void **state)
{
    (void)state;
    Curve c = {3000, 0.01, 0, 0.05, 0};
    MicaRateTarget t = {.goal = MICA_RATE_PSNR, .value = 39.123, .start = -1, .measure = "dB"};
    MicaRatePoint best;
    MicaError error;
    assert_int_equal(mica_rate_search(&t, failing, &c, &best, NULL, NULL, &error),
                     MICA_ERROR_OUT_OF_MEMORY);
}

static MicaImage picture(int width, int height)
{
    MicaImage image;
    assert_int_equal(mica_image_alloc(&image, width, height, 3), MICA_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                image.data[y * image.stride + x * 3 + c] =
                    (uint8_t)(128 + 80 * sin(x * 0.13 + c) * cos(y * 0.07) + (x * y + c) % 29);
    return image;
}

static double psnr(const MicaImage *a, const MicaImage *b)
{
    double sum = 0;
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width * 3; x++) {
            const double d = a->data[y * a->stride + x] - b->data[y * b->stride + x];
            sum += d * d;
        }
    return 10 * log10(65025.0 * a->width * a->height * 3 / sum);
}

/* Real pictures, every kind of target, a searching effort too. */
static void test_pictures(void **state)
{
    (void)state;
    MicaImage a = picture(200, 150);
    static const int efforts[] = {1, 2, 3, 6};
    for (size_t e = 0; e < sizeof efforts / sizeof *efforts; e++) {
        MicaEncodeSettings s;
        MicaTimes times;
        MicaBuffer out;
        MicaError error;
        mica_encode_defaults(&s, sizeof s);
        s.effort = efforts[e];
        s.threads = 2;
        s.times = &times;
        s.target_size = 3000;
        assert_int_equal(mica_image_encode(&a, &s, &out, &error), MICA_OK);
        assert_in_range(out.size, 2970, 3000);
        assert_true(times.encodes <= 12);
        mica_buffer_free(&out);
        s.target_size = 0;
        s.target_bpp = 1.5;
        assert_int_equal(mica_image_encode(&a, &s, &out, &error), MICA_OK);
        assert_in_range(out.size, 5568, 5625);
        mica_buffer_free(&out);
        s.target_bpp = 0;
        s.target_psnr = 30;
        assert_int_equal(mica_image_encode(&a, &s, &out, &error), MICA_OK);
        MicaImage b;
        assert_int_equal(mica_image_decode(out.data, out.size, NULL, &b, &error), MICA_OK);
        assert_true(fabs(psnr(&a, &b) - 30) <= 0.05);
        mica_image_free(&b);
        mica_buffer_free(&out);
    }
    mica_image_free(&a);
}

static void test_arguments(void **state)
{
    (void)state;
    MicaImage a = picture(20, 20);
    MicaBuffer out;
    MicaError error;
    MicaEncodeSettings s;
    mica_encode_defaults(&s, sizeof s);
    const double bad[] = {-1, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        s.target_bpp = bad[i];
        s.target_psnr = 0;
        assert_int_equal(mica_image_encode(&a, &s, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
        s.target_bpp = 0;
        s.target_psnr = bad[i];
        assert_int_equal(mica_image_encode(&a, &s, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
    }
    s.target_psnr = 30;
    s.target_size = 100;
    assert_int_equal(mica_image_encode(&a, &s, &out, NULL), MICA_ERROR_INVALID_ARGUMENT);
    s.target_psnr = 0;
    s.target_size = 10; /* less than any file */
    assert_int_equal(mica_image_encode(&a, &s, &out, &error), MICA_ERROR_LIMIT);
    assert_null(out.data);
    mica_image_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),        cmocka_unit_test(test_psnr),
        cmocka_unit_test(test_out_of_reach), cmocka_unit_test(test_failing_trial),
        cmocka_unit_test(test_pictures),     cmocka_unit_test(test_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
