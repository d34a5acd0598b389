/* Names of instruction sets, their implications, and what the machine reports. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "codec/base/cpu.h"

#define AVX2 (MICA_CPU_SSE41 | MICA_CPU_AVX2)
#define AVX512 (AVX2 | MICA_CPU_AVX512)
#define DOTPROD (MICA_CPU_NEON | MICA_CPU_DOTPROD)

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t flags;
    } cases[] = {
        {"c", 0},
        {"sse41", MICA_CPU_SSE41},
        {"avx2", AVX2},
        {"avxvnni", AVX2 | MICA_CPU_AVXVNNI},
        {"avx512", AVX512},
        {"avx512vnni", AVX512 | MICA_CPU_AVX512VNNI},
        {"neon", MICA_CPU_NEON},
        {"dotprod", DOTPROD},
        {"i8mm", DOTPROD | MICA_CPU_I8MM},
        {"c+avx2", AVX2},
        {"avxvnni+avx512vnni", AVX512 | MICA_CPU_AVX512VNNI | MICA_CPU_AVXVNNI},
        {"all", UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t flags = 12345;
        assert_int_equal(mica_cpu_flags_parse(cases[i].name, &flags), MICA_OK);
        assert_int_equal(flags, cases[i].flags);
    }
    static const char *const bad[] = {"",      "+",    "avx2+", "+avx2", "avx",
                                      "avx22", "AVX2", " c",    "avx2,c"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint32_t flags = 12345;
        assert_int_equal(mica_cpu_flags_parse(bad[i], &flags), MICA_ERROR_INVALID_ARGUMENT);
        assert_int_equal(flags, 12345);
    }
    uint32_t flags;
    assert_int_equal(mica_cpu_flags_parse(NULL, &flags), MICA_ERROR_INVALID_ARGUMENT);
    assert_int_equal(mica_cpu_flags_parse("c", NULL), MICA_ERROR_INVALID_ARGUMENT);
}

static void test_text(void **state)
{
    (void)state;
    char text[128];
    mica_cpu_flags_text(0, text, sizeof(text));
    assert_string_equal(text, "c");
    mica_cpu_flags_text(AVX2, text, sizeof(text));
    assert_string_equal(text, "sse41+avx2");
    mica_cpu_flags_text(UINT32_MAX, text, sizeof(text));
    assert_string_equal(text, "sse41+avx2+avxvnni+avx512+avx512vnni+neon+dotprod+i8mm");

    /* A short buffer gets the beginning and nothing behind its end. */
    for (size_t size = 0; size < 12; size++) {
        memset(text, '#', sizeof(text));
        mica_cpu_flags_text(AVX2, text, size);
        if (size) {
            const size_t length = size - 1 < 10 ? size - 1 : 10;
            assert_memory_equal(text, "sse41+avx2", length);
            assert_int_equal(text[length], 0);
        }
        assert_int_equal(text[size], '#');
    }
    mica_cpu_flags_text(0, NULL, 0);
}

/* Printing and parsing give back every set that the implications allow. */
static void test_round_trip(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 1u << 11; bits++) {
        char text[128];
        uint32_t once, twice;
        mica_cpu_flags_text(bits, text, sizeof(text));
        assert_int_equal(mica_cpu_flags_parse(text, &once), MICA_OK);
        const uint32_t known = bits & ~(7u << 5);
        assert_int_equal(once & known, known);
        mica_cpu_flags_text(once, text, sizeof(text));
        assert_int_equal(mica_cpu_flags_parse(text, &twice), MICA_OK);
        assert_int_equal(twice, once);
    }
}

static void test_machine(void **state)
{
    (void)state;
    const uint32_t flags = mica_cpu_flags();
    char text[128];
    uint32_t parsed;
    mica_cpu_flags_text(flags, text, sizeof(text));
    assert_int_equal(mica_cpu_flags_parse(text, &parsed), MICA_OK);
    assert_int_equal(parsed, flags);
    assert_int_equal(mica_cpu_flags(), flags);
    print_message("instruction sets: %s, processors: %d\n", text, mica_cpu_count());

    assert_true(mica_cpu_count() >= 1);
    const double before = mica_clock_ms();
    assert_true(mica_clock_ms() >= before);
    assert_true(before > 0.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
