#if defined(__linux__)
#define _GNU_SOURCE /* sched_getaffinity() */
#endif
#include "codec/base/cpu.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#endif

#if defined(MICA_HAVE_X86) && defined(__GNUC__)
#define DETECT_X86 1
#include <cpuid.h>
#elif defined(MICA_HAVE_ARM) && defined(__aarch64__) && defined(__linux__)
#define DETECT_ARM 1
#include <sys/auxv.h>
#endif

#if DETECT_X86

#define XCR0_AVX 0x06u    /* XMM and YMM state */
#define XCR0_AVX512 0xe6u /* and the mask registers and both halves of ZMM */

/* Which register files the operating system saves: a processor with AVX under a kernel without
 * faults. */
static uint32_t read_xcr0(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static uint32_t detect(void)
{
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_SSSE3) || !(ecx & bit_SSE4_1))
        return 0;
    uint32_t flags = MICA_CPU_SSE41;

    if (!(ecx & bit_OSXSAVE) || !(ecx & bit_AVX))
        return flags;
    const uint32_t xcr0 = read_xcr0();
    if ((xcr0 & XCR0_AVX) != XCR0_AVX)
        return flags;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(ebx & (1u << 5)))
        return flags;
    flags |= MICA_CPU_AVX2;

    const unsigned subleaves = eax;
    const unsigned avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31; /* F, DQ, BW, VL */
    if ((ebx & avx512) == avx512 && (xcr0 & XCR0_AVX512) == XCR0_AVX512) {
        flags |= MICA_CPU_AVX512;
        if (ecx & (1u << 11))
            flags |= MICA_CPU_AVX512VNNI;
    }
    if (subleaves >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax & (1u << 4)))
        flags |= MICA_CPU_AVXVNNI;
    return flags;
}

#elif DETECT_ARM

/* Fixed by the kernel's interface; older C libraries do not name the last one. */
#define CAP_ASIMD (1ul << 1)
#define CAP_ASIMDDP (1ul << 20)
#define CAP2_I8MM (1ul << 13)

static uint32_t detect(void)
{
    const unsigned long cap = getauxval(AT_HWCAP);
    if (!(cap & CAP_ASIMD))
        return 0;
    uint32_t flags = MICA_CPU_NEON;
    if (cap & CAP_ASIMDDP) {
        flags |= MICA_CPU_DOTPROD;
        if (getauxval(AT_HWCAP2) & CAP2_I8MM)
            flags |= MICA_CPU_I8MM;
    }
    return flags;
}

#else

static uint32_t detect(void)
{
    return 0;
}

#endif

/* Asked once: in a virtual machine every CPUID is a call to the host, tens of microseconds. Threads
 * that come first at the same time find the same. */
uint32_t mica_cpu_flags(void)
{
    static atomic_uint found;
    const unsigned known = 1u << 31; /* no flag */
    unsigned flags = atomic_load_explicit(&found, memory_order_relaxed);
    if (!flags) {
        flags = known | detect();
        atomic_store_explicit(&found, flags, memory_order_relaxed);
    }
    return flags & ~known;
}

/* `implied` is what the name selects. AVX-512 does not bring AVX-VNNI along: many processors have
 * only the former. */
static const struct {
    char name[12];
    uint32_t flag, implied;
} names[] = {
    {"sse41", MICA_CPU_SSE41, MICA_CPU_SSE41},
    {"avx2", MICA_CPU_AVX2, MICA_CPU_SSE41 | MICA_CPU_AVX2},
    {"avxvnni", MICA_CPU_AVXVNNI, MICA_CPU_SSE41 | MICA_CPU_AVX2 | MICA_CPU_AVXVNNI},
    {"avx512", MICA_CPU_AVX512, MICA_CPU_SSE41 | MICA_CPU_AVX2 | MICA_CPU_AVX512},
    {"avx512vnni", MICA_CPU_AVX512VNNI,
     MICA_CPU_SSE41 | MICA_CPU_AVX2 | MICA_CPU_AVX512 | MICA_CPU_AVX512VNNI},
    {"neon", MICA_CPU_NEON, MICA_CPU_NEON},
    {"dotprod", MICA_CPU_DOTPROD, MICA_CPU_NEON | MICA_CPU_DOTPROD},
    {"i8mm", MICA_CPU_I8MM, MICA_CPU_NEON | MICA_CPU_DOTPROD | MICA_CPU_I8MM},
    {"c", 0, 0},
    {"all", 0, UINT32_MAX},
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

/* Append as much of `part` as fits, keeping the terminating zero; returns the new length. */
static size_t append(char *text, size_t size, size_t length, const char *part)
{
    while (*part && length + 1 < size)
        text[length++] = *part++;
    text[length] = '\0';
    return length;
}

void mica_cpu_flags_text(uint32_t flags, char *text, size_t size)
{
    if (!text || !size)
        return;
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (!(flags & names[i].flag))
            continue;
        if (length)
            length = append(text, size, length, "+");
        length = append(text, size, length, names[i].name);
    }
    if (!length)
        append(text, size, 0, "c");
}

MicaStatus mica_cpu_flags_parse(const char *text, uint32_t *flags)
{
    if (!text || !flags)
        return MICA_ERROR_INVALID_ARGUMENT;
    uint32_t result = 0;
    for (const char *p = text;; p++) {
        const size_t length = strcspn(p, "+");
        size_t i = 0;
        while (i < NAME_COUNT &&
               (strlen(names[i].name) != length || memcmp(names[i].name, p, length) != 0))
            i++;
        if (i == NAME_COUNT)
            return MICA_ERROR_INVALID_ARGUMENT;
        result |= names[i].implied;
        p += length;
        if (!*p)
            break;
    }
    *flags = result;
    return MICA_OK;
}

int mica_cpu_count(void)
{
#if defined(__linux__)
    /* The affinity mask, since a container often owns a part of the machine. It fails with more
     * than 1024 processors, where the count of all of them is near enough. */
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        const int count = CPU_COUNT(&set);
        if (count > 0)
            return count;
    }
#endif
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online > 1024 ? 1024 : (int)online;
}

double mica_clock_ms(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0.0;
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}
