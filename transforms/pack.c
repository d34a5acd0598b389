#include "transforms/pack.h"

#include <assert.h>
#include <string.h>

#define MAX_TILE 32
#define MAX_QUADS (MICA_MAX_INPUTS / 4)

size_t mica_packed_size_pairs(const MicaPointwise *layer)
{
    return (size_t)layer->inputs * (size_t)layer->outputs * sizeof(int16_t);
}

void mica_pack_pairs(const MicaPointwise *layer, const int8_t *weight, void *packed, int tile)
{
    int16_t *out = packed;

    for (int o = 0; o < layer->outputs; o++) {
        const size_t first = (size_t)(o / tile * tile) * (size_t)layer->inputs;
        const size_t position = (size_t)mica_tile_position(o % tile, tile);

        for (int i = 0; i < layer->inputs; i++)
            out[first + ((size_t)(i / 2 * tile) + position) * 2 + (size_t)(i & 1)] = *weight++;
    }
}

/* The 16-bit sums of a chain: 2 per output channel, each of 2 products per quad. With inputs
 * 0..127 they stay in range if the positive and the negative weights each add up to at most
 * 32767 / 127. */
#define CHAIN_LIMIT (INT16_MAX / 127)

typedef struct Load {
    uint16_t positive[2 * MAX_TILE], negative[2 * MAX_TILE];
} Load;

static void add_quad(Load *load, const int8_t *weight, int inputs, int tile)
{
    for (int o = 0; o < tile; o++, weight += inputs) {
        for (int i = 0; i < 4; i++) {
            uint16_t *sum = weight[i] > 0 ? load->positive : load->negative;
            const int magnitude = weight[i] > 0 ? weight[i] : -weight[i];

            sum[2 * o + i / 2] = (uint16_t)(sum[2 * o + i / 2] + magnitude);
        }
    }
}

static int fits(const Load *load, int tile)
{
    int largest = 0;

    for (int i = 0; i < 2 * tile; i++) {
        const int sum =
            load->positive[i] > load->negative[i] ? load->positive[i] : load->negative[i];
        largest = sum > largest ? sum : largest;
    }
    return largest <= CHAIN_LIMIT;
}

/* The chain that starts with quad `first`: take quads that still fit, in order, at most `length`.
 * Returns the number taken, 0 if fewer than `length` were found. */
static int find_chain(const int8_t *weight, int inputs, int tile, const uint8_t *used, int first,
                      int length, int *chain)
{
    Load load = {{0}, {0}};
    int taken = 0;

    for (int q = first; q < inputs / 4 && taken < length; q++) {
        if (used[q])
            continue;
        Load next = load;
        add_quad(&next, weight + 4 * q, inputs, tile);
        if (taken && !fits(&next, tile))
            continue;
        load = next;
        chain[taken++] = q;
    }
    return taken == length ? taken : 0;
}

static void pack_chain_tile(const int8_t *weight, int inputs, int tile, int chain_max,
                            uint8_t *packed)
{
    const int quads = inputs / 4;
    uint8_t used[MAX_QUADS] = {0};
    uint16_t offset[MAX_QUADS];
    MicaChainHeader header = {{0}};
    int count = 0;
    int8_t *out = (int8_t *)packed + mica_chain_head_size(inputs);

    for (int length = chain_max; length > 0; length--) {
        for (int q = 0; q < quads; q++) {
            int chain[MICA_CHAIN_MAX];

            if (used[q] || !find_chain(weight, inputs, tile, used, q, length, chain))
                continue;
            header.count[length - 1]++;
            for (int i = 0; i < length; i++) {
                used[chain[i]] = 1;
                offset[count++] = (uint16_t)(4 * chain[i]);
            }
        }
    }
    memcpy(packed, &header, sizeof header);
    memcpy(packed + sizeof header, offset, (size_t)quads * sizeof *offset);
    for (int q = 0; q < quads; q++, out += 4 * tile)
        for (int o = 0; o < tile; o++)
            memcpy(out + 4 * mica_tile_position(o, tile), weight + o * inputs + offset[q], 4);
}

size_t mica_packed_size_chains(const MicaPointwise *layer, int tile)
{
    return (size_t)(layer->outputs / tile) * mica_chain_tile_size(layer->inputs, tile);
}

void mica_pack_chains(const MicaPointwise *layer, const int8_t *weight, void *packed, int tile,
                      int chain_max)
{
    uint8_t *out = packed;

    assert(tile <= MAX_TILE && chain_max <= MICA_CHAIN_MAX && layer->inputs <= MICA_MAX_INPUTS);
    for (int o = 0; o < layer->outputs; o += tile) {
        pack_chain_tile(weight + (ptrdiff_t)o * layer->inputs, layer->inputs, tile, chain_max, out);
        out += mica_chain_tile_size(layer->inputs, tile);
    }
}
