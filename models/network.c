#include "models/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "entropy/shared_tables.h"
#include "models/restoration.h"

/* Layers are built twice: first to add up the packed sizes, then to pack into one allocation. */
typedef struct Builder {
    const MicaModelFile *file;
    MicaNetwork *network;
    uint8_t *packed; /* NULL while measuring */
    size_t used;
    MicaError *error;
    MicaStatus status;
} Builder;

static void fail(Builder *b, const char *name, const char *what)
{
    if (b->status == MICA_OK)
        b->status =
            mica_fail(b->error, MICA_ERROR_MODEL_CORRUPT, "model tensor %s: %s", name, what);
}

static const void *tensor(Builder *b, const char *layer, const char *part, MicaTensorType type,
                          int dim0, int dim1)
{
    char name[96];
    snprintf(name, sizeof name, "%s%s", layer, part);
    const MicaTensor *t = mica_model_file_find(b->file, name, type, (uint32_t)dim0, (uint32_t)dim1);
    if (!t) {
        fail(b, name, "missing or of another type or shape");
        return NULL;
    }
    return t->data;
}

/* Only kernels of int16 inputs take wide ones. */
static MicaWeights pointwise_weights(Builder *b, const char *name, int inputs, int outputs,
                                     MicaInputKind in)
{
    const MicaWeights w = mica_model_file_weights(b->file, name, outputs, inputs);
    if (w.data && (!w.wide || in == MICA_INPUT_S16))
        return w;
    return (MicaWeights){tensor(b, name, ".weight", MICA_TENSOR_S8, outputs, inputs), 0};
}

/* So many elements lie from one weight of an output to the next; the largest magnitude of an input
 * is `peak`. */
static void check_requant(Builder *b, const char *name, const MicaRequant *q, int outputs,
                          MicaWeights weight, int inputs, int output_step, int input_step, int peak)
{
    for (int o = 0; o < outputs && b->status == MICA_OK; o++) {
        int64_t sum = llabs((long long)q->bias[o]);
        for (int i = 0; i < inputs; i++)
            sum += (int64_t)abs(mica_weight_at(weight, o * output_step + i * input_step)) * peak;
        if (sum > INT32_MAX)
            fail(b, name, "an accumulator could overflow");
        if (q->multiplier[o] < 0 || q->shift[o] > 31)
            fail(b, name, "multiplier or shift out of range");
    }
}

static void requant(Builder *b, const char *name, int outputs, MicaRequant *q)
{
    q->bias = tensor(b, name, ".bias", MICA_TENSOR_S32, outputs, 0);
    q->multiplier = tensor(b, name, ".multiplier", MICA_TENSOR_S16, outputs, 0);
    q->shift = tensor(b, name, ".shift", MICA_TENSOR_U8, outputs, 0);
}

static void *reserve(Builder *b, size_t size)
{
    void *p = b->packed ? b->packed + b->used : NULL;
    b->used += (size + MICA_PADDING + MICA_ALIGNMENT - 1) & ~(size_t)(MICA_ALIGNMENT - 1);
    return p;
}

static void pointwise(Builder *b, const char *name, MicaPointwise *layer, int inputs, int outputs,
                      MicaInputKind in, MicaOutputKind out)
{
    if (b->status != MICA_OK)
        return;
    layer->inputs = inputs;
    layer->outputs = outputs;
    layer->input_kind = in;
    layer->output_kind = out;
    const MicaWeights weight = pointwise_weights(b, name, inputs, outputs, in);
    layer->wide = weight.wide;
    requant(b, name, outputs, &layer->requant);
    if (b->status != MICA_OK)
        return;
    void *packed = reserve(b, b->network->kernels.pointwise_packed_size(layer));
    if (packed) {
        b->network->kernels.pointwise_pack(layer, weight.data, packed);
        layer->packed = packed;
    } else {
        check_requant(b, name, &layer->requant, outputs, weight, inputs, inputs, 1,
                      in == MICA_INPUT_S16 ? 32768 : 127);
    }
}

static void depthwise(Builder *b, const char *name, MicaDepthwise *layer, int channels)
{
    if (b->status != MICA_OK)
        return;
    layer->channels = channels;
    const int8_t *weight = tensor(b, name, ".weight", MICA_TENSOR_S8, 9, channels);
    requant(b, name, channels, &layer->requant);
    if (b->status != MICA_OK)
        return;
    void *packed = reserve(b, b->network->kernels.depthwise_packed_size(layer));
    if (packed) {
        b->network->kernels.depthwise_pack(layer, weight, packed);
        layer->packed = packed;
    } else {
        check_requant(b, name, &layer->requant, channels, (MicaWeights){weight, 0}, 9, 1, channels,
                      127);
    }
}

static void block(Builder *b, const char *name, MicaBlock *layer, int channels, int expand)
{
    char part[64];
    snprintf(part, sizeof part, "%s.a", name);
    pointwise(b, part, &layer->a, channels, channels, MICA_INPUT_S16, MICA_OUTPUT_U7);
    snprintf(part, sizeof part, "%s.dw", name);
    depthwise(b, part, &layer->dw, channels);
    snprintf(part, sizeof part, "%s.b", name);
    pointwise(b, part, &layer->b, channels, channels, MICA_INPUT_S8, MICA_OUTPUT_S16_ADD);
    snprintf(part, sizeof part, "%s.e", name);
    pointwise(b, part, &layer->e, channels, channels * expand, MICA_INPUT_S16, MICA_OUTPUT_U7);
    snprintf(part, sizeof part, "%s.f", name);
    pointwise(b, part, &layer->f, channels * expand, channels, MICA_INPUT_U7, MICA_OUTPUT_S16_ADD);
}

static void stream(Builder *b, const char *name, MicaPointwise *layer, int inputs, int outputs)
{
    pointwise(b, name, layer, inputs, outputs, MICA_INPUT_S16, MICA_OUTPUT_S16);
}

/* Adds to a stream that is there. */
static void addition(Builder *b, const char *name, MicaPointwise *layer, int inputs, int outputs)
{
    pointwise(b, name, layer, inputs, outputs, MICA_INPUT_S16, MICA_OUTPUT_S16_ADD);
}

/* The heads for smaller pictures are not in the file but follow from `head`. */
static void scaled_head(Builder *b, int log2)
{
    MicaPointwise *layer = &b->network->scaled_head[log2];
    const MicaPointwise *head = &b->network->head;
    const int inputs = head->inputs, outputs = mica_scaled_head_outputs(log2);
    const MicaWeights weight = pointwise_weights(b, "head", inputs, head->outputs, MICA_INPUT_S16);
    int32_t *bias = reserve(b, (size_t)outputs * sizeof *bias);
    int16_t *multiplier = reserve(b, (size_t)outputs * sizeof *multiplier);
    uint8_t *shift = reserve(b, (size_t)outputs);
    int8_t *means = reserve(b, (size_t)outputs * (size_t)inputs);
    if (b->status != MICA_OK)
        return;
    *layer = (MicaPointwise){.inputs = inputs,
                             .outputs = outputs,
                             .input_kind = MICA_INPUT_S16,
                             .output_kind = MICA_OUTPUT_S16,
                             .requant = {bias, multiplier, shift}};
    void *packed = reserve(b, b->network->kernels.pointwise_packed_size(layer));
    if (!packed)
        return;
    for (int o = 0; o < outputs; o++) {
        const MicaScaledOutput r = mica_scaled_head_output(&head->requant, weight, inputs, log2, o,
                                                           means + (ptrdiff_t)o * inputs);
        bias[o] = r.bias;
        multiplier[o] = r.multiplier;
        shift[o] = r.shift;
    }
    b->network->kernels.pointwise_pack(layer, means, packed);
    layer->packed = packed;
}

/* The stem sees a prediction beside the picture. */
static int stem_inputs(const MicaNetworkConfig *config)
{
    return config->condition > 0 ? 2 * MICA_CELL_SAMPLES : MICA_CELL_SAMPLES;
}

static const int16_t *anchors(Builder *b, const char *name, int channels, int limit)
{
    const int16_t *v = tensor(b, name, "", MICA_TENSOR_S16, MICA_GAIN_ANCHORS, channels);
    for (int i = 0; v && i < MICA_GAIN_ANCHORS * channels; i++)
        if (v[i] < -limit || v[i] > limit) {
            fail(b, name, "out of range");
            return NULL;
        }
    return v;
}

/* Weights of the restoration filter: no sum may overflow. */
static const int16_t *restoration(Builder *b)
{
    const int16_t *v =
        tensor(b, "restoration", "", MICA_TENSOR_S16, MICA_GAIN_ANCHORS, MICA_RESTORATION_SET);
    for (int i = 0; v && i < MICA_GAIN_ANCHORS * MICA_RESTORATION_CLASSES; i++) {
        int luma = 0, chroma = 0;
        for (int k = 0; k < MICA_RESTORATION_WEIGHTS; k++)
            *(k < MICA_RESTORATION_LUMA_WEIGHTS ? &luma : &chroma) +=
                abs(v[i * MICA_RESTORATION_WEIGHTS + k]);
        if (luma > MICA_RESTORATION_MOST_STORED || chroma > MICA_RESTORATION_MOST_STORED) {
            fail(b, "restoration", "a sum could overflow");
            return NULL;
        }
    }
    return v;
}

/* Indices below `limit`. */
static const uint8_t *indices(Builder *b, const char *name, int rows, int columns, int limit)
{
    const uint8_t *v = tensor(b, name, "", MICA_TENSOR_U8, rows, columns);
    for (int i = 0; v && i < rows * (columns ? columns : 1); i++)
        if (v[i] >= limit) {
            fail(b, name, "out of range");
            return NULL;
        }
    return v;
}

/* The layers that look at a prediction of the picture. */
static void condition(Builder *b)
{
    MicaNetwork *n = b->network;
    const int f = n->config.features;
    char name[64];
    stream(b, "condition_enter", &n->condition_enter, MICA_CELL_SAMPLES, f);
    for (int i = 0; i < n->config.condition; i++) {
        snprintf(name, sizeof name, "condition.%d", i);
        block(b, name, &n->condition[i], f, 2);
    }
    addition(b, "condition_prior", &n->condition_prior, 4 * f, n->config.prior);
    addition(b, "condition_synthesis", &n->condition_synthesis, f, f);
    n->condition_gain = anchors(b, "condition_gain", f, MICA_LOG_GAIN_LIMIT);
}

static void hyper_context(Builder *b)
{
    const MicaNetworkConfig *c = &b->network->config;
    MicaHyperContextLayers *l = &b->network->hyper_context;
    const int known = MICA_HYPER_NEIGHBOURS * c->hyper, hidden = c->hyper_context;
    stream(b, "hyper_context.linear", &l->linear, known, 2 * c->hyper);
    pointwise(b, "hyper_context.enter", &l->enter, known, hidden, MICA_INPUT_S16, MICA_OUTPUT_U7);
    pointwise(b, "hyper_context.hidden", &l->hidden, hidden, hidden, MICA_INPUT_U7, MICA_OUTPUT_U7);
    pointwise(b, "hyper_context.leave", &l->leave, hidden, 2 * c->hyper, MICA_INPUT_U7,
              MICA_OUTPUT_S16_ADD);
}

static void build(Builder *b)
{
    MicaNetwork *n = b->network;
    const MicaNetworkConfig *c = &n->config;
    const int f = c->features, m = c->latents, z = c->hyper, p = c->prior, t = c->context;
    char name[64];

    stream(b, "stem", &n->stem, stem_inputs(c), f);
    for (int i = 0; i < c->analysis; i++) {
        snprintf(name, sizeof name, "analysis.%d", i);
        block(b, name, &n->analysis[i], f, 2);
    }
    stream(b, "to_latent", &n->to_latent, 4 * f, m);
    stream(b, "hyper_enter", &n->hyper_enter, m, z);
    block(b, "hyper_block0", &n->hyper_block0, z, 2);
    stream(b, "hyper_down0", &n->hyper_down0, 4 * z, z);
    block(b, "hyper_block1", &n->hyper_block1, z, 2);
    stream(b, "hyper_down1", &n->hyper_down1, 4 * z, z);

    if (c->hyper_context > 0)
        hyper_context(b);
    stream(b, "prior_up0", &n->prior_up0, z, 4 * z);
    block(b, "prior_block0", &n->prior_block0, z, 2);
    stream(b, "prior_up1", &n->prior_up1, z, 4 * p);
    block(b, "prior_block1", &n->prior_block1, p, 1);
    for (int k = 0; k < MICA_CONTEXT_STEPS; k++) {
        MicaContextStep *step = &n->context[k];
        snprintf(name, sizeof name, "context.%d.enter", k);
        stream(b, name, &step->enter, k ? p + m : p, t);
        snprintf(name, sizeof name, "context.%d.0", k);
        block(b, name, &step->block, t, 1);
        for (int g = 0; g < MICA_GROUPS; g++) {
            snprintf(name, sizeof name, "context.%d.head.%d", k, g);
            stream(b, name, &step->head[g], t, m / MICA_GROUPS * 2);
        }
    }
    stream(b, "from_latent", &n->from_latent, m, 4 * f);
    for (int i = 0; i < c->synthesis; i++) {
        snprintf(name, sizeof name, "synthesis.%d", i);
        block(b, name, &n->synthesis[i], f, 2);
    }
    stream(b, "head", &n->head, f, MICA_CELL_SAMPLES);
    n->scaled_head[0] = n->head;
    for (int i = 1; i < MICA_SCALES; i++)
        scaled_head(b, i);

    if (c->condition > 0)
        condition(b);

    n->stem_gain = anchors(b, "stem_gain", f, MICA_LOG_GAIN_LIMIT);
    n->hyper_gain = anchors(b, "hyper_gain", z, MICA_LOG_GAIN_LIMIT);
    n->prior_gain = anchors(b, "prior_gain", p, MICA_LOG_GAIN_LIMIT);
    n->head_gain = anchors(b, "head_gain", f, MICA_LOG_GAIN_LIMIT);
    n->y_gain = anchors(b, "y_gain", m, MICA_LOG_GAIN_LIMIT);
    n->z_gain = anchors(b, "z_gain", z, MICA_LOG_GAIN_LIMIT);
    n->y_offset = anchors(b, "y_offset", m, 32767);
    n->z_offset = anchors(b, "z_offset", z, 32767);
    n->y_shape = indices(b, "y_shape", m, 0, MICA_SHAPE_COUNT);
    n->z_shape = indices(b, "z_shape", z, 0, MICA_SHAPE_COUNT);
    if (c->restoration)
        n->restoration = restoration(b);
}

/* The distributions of y among those of the coder. */
static void select_tables(Builder *b)
{
    MicaNetwork *n = b->network;
    const int shapes = MICA_SHAPE_COUNT, scales = MICA_SCALE_COUNT;
    const uint8_t *shape = indices(b, "y_table_shape", shapes, scales, shapes);
    const uint8_t *scale = indices(b, "y_table_scale", shapes, scales, scales);
    if (b->status != MICA_OK)
        return;
    n->tables = mica_shared_tables_acquire();
    if (n->tables)
        mica_symbol_tables_select(&n->y_tables, n->tables, shape, scale);
    if (!n->y_tables)
        b->status =
            mica_fail(b->error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the symbol tables");
}

static int valid_config(const MicaNetworkConfig *c)
{
    const int widths[] = {c->features, c->latents / 2, c->hyper, c->prior, c->context};
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        if (widths[i] < 32 || widths[i] > 512 || widths[i] % 32)
            return 0;
    if (c->hyper_context > 0 &&
        (c->hyper_context % 32 || c->hyper_context > MICA_MAX_HYPER_CONTEXT ||
         MICA_HYPER_NEIGHBOURS * c->hyper > MICA_MAX_INPUTS))
        return 0;
    return c->latents % 64 == 0 && c->prior + c->latents <= MICA_MAX_INPUTS &&
           c->analysis <= MICA_MAX_BLOCKS && c->synthesis <= MICA_MAX_BLOCKS &&
           c->condition <= MICA_MAX_BLOCKS;
}

MicaStatus mica_network_create(MicaNetwork **network, const MicaModelFile *file, uint32_t cpu_flags,
                               MicaError *error)
{
    *network = NULL;
    if (!valid_config(&file->config))
        return mica_fail(error, MICA_ERROR_MODEL_CORRUPT, "model dimensions are out of range");
    MicaNetwork *n = mica_alloc_zero(1, sizeof *n);
    if (!n)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the network");
    n->config = file->config;
    mica_kernels_init(&n->kernels, cpu_flags);

    Builder b = {.file = file, .network = n, .error = error, .status = MICA_OK};
    build(&b);
    if (b.status == MICA_OK) {
        n->packed = mica_alloc(b.used, 1);
        if (!n->packed)
            b.status = mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the weights");
    }
    if (b.status == MICA_OK) {
        b.packed = n->packed;
        b.used = 0;
        build(&b);
        select_tables(&b);
    }
    if (b.status != MICA_OK) {
        mica_network_destroy(&n);
        return b.status;
    }
    *network = n;
    return MICA_OK;
}

void mica_network_destroy(MicaNetwork **network)
{
    if (!*network)
        return;
    mica_symbol_tables_destroy(&(*network)->y_tables);
    mica_shared_tables_release(&(*network)->tables);
    mica_free((*network)->packed);
    mica_free(*network);
    *network = NULL;
}

static double block_mac(double channels, double expand)
{
    return (2 + 2 * expand) * channels * channels + 9 * channels;
}

void mica_network_stage_mac(const MicaNetworkConfig *c, MicaStageMac *mac)
{
    const double f = c->features, m = c->latents, z = c->hyper, p = c->prior, t = c->context;
    mac->analysis = stem_inputs(c) * f / 64 + c->analysis * block_mac(f, 2) / 64 + 4 * f * m / 256;
    mac->hyper_decoder =
        z * 4 * z / 4096 + block_mac(z, 2) / 1024 + z * 4 * p / 1024 + block_mac(p, 1) / 256;
    if (c->condition > 0)
        mac->hyper_decoder +=
            (MICA_CELL_SAMPLES * f + c->condition * block_mac(f, 2)) / 64 + 4 * f * p / 256;
    if (c->hyper_context > 0) {
        const double known = MICA_HYPER_NEIGHBOURS * z, hidden = c->hyper_context;
        mac->hyper_decoder += (known * 2 * z + (known + hidden + 2 * z) * hidden) / 4096;
    }
    mac->hyper_encoder = mac->hyper_decoder + m * z / 256 + block_mac(z, 2) / 256 +
                         4 * z * z / 1024 + block_mac(z, 2) / 1024 + 4 * z * z / 4096;
    mac->context = (4 * p * t + 3 * m * t + 4 * block_mac(t, 1) + 4 * t * m / 2) / 256;
    mac->synthesis =
        m * 4 * f / 256 + c->synthesis * block_mac(f, 2) / 64 + f * MICA_CELL_SAMPLES / 64;
    if (c->condition > 0)
        mac->synthesis += f * f / 64;
    if (c->restoration)
        mac->synthesis += 2 * MICA_RESTORATION_WEIGHTS - MICA_RESTORATION_LUMA_WEIGHTS;
}

void mica_network_complexity(const MicaNetworkConfig *config, double *encoder_mac,
                             double *decoder_mac)
{
    MicaStageMac mac;
    mica_network_stage_mac(config, &mac);
    *decoder_mac = mac.hyper_decoder + mac.context + mac.synthesis;
    *encoder_mac = mac.analysis + mac.hyper_encoder - mac.hyper_decoder;
}
