#include "entropy/escape.h"
#include "entropy/symbol_tables.h"

MICA_INLINE uint64_t take_symbol(MicaRansDecoder *in, uint64_t state,
                                 const MicaSymbolTables *tables, const MicaSymbolModel *model,
                                 int16_t *symbol)
{
    uint32_t slot = mica_rans_slot(state);
    if (MICA_LIKELY(slot < model->zero)) {
        *symbol = 0;
        return mica_rans_take(in, state, model->zero, slot);
    }
    const uint32_t *c = tables->cumulatives + model->cumulative;
    uint32_t pair = slot >> 1;
    int sign = -(int)(slot & 1);
    int m = tables->starts[model->starts + ((pair - (model->zero >> 1)) >> model->shift)];
    /* Hints are dense enough for two steps nearly always: taken without a branch to mispredict. */
    m += c[m + 1] <= pair;
    m += c[m + 1] <= pair;
    while (MICA_UNLIKELY(c[m + 1] <= pair))
        m++;
    state = mica_rans_take_steady(in, state, c[m + 1] - c[m], pair - c[m]);
    if (MICA_UNLIKELY(m > model->width)) {
        uint64_t copy = state; /* keeps the state itself in a register */
        m += (int)mica_escape_take(in, &copy, model->escape_order);
        state = copy;
        if (m > 32767 - sign) {
            in->failed = 1;
            m = 0;
        }
    }
    *symbol = (int16_t)((m ^ sign) - sign);
    return state;
}

void mica_symbols_decode(const MicaSymbolTables *tables, MicaRansDecoder *rans,
                         const uint8_t *shapes, const uint8_t *scales, size_t count,
                         int16_t *symbols)
{
    unsigned mask = (1u << rans->log2_states) - 1, next = rans->next;
    for (size_t i = 0; i < count; i++) {
        const MicaSymbolModel *model = mica_symbol_model(tables, shapes[i], scales[i]);
        rans->states[next] = take_symbol(rans, rans->states[next], tables, model, symbols + i);
        next = (next + 1) & mask;
    }
    rans->next = next;
}

MicaStatus mica_symbol_decoder_begin(MicaSymbolDecoder *decoder, const MicaSymbolTables *tables,
                                     const uint8_t *data, size_t size)
{
    if (!decoder || !tables || (!data && size))
        return MICA_ERROR_INVALID_ARGUMENT;
    decoder->tables = tables;
    return mica_rans_begin(&decoder->rans, data, size);
}

void mica_symbol_decoder_run(MicaSymbolDecoder *decoder, const uint8_t *shapes,
                             const uint8_t *scales, size_t count, int16_t *symbols)
{
    mica_symbols_decode(decoder->tables, &decoder->rans, shapes, scales, count, symbols);
}

MicaStatus mica_symbol_decoder_finish(const MicaSymbolDecoder *decoder)
{
    return mica_rans_finish(&decoder->rans);
}
