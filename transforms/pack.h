/*
 * Weight layouts of the vector kernels and the packers that make them; run once per layer at load.
 *
 * A tile is the `tile` output channels that one kernel call computes: two vectors of tile / 2 int32
 * sums. The packing instructions of x86 work within 128-bit lanes, so the sums of channel o stand
 * at mica_tile_position(o): narrowing the two vectors then gives the channels in order.
 */
#ifndef MICA_TRANSFORMS_PACK_H
#define MICA_TRANSFORMS_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "codec/base/attributes.h"
#include "transforms/kernels.h"

/* Where output channel o (0 .. tile - 1) stands among the sums of its tile. */
MICA_INLINE int mica_tile_position(int o, int tile)
{
    return (o & 4 ? tile / 2 : 0) + (o >> 3) * 4 + (o & 3);
}

/* Pairs: per tile, int16 [inputs / 2][tile][2], for a multiply-add of int16 pairs.
 * Columns: per tile, int16 [inputs][tile], for a multiply-add by one input. */
size_t mica_packed_size_words(const MicaPointwise *layer, int tile);
void mica_pack_pairs(const MicaPointwise *layer, const void *weight, void *packed, int tile);
void mica_pack_columns(const MicaPointwise *layer, const void *weight, void *packed, int tile);

/* Quads: per tile, int32 [tile] to add to the sums, then int8 [inputs / 4][tile][4], for a
 * multiply-add of byte quads. With an offset: signed inputs are read as unsigned ones, 128 too
 * large, and the first array takes that back; otherwise it is zero. */
size_t mica_packed_size_quads(const MicaPointwise *layer, int tile);
void mica_pack_quads(const MicaPointwise *layer, const void *weight, void *packed, int tile);
void mica_pack_quads_offset(const MicaPointwise *layer, const void *weight, void *packed, int tile);

/*
 * Chains: for u7 inputs times int8 weights with 16-bit intermediate sums (maddubs). An input quad
 * gives each 16-bit sum two products, at most 2 * 127 * 128 in all. Two quads fit as well if the
 * weights allow it, and then share the step that widens to 32 bits. Trained weights nearly always
 * do if the quads are paired with care, so the packer chooses the pairs, per tile, such that no
 * input whatever can leave the 16-bit range. Small weights (all of int4, for one) go further: eight
 * quads in a row.
 *
 * Per tile: the header, then the offsets of the quads in the input pixel, paired ones first, padded
 * to 64 bytes, then int8 [inputs / 4][tile][4] in the same order.
 */
typedef struct MicaChainHeader {
    uint16_t pairs; /* the number of them */
    uint16_t small; /* instead: the quads of every 32 inputs add up in 16 bits, and are in order */
} MicaChainHeader;

/* Bytes of header and offsets. */
MICA_INLINE size_t mica_chain_head_size(int inputs)
{
    return (sizeof(MicaChainHeader) + (size_t)inputs / 4 * sizeof(uint16_t) + 63) & ~(size_t)63;
}

/* Bytes of one tile. */
MICA_INLINE size_t mica_chain_tile_size(int inputs, int tile)
{
    return mica_chain_head_size(inputs) + (size_t)inputs * (size_t)tile;
}

size_t mica_packed_size_chains(const MicaPointwise *layer, int tile);
void mica_pack_chains(const MicaPointwise *layer, const void *weight, void *packed, int tile);

/*
 * Signed: for s8 inputs without a dot product of bytes. If the weights are so small that the quads
 * of every 32 inputs add up in 16 bits even with inputs of 0..255 (all of int4 are), quads with an
 * offset of 128; otherwise pairs, for inputs widened to int16. The first byte tells: 1 is small.
 */
#define MICA_SIGNED_HEAD 64
size_t mica_packed_size_signed(const MicaPointwise *layer, int tile);
void mica_pack_signed(const MicaPointwise *layer, const void *weight, void *packed, int tile);

#endif
