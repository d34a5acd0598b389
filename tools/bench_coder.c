#include "tools/bench_coder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mica/entropy.h"

#define COMPONENTS 3
#define CHANNEL 1536 /* elements of a channel in generated data */
#define GENERATED (320 * CHANNEL)
#define RUNS_MAX 100

/* Predictions in floating point, as a network would make them, and what they predict. */
typedef struct Arrays {
    size_t count;
    float *means, *scales, *weights; /* COMPONENTS planes each */
    int32_t *symbols;
    float *gauss_scales;
    int32_t *gauss_symbols;
} Arrays;

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t random_state;

static double uniform(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return ((double)(random_state >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(void)
{
    return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

/* Marsaglia and Tsang; below 1 by the usual power of a uniform number */
static double gamma_sample(double a)
{
    if (a < 1)
        return gamma_sample(a + 1) * pow(uniform(), 1 / a);
    const double d = a - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = normal(), v = pow(1 + c * x, 3);
        if (v > 0 && log(uniform()) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

/* Q(a, x), the upper incomplete gamma function over the whole one: series or continued fraction */
static double gamma_upper(double a, double x)
{
    const double factor = exp(a * log(x) - x - lgamma(a));
    if (x <= 0)
        return 1;
    if (x < a + 1) {
        double term = 1 / a, sum = term;
        for (double n = a + 1; term > sum * 1e-16; n++)
            sum += term *= x / n;
        return 1 - sum * factor;
    }
    double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
    for (int i = 1; i < 500; i++) {
        const double an = -i * (i - a);
        b += 2;
        d = 1 / (an * d + b);
        c = b + an / c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-16)
            break;
    }
    return factor * h;
}

/* P(T > t), unit variance; shape 2 is the normal distribution */
static double survival(double shape, double t)
{
    if (t < 0)
        return 1 - survival(shape, -t);
    if (shape == 2)
        return 0.5 * erfc(t * 0.7071067811865476);
    const double a = exp(0.5 * (lgamma(3 / shape) - lgamma(1 / shape)));
    return 0.5 * gamma_upper(1 / shape, pow(a * t, shape));
}

/* Probability of the integer x; in the far tail from the side where it does not cancel */
static double probability(double shape, double x, double mean, double scale)
{
    const double d = fabs(x - mean);
    return survival(shape, (d - 0.5) / scale) - survival(shape, (d + 0.5) / scale);
}

static void arrays_free(Arrays *a)
{
    free(a->means);
    free(a->scales);
    free(a->weights);
    free(a->symbols);
    free(a->gauss_scales);
    free(a->gauss_symbols);
}

/* The data of a .npy file of 4-byte elements in C order, or NULL. */
static void *load(const char *folder, const char *tag, const char *name, size_t *count)
{
    char path[1000];
    snprintf(path, sizeof path, "%s/%s_%s.npy", folder, tag, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    unsigned char head[10];
    void *data = NULL;
    long begin, end;
    if (fread(head, 1, 10, f) == 10 && memcmp(head, "\x93NUMPY\x01", 7) == 0 &&
        fseek(f, 0, SEEK_END) == 0 && (end = ftell(f)) > 0) {
        begin = 10 + head[8] + 256 * head[9];
        if (end > begin && (data = malloc((size_t)(end - begin)))) {
            *count = (size_t)(end - begin) / 4;
            if (fseek(f, begin, SEEK_SET) || fread(data, 4, *count, f) != *count) {
                free(data);
                data = NULL;
            }
        }
    }
    fclose(f);
    return data;
}

static MicaStatus arrays_load(Arrays *a, const char *folder, const char *tag)
{
    size_t n[6] = {0};
    a->symbols = load(folder, tag, "symbols", &n[0]);
    a->means = load(folder, tag, "means", &n[1]);
    a->scales = load(folder, tag, "scales", &n[2]);
    a->weights = load(folder, tag, "weights", &n[3]);
    a->gauss_symbols = load(folder, tag, "gauss_symbols", &n[4]);
    a->gauss_scales = load(folder, tag, "gauss_scales", &n[5]);
    a->count = n[0];
    for (int i = 0; i < 6; i++)
        if (n[i] == 0 || n[i] != n[0] * (i >= 1 && i <= 3 ? COMPONENTS : 1))
            return MICA_ERROR_IO;
    return MICA_OK;
}

/* Most channels nearly empty, some busy: quiet elements have scales of 0.11..0.17, active ones up
 * to 64. */
static MicaStatus arrays_generate(Arrays *a)
{
    const size_t n = a->count = GENERATED;
    a->means = calloc(n, COMPONENTS * sizeof(float));
    a->scales = calloc(n, COMPONENTS * sizeof(float));
    a->weights = calloc(n, COMPONENTS * sizeof(float));
    a->symbols = calloc(n, sizeof(int32_t));
    a->gauss_scales = calloc(n, sizeof(float));
    a->gauss_symbols = calloc(n, sizeof(int32_t));
    if (!a->means || !a->scales || !a->weights || !a->symbols || !a->gauss_scales ||
        !a->gauss_symbols)
        return MICA_ERROR_OUT_OF_MEMORY;
    random_state = 20240601;
    double activity = 0;
    for (size_t i = 0; i < n; i++) {
        if (i % CHANNEL == 0) {
            const double x = gamma_sample(0.45);
            activity = x / (x + gamma_sample(1.2));
        }
        const int active = uniform() < activity;
        const double s = 0.11 * pow((active ? 64 : 0.17) / 0.11, uniform());
        const double mean = active ? normal() * fmax(1, 0.5 * s) : 0.05 * normal();
        double exps[COMPONENTS], sum = 0, pick = uniform();
        for (int k = 0; k < COMPONENTS; k++)
            sum += exps[k] = exp(normal());
        int chosen = -1;
        for (int k = 0; k < COMPONENTS; k++) {
            const size_t j = (size_t)k * n + i;
            a->means[j] = (float)(mean + (active ? 1 : 0.05) * normal());
            a->scales[j] = (float)fmin(64, fmax(0.11, s * exp((active ? 0.4 : 0.15) * normal())));
            a->weights[j] = (float)(exps[k] / sum);
            if (chosen < 0 && (pick -= exps[k] / sum) < 0)
                chosen = k;
        }
        const size_t j = (size_t)(chosen < 0 ? 0 : chosen) * n + i;
        a->symbols[i] = (int32_t)rint(a->means[j] + a->scales[j] * normal());
        a->gauss_scales[i] = (float)s;
        a->gauss_symbols[i] = (int32_t)rint(s * normal());
    }
    return MICA_OK;
}

/* One set ready for the coder. */
typedef struct Set {
    MicaEntropyModel model;
    int16_t *symbols, *decoded, *means[4];
    uint8_t *scales[4], *weights[3], *shapes;
    double ideal_bits;
} Set;

static void set_free(Set *s)
{
    free(s->symbols);
    free(s->decoded);
    free(s->shapes);
    for (int k = 0; k < 4; k++) {
        free(s->means[k]);
        free(s->scales[k]);
        if (k < 3)
            free(s->weights[k]);
    }
}

static int set_alloc(Set *s, size_t n, int components)
{
    int ok =
        (s->symbols = malloc(n * 2)) && (s->decoded = malloc(n * 2)) && (s->shapes = malloc(n));
    for (int k = 0; k < components; k++) {
        ok = ok && (s->means[k] = malloc(n * 2)) && (s->scales[k] = malloc(n));
        if (k + 1 < components)
            ok = ok && (s->weights[k] = malloc(n));
    }
    s->model = (MicaEntropyModel){.struct_size = sizeof s->model, .components = components};
    return ok;
}

/* The fourth component is half of the third, so that the distributions stay the same. */
static int make_mixture(Set *s, const Arrays *a, int components)
{
    const size_t n = a->count;
    if (!set_alloc(s, n, components))
        return 0;
    for (size_t i = 0; i < n; i++) {
        float weights[4] = {0};
        double p = 0;
        for (int k = 0; k < components; k++) {
            const size_t j = (size_t)(k < COMPONENTS ? k : COMPONENTS - 1) * n + i;
            const int halved = components > COMPONENTS && k >= COMPONENTS - 1;
            weights[k] = a->weights[j] * (halved ? 0.5f : 1);
            s->means[k][i] = mica_entropy_quantise_mean(a->means[j]);
            s->scales[k][i] = mica_entropy_quantise_scale(a->scales[j]);
            p += weights[k] * probability(2, a->symbols[i], a->means[j], a->scales[j]);
        }
        uint8_t quantised[3];
        mica_entropy_quantise_weights(weights, components, quantised);
        for (int k = 0; k + 1 < components; k++)
            s->weights[k][i] = quantised[k];
        s->symbols[i] = (int16_t)a->symbols[i];
        s->ideal_bits -= log2(p);
    }
    for (int k = 0; k < components; k++) {
        s->model.means[k] = s->means[k];
        s->model.scales[k] = s->scales[k];
        if (k + 1 < components)
            s->model.weights[k] = s->weights[k];
    }
    return 1;
}

static int make_gaussian(Set *s, const Arrays *a)
{
    if (!set_alloc(s, a->count, 1))
        return 0;
    for (size_t i = 0; i < a->count; i++) {
        s->symbols[i] = (int16_t)a->gauss_symbols[i];
        s->scales[0][i] = mica_entropy_quantise_scale(a->gauss_scales[i]);
        s->ideal_bits -= log2(probability(2, a->gauss_symbols[i], 0, a->gauss_scales[i]));
    }
    s->model.scales[0] = s->scales[0];
    return 1;
}

/* The scales of the Gaussian set, shapes of 0.75..2 by channel, and symbols drawn from that. */
static int make_generalized(Set *s, const Arrays *a)
{
    if (!set_alloc(s, a->count, 1))
        return 0;
    random_state = 3;
    for (size_t i = 0; i < a->count; i++) {
        const int index = 2 + (int)(i / CHANNEL) * 7 % 11;
        const double shape = 0.5 + index / 8.0, scale = a->gauss_scales[i];
        const double unit = exp(0.5 * (lgamma(3 / shape) - lgamma(1 / shape)));
        const double t = pow(gamma_sample(1 / shape), 1 / shape) / unit;
        const double x = rint((uniform() < 0.5 ? -t : t) * scale);
        s->symbols[i] = (int16_t)fmax(-32768, fmin(32767, x));
        s->shapes[i] = (uint8_t)index;
        s->scales[0][i] = mica_entropy_quantise_scale((float)scale);
        s->ideal_bits -= log2(probability(shape, s->symbols[i], 0, scale));
    }
    s->model.scales[0] = s->scales[0];
    s->model.shapes = s->shapes;
    return 1;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static MicaStatus measure(const MicaEntropyCoder *coder, Set *s, size_t count, int runs,
                          BenchCoderResult *result)
{
    double encode[RUNS_MAX], decode[RUNS_MAX];
    runs = runs < 1 ? 1 : runs > RUNS_MAX ? RUNS_MAX : runs;
    for (int i = 0; i < runs; i++) {
        uint8_t *data;
        size_t size;
        const double t0 = now_ns();
        MicaStatus status =
            mica_entropy_encode(coder, &s->model, 0, s->symbols, count, &data, &size);
        const double t1 = now_ns();
        if (status != MICA_OK)
            return status;
        status = mica_entropy_decode(coder, &s->model, data, size, s->decoded, count);
        const double t2 = now_ns();
        mica_entropy_free(data);
        if (status != MICA_OK || memcmp(s->decoded, s->symbols, count * sizeof *s->symbols) != 0)
            return MICA_ERROR_INTERNAL;
        encode[i] = (t1 - t0) / (double)count;
        decode[i] = (t2 - t1) / (double)count;
        result->bytes = size;
    }
    qsort(encode, (size_t)runs, sizeof *encode, compare_doubles);
    qsort(decode, (size_t)runs, sizeof *decode, compare_doubles);
    result->symbols = count;
    result->encode_ns = encode[0];
    result->decode_ns = decode[0];
    result->encode_median_ns = encode[runs / 2];
    result->decode_median_ns = decode[runs / 2];
    result->over_ideal_percent = 100 * ((double)result->bytes * 8 / s->ideal_bits - 1);
    return MICA_OK;
}

MicaStatus bench_coder(const char *folder, const char *tag, uint32_t cpu_flags, int runs,
                       BenchCoderResult results[BENCH_CODER_SETS])
{
    static const char *const names[] = {"gmm3", "gmm4", "ggm", "gaussian"};
    Arrays arrays = {0};
    MicaEntropyCoder *coder = NULL;
    MicaStatus status = mica_entropy_create(&coder, cpu_flags);
    if (status == MICA_OK)
        status = folder ? arrays_load(&arrays, folder, tag) : arrays_generate(&arrays);
    for (int i = 0; i < BENCH_CODER_SETS && status == MICA_OK; i++) {
        Set set = {.ideal_bits = 0};
        results[i].name = names[i];
        const int made = i < 2    ? make_mixture(&set, &arrays, 3 + i)
                         : i == 2 ? make_generalized(&set, &arrays)
                                  : make_gaussian(&set, &arrays);
        status =
            made ? measure(coder, &set, arrays.count, runs, &results[i]) : MICA_ERROR_OUT_OF_MEMORY;
        set_free(&set);
    }
    arrays_free(&arrays);
    mica_entropy_destroy(&coder);
    return status;
}
