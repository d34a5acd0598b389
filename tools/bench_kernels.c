#include "tools/bench_kernels.h"

#include <stdio.h>
#include <time.h>

#include "mica/speed.h"
#include "tools/bench_blas.h"

#define MAX_SHAPES 64
#define CHAIN 20000 /* steps of 16 cycles: below the time that a scheduler gives */

static const struct {
    const char *name;
    int product; /* a matrix product, as BLAS has */
} kinds[] = {
    [MICA_KERNEL_POINTWISE_S16] = {"pointwise_s16", 1},
    [MICA_KERNEL_POINTWISE_S8] = {"pointwise_s8", 1},
    [MICA_KERNEL_POINTWISE_S4] = {"pointwise_s4", 1},
    [MICA_KERNEL_DEPTHWISE_S8] = {"depthwise_s8", 0},
};

#define KINDS (int)(sizeof kinds / sizeof *kinds)

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double bench_cycles_per_ns(void)
{
    double best = 0;
    volatile uint64_t source[2] = {0x9e3779b97f4a7c15u, 1};
    const uint64_t a = source[0], b = source[1];
    for (int run = 0; run < 20; run++) {
        uint64_t x = source[1];
        const double start = now_ns();
        for (int i = 0; i < CHAIN; i++) {
            /* An addition after an exclusive or, each waiting for the one before: no compiler can
             * shorten this. */
            x = (x ^ a) + b, x = (x ^ b) + a, x = (x ^ a) + b, x = (x ^ b) + a;
            x = (x ^ a) + b, x = (x ^ b) + a, x = (x ^ a) + b, x = (x ^ b) + a;
        }
        const double rate = 16.0 * CHAIN / (now_ns() - start);
        source[1] = x | 1;
        best = rate > best ? rate : best;
    }
    return best;
}

typedef struct Table {
    MicaKernelSpeed speeds[MAX_SHAPES];
    double blas[MAX_SHAPES]; /* multiply-accumulates per ns; 0: not measured */
    size_t count;
    double clock; /* cycles per ns */
} Table;

/* Multiply-accumulates of all shapes of a kind by their time: per cycle, and of BLAS. */
static double average(const Table *t, int kind, double *blas)
{
    double mac = 0, ns = 0, blas_ns = 0;
    for (size_t i = 0; i < t->count; i++)
        if ((int)t->speeds[i].kind == kind) {
            mac += t->speeds[i].mac;
            ns += t->speeds[i].nanoseconds;
            blas_ns += t->blas[i] > 0 ? t->speeds[i].mac / t->blas[i] : 0;
        }
    *blas = blas_ns > 0 ? mac / blas_ns / t->clock : 0;
    return ns > 0 ? mac / ns / t->clock : 0;
}

static void put_rates(Json *json, double rate, double blas)
{
    json_real(json, "mac_per_cycle", rate);
    if (blas > 0) {
        json_real(json, "sgemm_mac_per_cycle", blas);
        json_real(json, "times_sgemm", rate / blas);
    }
}

static void put_json(const Table *t, Json *json)
{
    json_object(json, "kernels");
    json_real(json, "cycles_per_ns", t->clock);
    json_text(json, "sgemm", bench_blas_name());
    for (int kind = 0; kind < KINDS; kind++) {
        double blas;
        const double rate = average(t, kind, &blas);
        json_object(json, kinds[kind].name);
        put_rates(json, rate, blas);
        json_array(json, "shapes");
        for (size_t i = 0; i < t->count; i++) {
            const MicaKernelSpeed *s = &t->speeds[i];
            if ((int)s->kind != kind)
                continue;
            json_object(json, NULL);
            json_text(json, "layer", s->layer);
            json_integer(json, "inputs", s->inputs);
            json_integer(json, "outputs", s->outputs);
            json_integer(json, "pixels", s->pixels);
            put_rates(json, s->mac / s->nanoseconds / t->clock, t->blas[i] / t->clock);
            json_object_end(json);
        }
        json_array_end(json);
        json_object_end(json);
    }
    json_object_end(json);
}

static void print_line(const char *kind, const char *shape, double rate, double blas)
{
    printf("  %-14s %-30s %9.1f", kind, shape, rate);
    if (blas > 0)
        printf(" %9.1f %8.2fx\n", blas, rate / blas);
    else
        printf(" %9s %9s\n", "-", "-");
}

static void print_text(const Table *t)
{
    const char *name = bench_blas_name();
    printf("kernels, MAC/cycle on 1 thread at %.2f cycles/ns, beside sgemm of %s\n", t->clock,
           name ? name : "OpenBLAS (not installed)");
    printf("  %-14s %-30s %9s %9s %9s\n", "kernel", "shape", "mica", "sgemm", "ratio");
    for (int kind = 0; kind < KINDS; kind++) {
        for (size_t i = 0; i < t->count; i++) {
            const MicaKernelSpeed *s = &t->speeds[i];
            char shape[64];
            if ((int)s->kind != kind)
                continue;
            snprintf(shape, sizeof shape, "%4d -> %4d  %s", s->inputs, s->outputs, s->layer);
            print_line(kinds[kind].name, shape, s->mac / s->nanoseconds / t->clock,
                       t->blas[i] / t->clock);
        }
        double blas;
        const double rate = average(t, kind, &blas);
        print_line(kinds[kind].name, "all", rate, blas);
    }
}

MicaStatus bench_kernels(const MicaModel *model, uint32_t cpu_flags, int runs, Json *json,
                         MicaError *error)
{
    Table t = {.clock = bench_cycles_per_ns()};
    /* More runs than of the codec: these are short. */
    const MicaStatus status =
        mica_kernel_speed(model, cpu_flags, 4 * runs, t.speeds, MAX_SHAPES, &t.count, error);
    if (status != MICA_OK)
        return status;
    for (size_t i = 0; i < t.count; i++) {
        const MicaKernelSpeed *s = &t.speeds[i];
        if (kinds[s->kind].product)
            t.blas[i] = bench_blas_rate(s->pixels, s->inputs, s->outputs, 4 * runs);
    }
    const double clock = bench_cycles_per_ns();
    t.clock = clock > t.clock ? clock : t.clock;
    if (json)
        put_json(&t, json);
    else
        print_text(&t);
    return MICA_OK;
}
