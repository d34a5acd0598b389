/*
 * The 1024 cumulative distributions behind symbol_coder.h.
 *
 * They are symmetric, so a table holds magnitudes: cumulative[m] counts slot pairs below magnitude
 * m, 2^19 pairs in all. Slot 2 h belongs to the positive, slot 2 h + 1 to the negative number of
 * the magnitude that owns pair h, but zero owns both slots of its pairs. Magnitudes 0..width have
 * their own pairs, at least one each; the rest shares the last ones (magnitude width + 1, the
 * escape) and is followed by the excess in Exp-Golomb code.
 */
#ifndef MICA_ENTROPY_SYMBOL_TABLES_H
#define MICA_ENTROPY_SYMBOL_TABLES_H

#include "entropy/rans.h"
#include "entropy/symbol_coder.h"

typedef struct MicaSymbolModel {
    uint32_t zero;       /* slots of zero = 2 * cumulative[1] */
    uint32_t cumulative; /* where its width + 3 values start in MicaSymbolTables.cumulatives */
    uint32_t starts;     /* where its search hints start: a magnitude for every 2^shift pairs */
    uint16_t width;
    uint8_t shift;
    uint8_t escape_order; /* of the Exp-Golomb code */
} MicaSymbolModel;

struct MicaSymbolTables {
    MicaSymbolModel models[MICA_SHAPE_COUNT * MICA_SCALE_COUNT];
    uint32_t *cumulatives;
    uint16_t *starts;
    int selected;                /* these two belong to the tables it was selected from */
    uint16_t log2_fraction[257]; /* 256 log2(1 + i / 256), for costs */
};

/* mica_symbol_decoder_run() on a bare decoder. */
void mica_symbols_decode(const MicaSymbolTables *tables, MicaRansDecoder *rans,
                         const uint8_t *shapes, const uint8_t *scales, size_t count,
                         int16_t *symbols);

/* Indices out of range select some model, so that no caller can make the coder read outside its
 * tables. */
MICA_INLINE const MicaSymbolModel *mica_symbol_model(const MicaSymbolTables *tables, int shape,
                                                     int scale)
{
    return tables->models +
           ((shape & (MICA_SHAPE_COUNT - 1)) * MICA_SCALE_COUNT + (scale & (MICA_SCALE_COUNT - 1)));
}

#endif
