#include "checkasm.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

#include "codec/base/cpu.h"
#include "codec/base/mem.h"
#include "transforms/kernels.h"

#define GUARD 128
#define PATTERN 0xa5
#define COUNT(array) (sizeof(array) / sizeof *(array))

static uint64_t random_state;
static char context[160];
static unsigned checks, failures;

#define AVX2 (MICA_CPU_SSE41 | MICA_CPU_AVX2)
#define AVX512VNNI (AVX2 | MICA_CPU_AVX512 | MICA_CPU_AVX512VNNI)

#if defined(MICA_HAVE_X86)
void checkasm_init_avxvnni_evex(MicaKernels *kernels);
#endif

static const CheckLevel levels[] = {
    {.name = "c"},
#if defined(MICA_HAVE_X86)
    {.name = "sse41", .flags = MICA_CPU_SSE41},
    {.name = "avx2", .flags = AVX2},
    {.name = "avxvnni", .flags = AVX2 | MICA_CPU_AVXVNNI},
    {.name = "avx512", .flags = AVX2 | MICA_CPU_AVX512},
    {.name = "avx512vnni", .flags = AVX512VNNI},
    {.name = "avxvnni-evex", .flags = AVX512VNNI, .overlay = checkasm_init_avxvnni_evex},
#elif defined(MICA_HAVE_ARM)
    {.name = "neon", .flags = MICA_CPU_NEON},
    {.name = "dotprod", .flags = MICA_CPU_NEON | MICA_CPU_DOTPROD},
#endif
};

static const struct {
    const char *name;
    void (*run)(const CheckLevel *level);
} tests[] = {
    {"pointwise", check_pointwise},     {"depthwise", check_depthwise}, {"gain", check_gain},
    {"restoration", check_restoration}, {"motion", check_motion},
};

void checkasm_kernels(MicaKernels *kernels, const CheckLevel *level)
{
    mica_kernels_init(kernels, level->flags);
    if (level->overlay)
        level->overlay(kernels);
}

uint32_t checkasm_random(void)
{
    /* splitmix64 */
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(z >> 32);
}

int checkasm_range(int low, int high)
{
    const uint64_t span = (uint64_t)((int64_t)high - low + 1);
    return (int)(low + (int64_t)(checkasm_random() * span >> 32));
}

int checkasm_value(CheckFill fill, size_t index, int min, int max)
{
    switch (fill) {
    case CHECK_SMALL:
        return checkasm_range(min < -3 ? -3 : min, max > 3 ? 3 : max);
    case CHECK_MIN:
        return min;
    case CHECK_MAX:
        return max;
    case CHECK_ALTERNATING:
        return index & 1 ? max : min;
    case CHECK_CORNERS:
        return checkasm_random() & 1 ? max : min;
    default:
        return checkasm_range(min, max);
    }
}

void *checkasm_alloc(size_t size)
{
    uint8_t *p = mica_alloc(size + 2 * GUARD, 1);
    if (!p) {
        fprintf(stderr, "checkasm: out of memory\n");
        exit(1);
    }
    memset(p, PATTERN, size + 2 * GUARD);
    return p + GUARD;
}

void checkasm_free(void *p)
{
    if (p)
        mica_free((uint8_t *)p - GUARD);
}

bool checkasm_same(const void *a, const void *b, size_t size)
{
    return !memcmp((const uint8_t *)a - GUARD, (const uint8_t *)b - GUARD, size + 2 * GUARD);
}

void checkasm_copy(void *to, const void *from, size_t size)
{
    memcpy((uint8_t *)to - GUARD, (const uint8_t *)from - GUARD, size + 2 * GUARD);
}

void checkasm_context(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
}

void checkasm_result(bool ok)
{
    checks++;
    if (!ok) {
        failures++;
        printf("FAILED: %s\n", context);
    }
}

/* A kernel that crashes should say which one it was. */
static void on_signal(int number)
{
    static const char text[] = "checkasm: signal in ";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
    ignored += write(STDERR_FILENO, context, strlen(context));
    ignored += write(STDERR_FILENO, "\n", 1);
    (void)ignored;
    signal(number, SIG_DFL);
    raise(number);
}

static uint64_t ticks(void)
{
#if defined(__x86_64__)
    return __rdtsc();
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
#endif
}

/* Core cycles per tick, from a chain of dependent operations of known latency: the time stamp
 * counter runs at a constant rate while the core's clock moves. */
static double cycles_per_tick(void)
{
    enum { ROUNDS = 2000 };
    const uint64_t start = ticks();
#if defined(__x86_64__)
    uint64_t x = 3;
    for (int i = 0; i < ROUNDS; i++)
        __asm__ volatile("imul %0, %0\n\timul %0, %0\n\timul %0, %0\n\timul %0, %0\n\t"
                         "imul %0, %0\n\timul %0, %0\n\timul %0, %0\n\timul %0, %0"
                         : "+r"(x));
    const double cycles = 3.0 * 8 * ROUNDS; /* latency 3 on every x86-64 with AVX2 */
#else
    volatile uint64_t sink;
    uint64_t x = start | 1;
    for (int i = 0; i < ROUNDS * 4; i++) {
        x ^= x << 13;
        x ^= x >> 7;
    }
    sink = x;
    (void)sink;
    const double cycles = 4.0 * ROUNDS * 4; /* a guess: two shifts and two exclusive ors */
#endif
    return cycles / (double)(ticks() - start);
}

double checkasm_cycles(void (*run)(void *), void *arg)
{
    enum { KEEP = 4 };
    const uint64_t budget = 60000000; /* ticks: some 25 ms */
    const uint64_t start = ticks();
    uint64_t best[KEEP];
    double ratio = 0;

    for (int i = 0; i < KEEP; i++)
        best[i] = UINT64_MAX;
    /* Interruptions make a sample longer and the ratio smaller. The very best samples are left out:
     * virtual processors do not always agree on the time. */
    do {
        const double r = cycles_per_tick();
        const uint64_t t = ticks();
        run(arg);
        uint64_t elapsed = ticks() - t;

        ratio = r > ratio && r < 8 ? r : ratio;
        for (int i = 0; i < KEEP; i++) {
            if (elapsed < best[i]) {
                const uint64_t longer = best[i];
                best[i] = elapsed;
                elapsed = longer;
            }
        }
    } while (ticks() - start < budget || best[KEEP - 1] == UINT64_MAX);
    return (double)best[KEEP - 1] * ratio;
}

void checkasm_print_rate(double work, double cycles, const char *unit)
{
    printf("  %-64s %8.3f %s/cycle\n", context, work / cycles, unit);
    fflush(stdout);
}

static int usage(void)
{
    fprintf(stderr, "usage: checkasm [--bench] [--seed=N] [--level=NAME] [--test=NAME]\n"
                    "--bench times the functions after the checks; --level and --test keep only "
                    "the named one.\n");
    return 2;
}

int main(int argc, char **argv)
{
    const char *only_level = NULL, *only_test = NULL;
    uint64_t seed = (uint64_t)time(NULL);
    bool bench = false;
    char text[128];

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--bench"))
            bench = true;
        else if (!strncmp(argv[i], "--seed=", 7))
            seed = strtoull(argv[i] + 7, NULL, 0);
        else if (!strncmp(argv[i], "--level=", 8))
            only_level = argv[i] + 8;
        else if (!strncmp(argv[i], "--test=", 7))
            only_test = argv[i] + 7;
        else
            return usage();
    }
    signal(SIGSEGV, on_signal);
    signal(SIGILL, on_signal);
    signal(SIGBUS, on_signal);
    signal(SIGFPE, on_signal);

    const uint32_t cpu = mica_cpu_flags();
    mica_cpu_flags_text(cpu, text, sizeof text);
    printf("checkasm: seed %" PRIu64 ", processor: %s\n", seed, text);

    for (size_t l = 0; l < COUNT(levels); l++) {
        CheckLevel level = levels[l];
        level.bench = bench && (!only_level || !strcmp(only_level, level.name));
        /* The lower levels still run, so that a kernel is checked at the first that has it. */
        if (only_level && strcmp(only_level, level.name) && level.flags)
            continue;
        if (level.flags & ~cpu) {
            printf("%s: SKIPPED, this processor lacks it\n", level.name);
            continue;
        }
        for (size_t t = 0; t < COUNT(tests); t++) {
            if (only_test && strcmp(only_test, tests[t].name))
                continue;
            const unsigned before = checks, failed = failures;
            random_state = seed;
            tests[t].run(&level);
            if (checks == before)
                printf("%s %s: nothing new\n", level.name, tests[t].name);
            else
                printf("%s %s: %u checks, %u failed\n", level.name, tests[t].name, checks - before,
                       failures - failed);
            fflush(stdout);
        }
    }
    printf("checkasm: %u checks, %u failed\n", checks, failures);
    return failures != 0;
}
