#include "transforms/pack.h"

#include <stdbool.h>
#include <string.h>

#define MAX_TILE 32
#define MAX_QUADS (MICA_MAX_INPUTS / 4)
#define MAX_OPEN 32 /* quads waiting for a mate; limits time and stack, not what is correct */

size_t mica_packed_size_words(const MicaPointwise *layer, int tile)
{
    (void)tile;
    return (size_t)layer->inputs * (size_t)layer->outputs * sizeof(int16_t);
}

/* int16 [inputs / run][tile][run] per tile, run 1 or 2. */
static void pack_words(const MicaPointwise *layer, const void *weight, int16_t *out, int tile,
                       int run)
{
    const int8_t *narrow = weight;
    const int16_t *wide = weight;
    for (int o = 0; o < layer->outputs; o++) {
        int16_t *to = out + (ptrdiff_t)(o / tile * tile) * layer->inputs +
                      mica_tile_position(o % tile, tile) * run;

        for (int i = 0; i < layer->inputs; i += run, to += tile * run)
            for (int k = 0; k < run; k++)
                to[k] = layer->wide ? *wide++ : *narrow++;
    }
}

void mica_pack_pairs(const MicaPointwise *layer, const void *weight, void *packed, int tile)
{
    pack_words(layer, weight, packed, tile, 2);
}

void mica_pack_columns(const MicaPointwise *layer, const void *weight, void *packed, int tile)
{
    pack_words(layer, weight, packed, tile, 1);
}

size_t mica_packed_size_quads(const MicaPointwise *layer, int tile)
{
    (void)tile;
    return ((size_t)layer->inputs + sizeof(int32_t)) * (size_t)layer->outputs;
}

static void pack_quads(const MicaPointwise *layer, const int8_t *weight, void *packed, int tile,
                       int offset)
{
    const size_t sums_size = (size_t)tile * sizeof(int32_t);
    const size_t tile_size = sums_size + (size_t)layer->inputs * (size_t)tile;

    for (int o = 0; o < layer->outputs; o++) {
        uint8_t *const out = (uint8_t *)packed + (size_t)(o / tile) * tile_size;
        const size_t position = (size_t)mica_tile_position(o % tile, tile);
        int32_t sum = 0;

        for (int i = 0; i < layer->inputs; i++)
            sum -= offset * weight[i];
        memcpy(out + position * sizeof sum, &sum, sizeof sum);
        for (int i = 0; i < layer->inputs; i += 4, weight += 4)
            memcpy(out + sums_size + ((size_t)(i / 4 * tile) + position) * 4, weight, 4);
    }
}

void mica_pack_quads(const MicaPointwise *layer, const void *weight, void *packed, int tile)
{
    pack_quads(layer, weight, packed, tile, 0);
}

void mica_pack_quads_offset(const MicaPointwise *layer, const void *weight, void *packed, int tile)
{
    pack_quads(layer, weight, packed, tile, 128);
}

/* The sums of a quad, and of the pair it joins: 2 per output channel. With inputs 0..127 they stay
 * in range if the positive weights and the negative ones each add up to at most 32767 / 127; with
 * inputs 0..255, at most 32767 / 255. */
#define LOAD_LIMIT (INT16_MAX / 127)
#define LOAD_LIMIT_U8 (INT16_MAX / 255)

typedef struct Load {
    int16_t positive[2 * MAX_TILE], negative[2 * MAX_TILE];
} Load;

static Load quad_load(const int8_t *weight, int inputs, int tile)
{
    Load load = {{0}, {0}};

    for (int o = 0; o < tile; o++, weight += inputs) {
        for (int i = 0; i < 4; i++) {
            if (weight[i] > 0)
                load.positive[2 * o + i / 2] += weight[i];
            else
                load.negative[2 * o + i / 2] -= weight[i];
        }
    }
    return load;
}

static void add_load(Load *sum, const Load *more)
{
    for (int i = 0; i < 2 * MAX_TILE; i++) {
        sum->positive[i] += more->positive[i];
        sum->negative[i] += more->negative[i];
    }
}

static bool fits(const Load *a, const Load *b, int limit)
{
    int largest = 0;

    for (int i = 0; i < 2 * MAX_TILE; i++) {
        const int positive = a->positive[i] + b->positive[i];
        const int negative = a->negative[i] + b->negative[i];
        largest = positive > largest ? positive : largest;
        largest = negative > largest ? negative : largest;
    }
    return largest <= limit;
}

/* Order the quads into pairs that fit, then the rest; returns the number of pairs. */
static int pair_quads(const int8_t *weight, int inputs, int tile, uint16_t *order)
{
    const int quads = inputs / 4;
    Load load[MAX_OPEN]; /* of the quads without a mate so far, quad open[i] */
    uint16_t open[MAX_OPEN];
    int opened = 0, pairs = 0, singles = 0;

    for (int q = 0; q < quads; q++) {
        const Load own = quad_load(weight + 4 * q, inputs, tile);
        int mate = 0;

        while (mate < opened && !fits(&load[mate], &own, LOAD_LIMIT))
            mate++;
        if (mate < opened) {
            order[2 * pairs] = open[mate];
            order[2 * pairs++ + 1] = (uint16_t)q;
            opened--;
            open[mate] = open[opened];
            load[mate] = load[opened];
        } else {
            const int place = opened < MAX_OPEN ? opened++ : 0;
            if (mate == MAX_OPEN)
                order[quads - ++singles] = open[0];
            open[place] = (uint16_t)q;
            load[place] = own;
        }
    }
    memcpy(order + 2 * pairs, open, (size_t)opened * sizeof *open);
    return pairs;
}

/* Whether every 32 inputs fit together. */
static bool weights_are_small(const int8_t *weight, int inputs, int tile, int limit)
{
    static const Load none;
    bool small = true;

    for (int i = 0; small && i < inputs; i += 32) {
        Load sum = none;
        for (int k = 0; k < 32; k += 4) {
            const Load quad = quad_load(weight + i + k, inputs, tile);
            add_load(&sum, &quad);
        }
        small = fits(&sum, &none, limit);
    }
    return small;
}

static void pack_chain_tile(const int8_t *weight, int inputs, int tile, uint8_t *packed)
{
    const int quads = inputs / 4;
    int8_t *out = (int8_t *)packed + mica_chain_head_size(inputs);
    uint16_t order[MAX_QUADS];
    MicaChainHeader header = {0};

    header.small = weights_are_small(weight, inputs, tile, LOAD_LIMIT);
    if (!header.small)
        header.pairs = (uint16_t)pair_quads(weight, inputs, tile, order);
    for (int q = 0; header.small && q < quads; q++)
        order[q] = (uint16_t)q;
    for (int q = 0; q < quads; q++, out += 4 * tile) {
        order[q] = (uint16_t)(4 * order[q]);
        for (int o = 0; o < tile; o++)
            memcpy(out + 4 * mica_tile_position(o, tile), weight + o * inputs + order[q], 4);
    }
    memcpy(packed, &header, sizeof header);
    memcpy(packed + sizeof header, order, (size_t)quads * sizeof *order);
}

size_t mica_packed_size_chains(const MicaPointwise *layer, int tile)
{
    return (size_t)(layer->outputs / tile) * mica_chain_tile_size(layer->inputs, tile);
}

void mica_pack_chains(const MicaPointwise *layer, const void *weight, void *packed, int tile)
{
    uint8_t *out = packed;

    for (int o = 0; o < layer->outputs; o += tile) {
        pack_chain_tile((const int8_t *)weight + (ptrdiff_t)o * layer->inputs, layer->inputs, tile,
                        out);
        out += mica_chain_tile_size(layer->inputs, tile);
    }
}

size_t mica_packed_size_signed(const MicaPointwise *layer, int tile)
{
    return MICA_SIGNED_HEAD + mica_packed_size_words(layer, tile);
}

void mica_pack_signed(const MicaPointwise *layer, const void *weight, void *packed, int tile)
{
    uint8_t *const out = (uint8_t *)packed + MICA_SIGNED_HEAD;
    bool small = true;

    for (int o = 0; small && o < layer->outputs; o += tile)
        small = weights_are_small((const int8_t *)weight + (ptrdiff_t)o * layer->inputs,
                                  layer->inputs, tile, LOAD_LIMIT_U8);
    memset(packed, small, MICA_SIGNED_HEAD);
    if (small)
        mica_pack_quads_offset(layer, weight, out, tile);
    else
        mica_pack_pairs(layer, weight, out, tile);
}
