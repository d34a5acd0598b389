/*
 * Every mixture kernel against the plain C, bit for bit: checkasm_entropy [seed]
 *
 * Blocks of all sizes up to the largest, parameters random and at their ends, all of the block
 * compared, also behind the elements that were asked for. The random seed is printed, so that a
 * failure can be repeated.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/base/cpu.h"
#include "entropy/mixture.h"

#define COUNT (MICA_MIXTURE_BLOCK + 40)

static uint64_t random_state;

static uint32_t random32(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) ^ (uint32_t)(random_state >> 11);
}

typedef struct Parameters {
    int16_t means[4][COUNT], symbols[COUNT];
    uint8_t scales[4][COUNT], weights[3][COUNT], shapes[COUNT];
} Parameters;

static void fill(Parameters *p)
{
    int kind = (int)(random32() % 4); /* typical, anything, ends, equal */
    for (int i = 0; i < COUNT; i++) {
        for (int k = 0; k < 4; k++) {
            int32_t r = (int32_t)(random32() >> 1);
            p->means[k][i] = (int16_t)(kind == 0   ? r % 256 - 128
                                       : kind == 1 ? r
                                       : r % 2     ? 32767
                                                   : -32768);
            p->scales[k][i] = (uint8_t)(kind == 0   ? r / 256 % 100
                                        : kind == 1 ? r / 256
                                        : r & 2     ? 255
                                                    : 0);
            if (kind == 3) {
                p->means[k][i] = p->means[0][i];
                p->scales[k][i] = p->scales[0][i];
            }
            if (k < 3)
                p->weights[k][i] = (uint8_t)(kind < 2 ? random32() : random32() % 2 ? 255 : 0);
        }
        p->shapes[i] = (uint8_t)random32();
        int32_t r = (int32_t)(random32() >> 1);
        p->symbols[i] = (int16_t)(r % 3 ? (p->means[0][i] >> 5) + r / 4 % 9 - 4 : r);
    }
}

/* Slots that the prepared symbols do not have, at the ends of their groups and anywhere. */
static unsigned pick_slots(const MicaMixtureBlock *block, size_t i, uint32_t *slots)
{
    unsigned missed = 0;
    for (unsigned k = 0; k < MICA_RANS_STATES_MAX; k++) {
        const uint32_t ends[] = {0, block->low[i + k] - 1, block->high[i + k], MICA_RANS_SLOTS - 1};
        slots[k] = random32() % 2 ? ends[random32() % 4] : random32();
        slots[k] %= MICA_RANS_SLOTS;
        if (slots[k] < block->low[i + k] || slots[k] >= block->high[i + k])
            missed |= (random32() % 4 != 0) << k;
    }
    return missed;
}

static int check_level(const char *name, uint32_t flags, Parameters *p)
{
    static MicaMixtureTables tables;
    MicaMixtureDsp reference, candidate;
    mica_mixture_tables_init(&tables);
    mica_mixture_dsp_init_c(&reference);
    mica_mixture_dsp_init(&candidate, flags);
    int failed = 0;
    for (int round = 0; round < 2000; round++) {
        static MicaMixtureBlock a, b;
        fill(p);
        int components = 1 + (int)(random32() % 4);
        MicaEntropyModel model = {.components = components};
        for (int k = 0; k < components; k++) {
            model.means[k] = p->means[k];
            model.scales[k] = p->scales[k];
            if (k + 1 < components)
                model.weights[k] = p->weights[k];
        }
        model.shapes = random32() % 2 ? p->shapes : NULL;
        size_t begin = random32() % 40;
        size_t count = random32() % 4 ? random32() % (MICA_MIXTURE_BLOCK + 1) : MICA_MIXTURE_BLOCK;
        const int16_t *symbols = random32() % 2 ? p->symbols : NULL;
        memset(&a, 0x5a, sizeof(a));
        memset(&b, 0x5a, sizeof(b));
        reference.prepare[components - 1](&tables, &model, symbols, begin, count, &a);
        candidate.prepare[components - 1](&tables, &model, symbols, begin, count, &b);
        if (memcmp(&a, &b, sizeof(a))) {
            printf("%s: prepare differs, %d components, %zu elements%s%s\n", name, components,
                   count, symbols ? ", symbols given" : "", model.shapes ? ", shapes given" : "");
            failed = 1;
        }
        if (count < MICA_MIXTURE_BLOCK || symbols)
            continue;
        for (size_t i = 0; i < MICA_MIXTURE_BLOCK; i++)
            a.element[i] = b.element[i] = (uint16_t)i;
        for (size_t i = 0; i + MICA_RANS_STATES_MAX <= MICA_MIXTURE_BLOCK;
             i += MICA_RANS_STATES_MAX) {
            uint32_t slots[MICA_RANS_STATES_MAX];
            unsigned missed = pick_slots(&a, i, slots);
            reference.search[components - 1](&tables, &model, begin, &a, i, slots, missed);
            candidate.search[components - 1](&tables, &model, begin, &b, i, slots, missed);
        }
        if (memcmp(&a, &b, sizeof(a))) {
            printf("%s: search differs, %d components%s\n", name, components,
                   model.shapes ? ", shapes given" : "");
            failed = 1;
        }
    }
    printf("%s: %s\n", name, failed ? "FAIL" : "ok");
    return failed;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } levels[] = {{"avx2", MICA_CPU_AVX2}, {"avx512", MICA_CPU_AVX512}, {"neon", MICA_CPU_NEON}};
    static Parameters parameters;
    unsigned long seed = argc > 1 ? strtoul(argv[1], NULL, 10) : (unsigned long)time(NULL);
    printf("seed %lu\n", seed);
    int failed = 0;
    uint32_t flags = 0;
    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        flags |= levels[i].flag;
        random_state = seed;
        if (mica_cpu_flags() & levels[i].flag)
            failed |= check_level(levels[i].name, flags, &parameters);
        else
            printf("%s: skipped, not on this processor\n", levels[i].name);
    }
    return failed;
}
