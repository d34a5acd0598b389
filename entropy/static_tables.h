/*
 * Static distributions given by histograms: the factorised model.
 *
 * The lower border of symbol x among the 2^20 slots is c(x) = floor(N(x) (2^20 - R) / N) + (x -
 * first) + 1, where N(x) of N counts are below x and R = length + 2; the slots before and behind
 * are escapes, as in mixture.h.
 */
#ifndef MICA_ENTROPY_STATIC_TABLES_H
#define MICA_ENTROPY_STATIC_TABLES_H

#include "entropy/rans.h"
#include "mica/entropy.h"

typedef struct MicaStaticTable {
    int32_t first, last;
    uint32_t borders; /* where c(first)..c(last + 1) start in MicaEntropyTables.borders, between 0
                         and 2^20 */
    uint32_t zero;    /* slots of the symbol 0 */
    uint32_t starts;  /* where its search hints start: a symbol number for every 2^shift slots */
    int shift;
} MicaStaticTable;

struct MicaEntropyTables {
    int count;
    MicaStaticTable *tables;
    uint32_t *borders;
    uint16_t *starts;
};

/* Classes out of range select the last table. */
MICA_INLINE const MicaStaticTable *mica_static_table(const MicaEntropyTables *tables, int c)
{
    return tables->tables + (c < tables->count ? c : tables->count - 1);
}

MicaStatus mica_static_encode(const MicaEntropyTables *tables, const int16_t *symbols,
                              const uint8_t *classes, size_t count, MicaWriter *writer);
void mica_static_decode(const MicaEntropyTables *tables, MicaRansDecoder *rans,
                        const uint8_t *classes, size_t count, int16_t *symbols);

#endif
