/*
 * BD-rates against scipy 1.17. Expected values: PchipInterpolator(quality, log(rate)) of both
 * curves, the range cut with scipy.optimize.brentq, and the difference of their integrate() over
 * it. The points are those published with CompressAI for Kodak, and a curve made to bend PCHIP's
 * slopes.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/eval/bdrate.h"

static const double vtm_rate[] = {0.048245, 0.112495, 0.245817, 0.490545,
                                  0.87481,  1.43085,  2.324607, 3.632609};
static const double vtm_psnr[] = {26.144845, 28.493022, 31.199874, 34.261533,
                                  37.419793, 40.424444, 43.505767, 46.59176};
static const double av1_rate[] = {0.055692, 0.169955, 0.352358, 0.682788, 1.167274, 1.80537};
static const double av1_psnr[] = {25.560749, 29.024679, 31.987444, 35.321803, 38.555433, 41.434357};
static const double odd_rate[] = {0.1, 0.2, 0.25, 1.2, 1.3};
static const double odd_psnr[] = {20, 21, 30, 30.5, 40};

static BdCurve vtm, av1, odd, line;

static int make_curves(void **state)
{
    (void)state;
    assert_true(bd_curve_init(&vtm, vtm_rate, vtm_psnr, 8));
    assert_true(bd_curve_init(&av1, av1_rate, av1_psnr, 6));
    assert_true(bd_curve_init(&odd, odd_rate, odd_psnr, 5));
    assert_true(bd_curve_init(&line, odd_rate, odd_psnr, 2));
    return 0;
}

static void check(const BdCurve *curve, const BdCurve *anchor, double low, double high,
                  double percent, double from, double to)
{
    BdRate bd;
    assert_true(bd_rate(curve, anchor, low, high, &bd));
    assert_true(fabs(bd.percent - percent) < 1e-6);
    assert_true(fabs(bd.from - from) < 1e-6);
    assert_true(fabs(bd.to - to) < 1e-6);
}

static void test_scipy(void **state)
{
    (void)state;
    check(&av1, &vtm, 0.05, 1.6, 18.4842348277, 26.2358098388, 40.610946648);
    check(&vtm, &av1, 0.05, 1.6, -15.6005858962, 26.2358098388, 40.610946648);
    check(&av1, &vtm, 1e-6, 1e6, 18.0172725106, 26.144845, 41.434357);
    check(&odd, &vtm, 0.05, 1.6, 129.180680548, 26.2358098388, 40);
    check(&odd, &vtm, 0.15, 1.0, 81.6308180065, 29.4188203683, 30.3938817233);
    check(&odd, &av1, 1e-6, 1e6, 98.2613951614, 25.560749, 40);
    check(&line, &odd, 1e-6, 1e6, -5.63734835831, 20, 21);
}

static void test_same_curve(void **state)
{
    (void)state;
    check(&vtm, &vtm, 1e-6, 1e6, 0, vtm_psnr[0], vtm_psnr[7]);
    double twice[8];
    for (int i = 0; i < 8; i++)
        twice[i] = 2 * vtm_rate[i];
    BdCurve curve;
    assert_true(bd_curve_init(&curve, twice, vtm_psnr, 8));
    check(&curve, &vtm, 1e-6, 1e6, 100, vtm_psnr[0], vtm_psnr[7]);
}

static void test_no_range(void **state)
{
    (void)state;
    BdRate bd;
    assert_false(bd_rate(&line, &vtm, 1e-6, 1e6, &bd)); /* qualities apart */
    assert_false(bd_rate(&av1, &vtm, 5, 6, &bd));       /* rates apart */
}

/* Points that a curve cannot go through are left out. */
static void test_bad_points(void **state)
{
    (void)state;
    const double rate[] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
    const double quality[] = {30, NAN, 29, 33, INFINITY, 35};
    BdCurve curve;
    assert_true(bd_curve_init(&curve, rate, quality, 6));
    assert_int_equal(curve.count, 3);
    assert_true(curve.quality[1] == 33 && curve.quality[2] == 35);
    assert_false(bd_curve_init(&curve, rate, quality, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scipy), cmocka_unit_test(test_same_curve),
        cmocka_unit_test(test_no_range), cmocka_unit_test(test_bad_points)};
    return cmocka_run_group_tests(tests, make_curves, NULL);
}
