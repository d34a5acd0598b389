#include "entropy/static_tables.h"

#include "codec/base/mem.h"
#include "entropy/escape.h"

#define BLOCK 512
#define SYMBOL_BYTES 8

/* Search hints: a power of two of them, at least as many as symbols. */
static int hint_shift(uint32_t symbols)
{
    return MICA_RANS_BITS - 1 - mica_log2_floor(symbols);
}

static void fill_table(MicaEntropyTables *tables, MicaStaticTable *table, const uint32_t *histogram)
{
    uint32_t *c = tables->borders + table->borders;
    uint32_t length = (uint32_t)(table->last - table->first + 1);
    uint64_t total = 0, below = 0;
    for (uint32_t i = 0; i < length; i++)
        total += histogram[i];
    int shift = 0; /* so that products fit 64 bits */
    while (total >> shift >> 43)
        shift++;
    c[0] = 0;
    for (uint32_t i = 0; i <= length; i++) {
        /* Without any counts all symbols are equal. */
        uint64_t part = total ? below >> shift : i, whole = total ? total >> shift : length;
        c[i + 1] = (uint32_t)(part * (MICA_RANS_SLOTS - length - 2) / whole) + i + 1;
        if (i < length)
            below += histogram[i];
    }
    c[length + 2] = MICA_RANS_SLOTS;
    if (table->first <= 0 && table->last >= 0)
        table->zero = c[2 - table->first] - c[1 - table->first];
    uint16_t *starts = tables->starts + table->starts;
    uint32_t symbol = 0;
    for (uint32_t i = 0; i < MICA_RANS_SLOTS >> table->shift; i++) {
        while (c[symbol + 1] <= i << table->shift)
            symbol++;
        starts[i] = (uint16_t)symbol;
    }
}

MicaStatus mica_entropy_tables_create(MicaEntropyTables **out, const uint32_t *const *histograms,
                                      const int16_t *firsts, const uint16_t *lengths, int count)
{
    if (!out || !histograms || !firsts || !lengths || count < 1 || count > 256)
        return MICA_ERROR_INVALID_ARGUMENT;
    *out = NULL;
    MicaEntropyTables *tables = mica_alloc_zero(1, sizeof(*tables));
    if (!tables)
        return MICA_ERROR_OUT_OF_MEMORY;
    tables->count = count;
    tables->tables = mica_alloc_zero((size_t)count, sizeof(*tables->tables));
    MicaStatus status = tables->tables ? MICA_OK : MICA_ERROR_OUT_OF_MEMORY;
    uint32_t borders = 0, starts = 0;
    for (int i = 0; i < count && status == MICA_OK; i++) {
        MicaStaticTable *table = tables->tables + i;
        if (!histograms[i] || lengths[i] == 0 || firsts[i] + lengths[i] - 1 > 32767) {
            status = MICA_ERROR_INVALID_ARGUMENT;
            break;
        }
        table->first = firsts[i];
        table->last = firsts[i] + lengths[i] - 1;
        table->borders = borders;
        table->starts = starts;
        table->shift = hint_shift(lengths[i]);
        borders += lengths[i] + 3u;
        starts += MICA_RANS_SLOTS >> table->shift;
    }
    if (status == MICA_OK) {
        tables->borders = mica_alloc(borders, sizeof(*tables->borders));
        tables->starts = mica_alloc(starts, sizeof(*tables->starts));
        if (!tables->borders || !tables->starts)
            status = MICA_ERROR_OUT_OF_MEMORY;
    }
    if (status != MICA_OK) {
        mica_entropy_tables_destroy(&tables);
        return status;
    }
    for (int i = 0; i < count; i++)
        fill_table(tables, tables->tables + i, histograms[i]);
    *out = tables;
    return MICA_OK;
}

void mica_entropy_tables_destroy(MicaEntropyTables **tables)
{
    if (!tables || !*tables)
        return;
    mica_free((*tables)->tables);
    mica_free((*tables)->borders);
    mica_free((*tables)->starts);
    mica_free(*tables);
    *tables = NULL;
}

static uint64_t put_symbol(MicaRansEncoder *out, uint64_t state, const MicaEntropyTables *tables,
                           const MicaStaticTable *table, int symbol)
{
    int order = mica_escape_order((uint32_t)(table->last - table->first + 1));
    uint32_t number = (uint32_t)(symbol - table->first + 1);
    if (symbol < table->first) {
        state = mica_escape_put(out, state, (uint32_t)(table->first - 1 - symbol), order);
        number = 0;
    } else if (symbol > table->last) {
        state = mica_escape_put(out, state, (uint32_t)(symbol - table->last - 1), order);
        number = (uint32_t)(table->last - table->first + 2);
    }
    const uint32_t *c = tables->borders + table->borders + number;
    uint32_t frequency = c[1] - c[0];
    state = mica_rans_shrink(out, state, frequency);
    return (state / frequency) << MICA_RANS_BITS | (c[0] + (uint32_t)(state % frequency));
}

MicaStatus mica_static_encode(const MicaEntropyTables *tables, const int16_t *symbols,
                              const uint8_t *classes, size_t count, MicaWriter *writer)
{
    MicaStatus status = MICA_OK;
    MicaRansEncoder rans;
    mica_rans_encoder_init(&rans, count);
    for (size_t i = count; i-- > 0;) {
        if (i % BLOCK == BLOCK - 1 || i == count - 1) {
            if (!mica_rans_reserve(&rans, SYMBOL_BYTES * BLOCK)) {
                status = MICA_ERROR_OUT_OF_MEMORY;
                break;
            }
        }
        uint64_t *state = mica_rans_state(&rans, i);
        *state =
            put_symbol(&rans, *state, tables, mica_static_table(tables, classes[i]), symbols[i]);
    }
    if (status == MICA_OK)
        status = mica_rans_flush(&rans, writer);
    mica_rans_encoder_free(&rans);
    return status;
}

void mica_static_decode(const MicaEntropyTables *tables, MicaRansDecoder *rans,
                        const uint8_t *classes, size_t count, int16_t *symbols)
{
    unsigned mask = (1u << rans->log2_states) - 1, next = rans->next;
    for (size_t i = 0; i < count; i++) {
        const MicaStaticTable *table = mica_static_table(tables, classes[i]);
        const uint32_t *c = tables->borders + table->borders;
        uint64_t state = rans->states[next];
        uint32_t slot = mica_rans_slot(state);
        uint32_t number = tables->starts[table->starts + (slot >> table->shift)];
        while (c[number + 1] <= slot)
            number++;
        state = mica_rans_take(rans, state, c[number + 1] - c[number], slot - c[number]);
        int32_t symbol = table->first - 1 + (int32_t)number;
        if (MICA_UNLIKELY(symbol < table->first || symbol > table->last)) {
            uint64_t copy = state;
            int order = mica_escape_order((uint32_t)(table->last - table->first + 1));
            int32_t excess = (int32_t)mica_escape_take(rans, &copy, order);
            state = copy;
            symbol += symbol < table->first ? -excess : excess;
            if (symbol < -32768 || symbol > 32767) {
                rans->failed = 1;
                symbol = 0;
            }
        }
        rans->states[next] = state;
        next = (next + 1) & mask;
        symbols[i] = (int16_t)symbol;
    }
    rans->next = next;
}
