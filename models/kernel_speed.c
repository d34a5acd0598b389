/* A model's layers by themselves, against the clock. */
#include "mica/speed.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "codec/base/cpu.h"
#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "models/model.h"

#define PIXELS 192 /* a call: rows of this order fit the second-level cache, as in the networks */
#define RUN_NS 200000. /* a run repeats the call until it is long enough for the clock */
#define MAX_CHANNELS MICA_MAX_INPUTS

typedef struct Bench {
    const MicaModelFile *file;
    const MicaKernels *kernels;
    MicaKernelSpeed *speeds;
    size_t capacity, count;
    int runs;
    uint8_t *in, *out, *packed; /* packed: of the layer cut to 4 bits */
    int8_t *weight;
    MicaStatus status;
} Bench;

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void call(const Bench *b, const MicaPointwise *p, const MicaDepthwise *d)
{
    if (p) {
        b->kernels->pointwise(p, b->in, p->inputs, b->out, p->outputs,
                              (const int16_t *)(void *)b->out, PIXELS);
    } else {
        const int8_t *row = (const int8_t *)b->in;
        const ptrdiff_t stride = (ptrdiff_t)(PIXELS + 2) * d->channels;
        const int8_t *const rows[3] = {row, row + stride, row + 2 * stride};
        b->kernels->depthwise(d, rows, (int8_t *)b->out, PIXELS);
    }
}

static double least_ns(const Bench *b, const MicaPointwise *p, const MicaDepthwise *d)
{
    double least = 0;
    int calls = 1;
    for (int run = -1; run < b->runs; run++) { /* run -1 finds the number of calls */
        for (;;) {
            const double start = now_ns();
            for (int i = 0; i < calls; i++)
                call(b, p, d);
            const double each = (now_ns() - start) / calls;
            if (run < 0 && each * calls < RUN_NS && calls < 1 << 20) {
                calls *= 2;
                continue;
            }
            if (run < 0 || each < least)
                least = each;
            break;
        }
    }
    return least;
}

static void measure(Bench *b, MicaKernelKind kind, const char *name, const MicaPointwise *p,
                    const MicaDepthwise *d)
{
    const int inputs = p ? p->inputs : d->channels, outputs = p ? p->outputs : d->channels;
    for (size_t i = 0; i < b->count; i++)
        if (b->speeds[i].kind == kind && b->speeds[i].inputs == inputs &&
            b->speeds[i].outputs == outputs)
            return;
    if (b->count == b->capacity)
        return;
    MicaKernelSpeed *s = &b->speeds[b->count++];
    *s = (MicaKernelSpeed){.kind = kind, .inputs = inputs, .outputs = outputs, .pixels = PIXELS};
    snprintf(s->layer, sizeof s->layer, "%s", name);
    s->mac = (double)PIXELS * outputs * (p ? inputs : 9);
    s->nanoseconds = least_ns(b, p, d);
}

/* The layer again, with the high half of its weights. */
static void measure_cut(Bench *b, const char *name, const MicaPointwise *layer)
{
    char weight_name[64];
    snprintf(weight_name, sizeof weight_name, "%s.weight", name);
    const MicaTensor *t = mica_model_file_find(b->file, weight_name, MICA_TENSOR_S8,
                                               (uint32_t)layer->outputs, (uint32_t)layer->inputs);
    MicaPointwise cut = *layer;
    const size_t size = b->kernels->pointwise_packed_size(layer) + MICA_PADDING;
    if (!t || b->status != MICA_OK)
        return;
    mica_free(b->packed);
    mica_free(b->weight);
    b->packed = mica_alloc(size, 1);
    b->weight = mica_alloc(t->count + MICA_PADDING, 1);
    if (!b->packed || !b->weight) {
        b->status = MICA_ERROR_OUT_OF_MEMORY;
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        const int w = ((const int8_t *)t->data)[i];
        b->weight[i] = (int8_t)((w + 128) / 16 - 8);
    }
    b->kernels->pointwise_pack(&cut, b->weight, b->packed);
    cut.packed = b->packed;
    measure(b, MICA_KERNEL_POINTWISE_S4, name, &cut, NULL);
}

static void pointwise(Bench *b, const char *name, const MicaPointwise *layer)
{
    if (layer->input_kind == MICA_INPUT_S16) {
        measure(b, MICA_KERNEL_POINTWISE_S16, name, layer, NULL);
        return;
    }
    measure(b, MICA_KERNEL_POINTWISE_S8, name, layer, NULL);
    measure_cut(b, name, layer);
}

static void block(Bench *b, const char *name, const MicaBlock *layer)
{
    const struct {
        const char *part;
        const MicaPointwise *layer;
    } parts[] = {{"a", &layer->a}, {"b", &layer->b}, {"e", &layer->e}, {"f", &layer->f}};
    char text[32];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(text, sizeof text, "%s.%s", name, parts[i].part);
        pointwise(b, text, parts[i].layer);
    }
    snprintf(text, sizeof text, "%s.dw", name);
    measure(b, MICA_KERNEL_DEPTHWISE_S8, text, NULL, &layer->dw);
}

/* Layers that are alike in every model are named once. */
static void all_layers(Bench *b, const MicaNetwork *n)
{
    pointwise(b, "from_latent", &n->from_latent);
    if (n->config.synthesis)
        block(b, "synthesis.0", &n->synthesis[0]);
    pointwise(b, "head", &n->head);
    pointwise(b, "prior_up0", &n->prior_up0);
    block(b, "prior_block0", &n->prior_block0);
    pointwise(b, "prior_up1", &n->prior_up1);
    block(b, "prior_block1", &n->prior_block1);
    pointwise(b, "context.0.enter", &n->context[0].enter);
    pointwise(b, "context.1.enter", &n->context[1].enter);
    block(b, "context.0.0", &n->context[0].block);
    pointwise(b, "context.0.head.0", &n->context[0].head[0]);
    pointwise(b, "stem", &n->stem);
    if (n->config.analysis)
        block(b, "analysis.0", &n->analysis[0]);
    pointwise(b, "to_latent", &n->to_latent);
    pointwise(b, "hyper_enter", &n->hyper_enter);
    pointwise(b, "hyper_down0", &n->hyper_down0);
    if (n->config.condition) {
        pointwise(b, "condition_enter", &n->condition_enter);
        pointwise(b, "condition_prior", &n->condition_prior);
        pointwise(b, "condition_synthesis", &n->condition_synthesis);
    }
}

MicaStatus mica_kernel_speed(const MicaModel *model, uint32_t cpu_flags, int runs,
                             MicaKernelSpeed *speeds, size_t capacity, size_t *count,
                             MicaError *error)
{
    if (!model || !count || (capacity && !speeds) || runs < 1)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no model, or no room for results");
    *count = 0;
    const MicaNetwork *network;
    MicaStatus status = mica_model_network(model, cpu_flags & mica_cpu_flags(), &network, error);
    if (status != MICA_OK)
        return status;
    /* Rows of three lines for the depthwise layers fit as well: those have at most a quarter. */
    const size_t room = (size_t)(PIXELS + 2) * MAX_CHANNELS * sizeof(int16_t) + MICA_PADDING;
    Bench b = {.file = mica_model_file(model),
               .kernels = &network->kernels,
               .speeds = speeds,
               .capacity = capacity,
               .runs = runs,
               .in = mica_alloc(room, 1),
               .out = mica_alloc_zero(room, 1),
               .status = MICA_OK};
    if (b.in && b.out) {
        uint32_t random = 1;
        for (size_t i = 0; i < room; i++) { /* 0..127: right for every kind of input */
            random = random * 1664525u + 1013904223u;
            b.in[i] = (uint8_t)(random >> 25);
        }
        all_layers(&b, network);
    } else {
        b.status = MICA_ERROR_OUT_OF_MEMORY;
    }
    mica_free(b.in);
    mica_free(b.out);
    mica_free(b.packed);
    mica_free(b.weight);
    *count = b.count;
    return b.status == MICA_OK ? MICA_OK
                               : mica_fail(error, b.status, "no memory to measure kernels");
}

void mica_stage_mac(const MicaModel *model, MicaStageMac *mac)
{
    mica_network_stage_mac(&mica_model_file(model)->config, mac);
}
