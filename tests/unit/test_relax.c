/* Rounding in the encoder's search: choices that are hard, soft, and nearly none. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/base/mem.h"
#include "codec/enc_relax.h"
#include "entropy/shared_tables.h"

#define SHAPE 3
#define INDEX 30.4f

static MicaBitTable *bits;

static int open_tables(void **state)
{
    (void)state;
    const MicaSymbolTables *tables = mica_shared_tables_acquire();
    bits = mica_alloc(1, sizeof *bits);
    if (!tables || !bits)
        return -1;
    mica_bit_table_init(bits, tables);
    mica_shared_tables_release(&tables);
    return 0;
}

static int close_tables(void **state)
{
    (void)state;
    mica_free(bits);
    return 0;
}

static void test_functions(void **state)
{
    (void)state;
    for (float x = 1e-6f; x < 1e6f; x *= 1.37f)
        assert_true(fabs(mica_log(x) - log(x)) < 2e-6 * (1 + fabs(log(x))));
    for (float x = -40; x < 40; x += 0.37f)
        assert_true(fabs(mica_exp(x) / exp(x) - 1) < 4e-6);
}

/* The derivatives are those of value and bits, but for where the first is limited to 1. */
static void test_derivatives(void **state)
{
    (void)state;
    const float h = 1e-3f;
    int compared = 0;
    for (float spread = 0; spread <= 10; spread += 5)
        for (float temperature = 0.3f; temperature < 1.2f; temperature += 0.2f)
            for (float r = -4.47f; r < 4.5f; r += 0.01f) {
                const MicaRelaxation x = {temperature, spread};
                const MicaRelaxed v = mica_relax(bits, r, SHAPE, INDEX, x);
                const MicaRelaxed low = mica_relax(bits, r - h, SHAPE, INDEX, x);
                const MicaRelaxed high = mica_relax(bits, r + h, SHAPE, INDEX, x);
                const MicaRelaxed less = mica_relax(bits, r, SHAPE, INDEX - 0.1f, x);
                const MicaRelaxed more = mica_relax(bits, r, SHAPE, INDEX + 0.1f, x);
                assert_true(v.slope > 0 && v.slope <= 1);
                if (low.slope > 0.98f || v.slope > 0.98f || high.slope > 0.98f)
                    continue;
                /* Kinks: at even odds, and at an integer. */
                if (fabsf(high.slope - low.slope) > 0.04f || floorf(r - h) != floorf(r + h))
                    continue;
                compared++;
                const float value = (high.value - low.value) / (2 * h);
                const float by_residual = (high.bits - low.bits) / (2 * h);
                assert_true(fabsf(value - v.slope) < 0.02f);
                assert_true(fabsf(by_residual - v.bits_by_residual) < 0.02f * (3 + spread));
                /* The border of even odds depends on the index too, which the derivative ignores.
                 */
                assert_true(fabsf((more.bits - less.bits) / 0.2f - v.bits_by_index) <
                            0.03f * (1 + spread));
            }
    print_message("%d places compared\n", compared);
    assert_true(compared > 5000);
}

/* Cold choices are those of plain rounding by price; warm ones cost what their variance does. */
static void test_limits(void **state)
{
    (void)state;
    for (float r = -3.995f; r < 4; r += 0.01f) {
        const MicaRelaxed hard = mica_round(bits, r, SHAPE, 30);
        const MicaRelaxed cold = mica_relax(bits, r, SHAPE, 30, (MicaRelaxation){0.02f, 8});
        const MicaRelaxed warm = mica_relax(bits, r, SHAPE, 30, (MicaRelaxation){1, 8});
        const MicaRelaxed free = mica_relax(bits, r, SHAPE, 30, (MicaRelaxation){1, 0});
        const float up = free.value - floorf(r);
        /* Near even odds even a cold choice is open. */
        const MicaRelaxed before = mica_round(bits, r - 0.04f, SHAPE, 30);
        const MicaRelaxed after = mica_round(bits, r + 0.04f, SHAPE, 30);
        if (before.value == after.value) {
            assert_true(fabsf(cold.value - hard.value) < 0.05f);
            assert_true(fabsf(cold.bits - hard.bits) < 0.6f);
        }
        assert_true(fabsf(warm.bits - free.bits - 8 * up * (1 - up)) < 1e-3f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_derivatives),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, open_tables, close_tables);
}
