#include "models/float_network.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"

/* Layers are built twice, as in network.c: first to add up their sizes. */
typedef struct Builder {
    const MicaModelFile *file;
    float *memory; /* NULL while measuring */
    size_t used;
    int missing;
} Builder;

static float *reserve(Builder *b, size_t count)
{
    float *p = b->memory ? b->memory + b->used : NULL;
    b->used += (count + 15) & ~(size_t)15;
    return p;
}

static const void *tensor(Builder *b, const char *layer, const char *part, MicaTensorType type,
                          int dim0, int dim1)
{
    char name[96];
    snprintf(name, sizeof name, "%s%s", layer, part);
    const MicaTensor *t = mica_model_file_find(b->file, name, type, (uint32_t)dim0, (uint32_t)dim1);
    if (!t)
        b->missing = 1;
    return t ? t->data : NULL;
}

/* Scale and bias of the outputs: bias in the file includes the rounding half of the shift. */
static void requant(Builder *b, const char *name, int outputs, float *scale, float *bias)
{
    const int32_t *integer = tensor(b, name, ".bias", MICA_TENSOR_S32, outputs, 0);
    const int16_t *multiplier = tensor(b, name, ".multiplier", MICA_TENSOR_S16, outputs, 0);
    const uint8_t *shift = tensor(b, name, ".shift", MICA_TENSOR_U8, outputs, 0);
    for (int o = 0; scale && !b->missing && o < outputs; o++) {
        const double unit = (double)multiplier[o] / (double)((uint64_t)1 << (15 + shift[o]));
        const double half = (double)((uint64_t)1 << shift[o] >> 1);
        scale[o] = (float)unit;
        bias[o] = (float)((integer[o] - half) * unit);
    }
}

static float *packed_product(Builder *b, MicaFloatProduct *p, int inputs, int outputs)
{
    float *packed = reserve(b, (size_t)inputs * (size_t)outputs);
    *p = (MicaFloatProduct){
        .inputs = inputs, .outputs = outputs, .packed = packed, .low = -FLT_MAX, .high = FLT_MAX};
    return packed;
}

static void put(float *packed, int inputs, int input, int output, float value)
{
    const int panel = output / MICA_FLOAT_PANEL, column = output % MICA_FLOAT_PANEL;
    packed[((ptrdiff_t)panel * inputs + input) * MICA_FLOAT_PANEL + column] = value;
}

/* Results are clamped to low..high. */
static void clamped_layer(Builder *b, const char *name, MicaFloatLayer *layer, int inputs,
                          int outputs, float low, float high)
{
    const MicaWeights weight = mica_model_file_weights(b->file, name, outputs, inputs);
    b->missing |= !weight.data;
    float *forward = packed_product(b, &layer->forward, inputs, outputs);
    float *backward = packed_product(b, &layer->backward, outputs, inputs);
    float *scale = reserve(b, (size_t)outputs), *bias = reserve(b, (size_t)outputs);
    requant(b, name, outputs, scale, bias);
    layer->forward.bias = bias;
    layer->forward.low = low;
    layer->forward.high = high;
    for (int o = 0; forward && !b->missing && o < outputs; o++)
        for (int i = 0; i < inputs; i++) {
            const float v = (float)mica_weight_at(weight, o * inputs + i) * scale[o];
            put(forward, inputs, i, o, v);
            put(backward, outputs, o, i, v);
        }
}

static void layer(Builder *b, const char *name, MicaFloatLayer *l, int inputs, int outputs)
{
    clamped_layer(b, name, l, inputs, outputs, -FLT_MAX, FLT_MAX);
}

static void depthwise(Builder *b, const char *name, MicaFloatDepthwise *l, int channels)
{
    const int8_t *integer = tensor(b, name, ".weight", MICA_TENSOR_S8, 9, channels);
    float *weight = reserve(b, 9 * (size_t)channels);
    float *scale = reserve(b, (size_t)channels), *bias = reserve(b, (size_t)channels);
    requant(b, name, channels, scale, bias);
    *l = (MicaFloatDepthwise){.channels = channels, .weight = weight, .bias = bias};
    for (int i = 0; weight && !b->missing && i < 9 * channels; i++)
        weight[i] = (float)integer[i] * scale[i % channels];
}

static void block(Builder *b, const char *name, MicaFloatBlock *l, int channels, int expand)
{
    char part[64];
    snprintf(part, sizeof part, "%s.a", name);
    clamped_layer(b, part, &l->a, channels, channels, 0, 127);
    snprintf(part, sizeof part, "%s.dw", name);
    depthwise(b, part, &l->dw, channels);
    snprintf(part, sizeof part, "%s.b", name);
    layer(b, part, &l->b, channels, channels);
    snprintf(part, sizeof part, "%s.e", name);
    clamped_layer(b, part, &l->e, channels, channels * expand, 0, 127);
    snprintf(part, sizeof part, "%s.f", name);
    layer(b, part, &l->f, channels * expand, channels);
}

static void build(Builder *b, MicaFloatNetwork *n)
{
    const MicaNetworkConfig *c = &n->config;
    const int f = c->features, m = c->latents, z = c->hyper, p = c->prior, t = c->context;
    char name[64];
    layer(b, "stem", &n->stem, c->condition ? 2 * 192 : 192, f);
    layer(b, "to_latent", &n->to_latent, 4 * f, m);
    for (int i = 0; i < c->analysis; i++) {
        snprintf(name, sizeof name, "analysis.%d", i);
        block(b, name, &n->analysis[i], f, 2);
    }
    layer(b, "prior_up0", &n->prior_up0, z, 4 * z);
    block(b, "prior_block0", &n->prior_block0, z, 2);
    layer(b, "prior_up1", &n->prior_up1, z, 4 * p);
    block(b, "prior_block1", &n->prior_block1, p, 1);
    for (int k = 0; k < MICA_CONTEXT_STEPS; k++) {
        MicaFloatContextStep *step = &n->context[k];
        snprintf(name, sizeof name, "context.%d.enter", k);
        layer(b, name, &step->enter, k ? p + m : p, t);
        snprintf(name, sizeof name, "context.%d.0", k);
        block(b, name, &step->block, t, 1);
        for (int g = 0; g < MICA_GROUPS; g++) {
            snprintf(name, sizeof name, "context.%d.head.%d", k, g);
            layer(b, name, &step->head[g], t, m / MICA_GROUPS * 2);
        }
    }
    layer(b, "from_latent", &n->from_latent, m, 4 * f);
    for (int i = 0; i < c->synthesis; i++) {
        snprintf(name, sizeof name, "synthesis.%d", i);
        block(b, name, &n->synthesis[i], f, 2);
    }
    layer(b, "head", &n->head, f, 192);
}

MicaStatus mica_float_network_create(MicaFloatNetwork **network, const MicaModelFile *file,
                                     uint32_t cpu_flags, MicaError *error)
{
    *network = NULL;
    MicaFloatNetwork *n = mica_alloc_zero(1, sizeof *n);
    if (!n)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the search");
    n->config = file->config;
    mica_float_kernels_init(&n->kernels, cpu_flags);
    Builder b = {.file = file};
    build(&b, n);
    if (!b.missing) {
        b.memory = n->memory = mica_alloc(b.used, sizeof(float));
        b.used = 0;
        if (n->memory)
            build(&b, n);
    }
    if (b.missing || !n->memory) {
        const int missing = b.missing;
        mica_float_network_destroy(&n);
        return missing ? mica_fail(error, MICA_ERROR_MODEL_CORRUPT, "the model lacks a tensor")
                       : mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the search");
    }
    *network = n;
    return MICA_OK;
}

void mica_float_network_destroy(MicaFloatNetwork **network)
{
    if (!*network)
        return;
    mica_free((*network)->memory);
    mica_free(*network);
    *network = NULL;
}

void mica_float_gains(const int16_t *anchors, int channels, int quality, int sign, float *gains)
{
    int16_t log2[MICA_MAX_GAIN_CHANNELS], mantissa[MICA_MAX_GAIN_CHANNELS];
    uint8_t shift[MICA_MAX_GAIN_CHANNELS];
    mica_gains_interpolate(anchors, channels, quality, log2);
    mica_gains_split(log2, channels, sign, mantissa, shift);
    for (int c = 0; c < channels; c++)
        gains[c] = (float)mantissa[c] / (float)((uint32_t)1 << shift[c]);
}
