/*
 * The networks of a model as layers ready to run: tensors looked up, checked and packed for one
 * kernel table.
 *
 * Building proves what the kernels rely on: channel counts are multiples of 32, no accumulator can
 * overflow, shifts and multipliers are in range. A network is immutable; it belongs to its model
 * and lives as long.
 */
#ifndef MICA_MODELS_NETWORK_H
#define MICA_MODELS_NETWORK_H

#include "entropy/symbol_coder.h"
#include "mica/speed.h"
#include "models/gains.h"
#include "models/model_file.h"
#include "models/scaled_head.h"
#include "transforms/kernels.h"

#define MICA_CELL_SAMPLES 192 /* 8x8 pixels of three colours, the unit of the feature streams */
#define MICA_CONTEXT_STEPS 4
#define MICA_GROUPS 4
#define MICA_MAX_BLOCKS 16
#define MICA_MAX_HYPER 512
#define MICA_MAX_HYPER_CONTEXT 512
#define MICA_HYPER_NEIGHBOURS 7

/* x += b(dw(a(x))); x += f(e(x)), with ReLU after a and e. */
typedef struct MicaBlock {
    MicaPointwise a;
    MicaDepthwise dw;
    MicaPointwise b, e, f;
} MicaBlock;

typedef struct MicaContextStep {
    MicaPointwise enter;
    MicaBlock block;
    MicaPointwise head[MICA_GROUPS]; /* by channel group: M/4 means, then M/4 log scales */
} MicaContextStep;

/* Z means, then Z log scales of the hyper latents of a position from those of its neighbours x:
 * linear(x) + leave(hidden(enter(x))), with ReLU after enter and hidden. */
typedef struct MicaHyperContextLayers {
    MicaPointwise linear, enter, hidden, leave;
} MicaHyperContextLayers;

typedef struct MicaNetwork {
    MicaNetworkConfig config;
    MicaKernels kernels;

    MicaPointwise stem;
    MicaBlock analysis[MICA_MAX_BLOCKS];
    MicaPointwise to_latent;
    MicaPointwise hyper_enter, hyper_down0, hyper_down1;
    MicaBlock hyper_block0, hyper_block1;

    MicaHyperContextLayers hyper_context; /* with config.hyper_context > 0 */
    MicaPointwise prior_up0, prior_up1;
    MicaBlock prior_block0, prior_block1;
    MicaContextStep context[MICA_CONTEXT_STEPS];
    MicaPointwise from_latent;
    MicaBlock synthesis[MICA_MAX_BLOCKS];
    MicaPointwise head;
    MicaPointwise scaled_head[MICA_SCALES]; /* by log2 of the scale; 0 is `head` */

    /* With config.condition > 0; the last two add to the features of the prior and of the latents.
     */
    MicaPointwise condition_enter;
    MicaBlock condition[MICA_MAX_BLOCKS];
    MicaPointwise condition_prior, condition_synthesis;

    /* log2 gains and scale offsets, [MICA_GAIN_ANCHORS][channels] */
    const int16_t *stem_gain, *hyper_gain, *prior_gain, *head_gain;
    const int16_t *y_gain, *z_gain, *y_offset, *z_offset;
    const int16_t *condition_gain;
    const uint8_t *y_shape, *z_shape; /* shape index of each channel */
    MicaSymbolTables *y_tables; /* distributions of y, by the channel's shape index and the scale */
    const int16_t *restoration; /* [MICA_GAIN_ANCHORS][MICA_RESTORATION_SET]; or NULL */

    void *packed;                   /* weights of all layers */
    const MicaSymbolTables *tables; /* of z, and what y_tables is selected from */
} MicaNetwork;

/* Build from a parsed file, which must outlive the network. MICA_ERROR_MODEL_CORRUPT names what is
 * wrong. */
MicaStatus mica_network_create(MicaNetwork **network, const MicaModelFile *file, uint32_t cpu_flags,
                               MicaError *error);
void mica_network_destroy(MicaNetwork **network);

/* Cells of 8x8 pixels that the restoration filter looks at on every side. */
#define MICA_RESTORATION_CELLS 1

/* Rows and columns of cells around a cell that its pixels depend on. */
MICA_INLINE int mica_synthesis_reach(const MicaNetworkConfig *config)
{
    return config->synthesis + (config->restoration ? MICA_RESTORATION_CELLS : 0);
}

/* Rows of cells around a cell that its features depend on. */
MICA_INLINE int mica_analysis_reach(const MicaNetworkConfig *config)
{
    return config->analysis;
}

void mica_network_stage_mac(const MicaNetworkConfig *config, MicaStageMac *mac);

/* Multiply-accumulates per picture pixel. */
void mica_network_complexity(const MicaNetworkConfig *config, double *encoder_mac,
                             double *decoder_mac);

#endif
