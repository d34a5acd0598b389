/*
 * checkasm: every vector kernel against its C reference, bit for bit, and a bench of the same.
 *
 * A check is called once per level of instruction sets that the processor has, from C upwards. It
 * builds its function table with the flags of the level, skips what it has already seen at a lower
 * level, runs reference and candidate on the same data and compares whole buffers, guard zones and
 * gaps between rows included. Data comes from checkasm_random(), so the printed seed repeats a run.
 */
#ifndef MICA_TESTS_CHECKASM_H
#define MICA_TESTS_CHECKASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/base/attributes.h"

struct MicaKernels;

typedef struct CheckLevel {
    const char *name;
    uint32_t flags;                               /* of this level and all that it builds on */
    void (*overlay)(struct MicaKernels *kernels); /* or NULL: kernels that no flag selects */
    bool bench;                                   /* time the functions as well */
} CheckLevel;

void check_pointwise(const CheckLevel *level);
void check_depthwise(const CheckLevel *level);
void check_gain(const CheckLevel *level);
void check_restoration(const CheckLevel *level);
void check_motion(const CheckLevel *level);

/* The function table of a level. */
void checkasm_kernels(struct MicaKernels *kernels, const CheckLevel *level);

uint32_t checkasm_random(void);

/* Uniform in low..high. */
int checkasm_range(int low, int high);

/* How a buffer is filled; extremes find saturation that random data never reaches. */
typedef enum CheckFill {
    CHECK_RANDOM,
    CHECK_SMALL, /* near zero */
    CHECK_MIN,
    CHECK_MAX,
    CHECK_ALTERNATING, /* min, max, min, ... */
    CHECK_CORNERS,     /* min or max at random */
    CHECK_FILLS
} CheckFill;

/* One value of a sequence filled that way. */
int checkasm_value(CheckFill fill, size_t index, int min, int max);

/* `size` bytes between two guard zones, filled like the guards with a pattern; aborts without
 * memory. checkasm_same() compares two of them of the same size, guards included. */
void *checkasm_alloc(size_t size);
void checkasm_free(void *p);
bool checkasm_same(const void *a, const void *b, size_t size);
void checkasm_copy(void *to, const void *from, size_t size);

/* Name what runs next, for reports (also from a signal handler). */
MICA_PRINTF(1, 2) void checkasm_context(const char *format, ...);

/* Report the failure of what the context names; counts as one check either way. */
void checkasm_result(bool ok);

/* The smallest number of core cycles that one call took. */
double checkasm_cycles(void (*run)(void *context), void *context);

/* One line of the bench: the context, and the work per cycle. */
void checkasm_print_rate(double work, double cycles, const char *unit);

#endif
