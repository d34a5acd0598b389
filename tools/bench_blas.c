#include "tools/bench_blas.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RUN_NS 200000.

/* The C interface of BLAS, with 32-bit integers. */
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
typedef void Sgemm(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                   const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

static Sgemm *sgemm;
static char *(*config)(void);

/* A function by name; ISO C has no cast from void * to it. */
static int find(void *library, const char *name, void *function, size_t size)
{
    void *const symbol = dlsym(library, name);
    memcpy(function, &symbol, size);
    return symbol != NULL;
}

static int load(void)
{
    static int tried;
    if (tried)
        return sgemm != NULL;
    tried = 1;
    void *const library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    void (*set_threads)(int) = NULL;
    if (!library || !find(library, "openblas_set_num_threads", &set_threads, sizeof set_threads) ||
        !find(library, "openblas_get_config", &config, sizeof config) ||
        !find(library, "cblas_sgemm", &sgemm, sizeof sgemm)) {
        sgemm = NULL;
        return 0;
    }
    set_threads(1);
    return 1;
}

const char *bench_blas_name(void)
{
    return load() ? config() : NULL;
}

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double bench_blas_rate(int pixels, int inputs, int outputs, int runs)
{
    const size_t in = (size_t)pixels * (size_t)inputs, out = (size_t)pixels * (size_t)outputs;
    const size_t weights = (size_t)inputs * (size_t)outputs;
    float *const data = load() ? calloc(in + out + weights, sizeof *data) : NULL;
    if (!data)
        return 0;
    for (size_t i = 0; i < in + weights; i++)
        data[i] = (float)(i % 61) / 61;
    double least = 0;
    int calls = 1;
    for (int run = -1; run < runs;) {
        const double start = now_ns();
        for (int i = 0; i < calls; i++)
            sgemm(ROW_MAJOR, NO_TRANS, TRANS, pixels, outputs, inputs, 1, data, inputs, data + in,
                  inputs, 0, data + in + weights, outputs);
        const double each = (now_ns() - start) / calls;
        if (run < 0 && each * calls < RUN_NS) {
            calls *= 2;
            continue;
        }
        least = run < 0 || each < least ? each : least;
        run++;
    }
    free(data);
    return (double)pixels * inputs * outputs / least;
}
