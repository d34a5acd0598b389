/*
 * The entropy coder of the latents: rANS over integer cumulative distributions of zero-mean
 * generalized Gaussians.
 *
 * A symbol is an int16; its model is a shape index (0..MICA_SHAPE_COUNT-1, shape 0.5 + index / 8)
 * and a scale index (0..MICA_SCALE_COUNT-1, standard deviation 0.11 * (256 / 0.11)^(index / 63) in
 * quantiser steps). Every int16 can be coded under every model. The arithmetic is integer and
 * normative: docs/bitstream.md.
 *
 * A segment is one independently decodable byte string. The encoder takes all symbols of a segment
 * at once; the decoder hands them out in runs of any length (the four context steps), in the same
 * order.
 */
#ifndef MICA_ENTROPY_SYMBOL_CODER_H
#define MICA_ENTROPY_SYMBOL_CODER_H

#include <stddef.h>
#include <stdint.h>

#include "codec/base/bytes.h"
#include "entropy/rans.h"
#include "mica/status.h"

#define MICA_SHAPE_COUNT 16
#define MICA_SCALE_COUNT 64

/* The cumulative distributions of all models, immutable once built; shared by threads. */
typedef struct MicaSymbolTables MicaSymbolTables;

MicaStatus mica_symbol_tables_create(MicaSymbolTables **tables, uint32_t cpu_flags);
void mica_symbol_tables_destroy(MicaSymbolTables **tables);

/* Where the distributions of a model are among those of `base`, which must outlive `tables`: shape
 * and scale index of each pair of indices, which are in range. */
MicaStatus mica_symbol_tables_select(MicaSymbolTables **tables, const MicaSymbolTables *base,
                                     const uint8_t shape[MICA_SHAPE_COUNT * MICA_SCALE_COUNT],
                                     const uint8_t scale[MICA_SHAPE_COUNT * MICA_SCALE_COUNT]);

/* Cost in 1/256 bit of coding `symbol` (encoder decisions; not normative). */
uint32_t mica_symbol_cost(const MicaSymbolTables *tables, int symbol, int shape, int scale);

/* Append one segment to `out`. Arrays of `count` elements. */
MicaStatus mica_symbols_encode(const MicaSymbolTables *tables, const int16_t *symbols,
                               const uint8_t *shapes, const uint8_t *scales, size_t count,
                               MicaWriter *out);

/* Room for the state of one segment's decoder; the fields are private to symbol_decoder.c. */
typedef struct MicaSymbolDecoder {
    const MicaSymbolTables *tables;
    MicaRansDecoder rans;
} MicaSymbolDecoder;

/* Start on the bytes of one segment. MICA_ERROR_BITSTREAM if they are too few. */
MicaStatus mica_symbol_decoder_begin(MicaSymbolDecoder *decoder, const MicaSymbolTables *tables,
                                     const uint8_t *data, size_t size);

/* The next `count` symbols. Reading past the end yields garbage, never a crash; finish() reports
 * it. */
void mica_symbol_decoder_run(MicaSymbolDecoder *decoder, const uint8_t *shapes,
                             const uint8_t *scales, size_t count, int16_t *symbols);

/* MICA_ERROR_BITSTREAM unless all bytes were used and every state is back at its initial value. */
MicaStatus mica_symbol_decoder_finish(const MicaSymbolDecoder *decoder);

#endif
