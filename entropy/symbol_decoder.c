#include "entropy/symbol_tables.h"

/* The magnitude behind the escape, width + 1 or more. A damaged stream may claim any length. */
static int take_escape(MicaRansInput *in, uint64_t *state, const MicaSymbolModel *model)
{
    int length = model->escape_order;
    while (length < 16 && !mica_rans_take_bits(in, state, 1))
        length++;
    uint32_t value = (1u << length) + mica_rans_take_bits(in, state, length);
    uint32_t magnitude = value - (1u << model->escape_order) + model->width + 1;
    if (length == 16 || magnitude > 32768) {
        in->failed = 1;
        return 0;
    }
    return (int)magnitude;
}

MICA_INLINE uint64_t take_symbol(MicaRansInput *in, uint64_t state, const MicaSymbolTables *tables,
                                 const MicaSymbolModel *model, int16_t *symbol)
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
    while (c[m + 1] <= pair)
        m++;
    state = mica_rans_take(in, state, c[m + 1] - c[m], pair - c[m]);
    if (MICA_UNLIKELY(m > model->width)) {
        uint64_t copy = state; /* keeps the state itself in a register */
        m = take_escape(in, &copy, model);
        state = copy;
        if (m == 32768 && sign == 0) {
            in->failed = 1;
            m = 0;
        }
    }
    *symbol = (int16_t)((m ^ sign) - sign);
    return state;
}

MicaStatus mica_symbol_decoder_begin(MicaSymbolDecoder *decoder, const MicaSymbolTables *tables,
                                     const uint8_t *data, size_t size)
{
    if (!decoder || !tables || (!data && size))
        return MICA_ERROR_INVALID_ARGUMENT;
    decoder->tables = tables;
    decoder->next = 0;
    MicaRansInput in;
    MicaStatus status = mica_rans_begin(&in, decoder->state, &decoder->log2_states, data, size);
    decoder->position = in.position;
    decoder->end = in.end;
    decoder->failed = in.failed;
    return status;
}

void mica_symbol_decoder_run(MicaSymbolDecoder *decoder, const uint8_t *shapes,
                             const uint8_t *scales, size_t count, int16_t *symbols)
{
    const MicaSymbolTables *tables = decoder->tables;
    MicaRansInput in = {decoder->position, decoder->end, decoder->failed};
    unsigned mask = (1u << decoder->log2_states) - 1;
    unsigned next = decoder->next;
    for (size_t i = 0; i < count; i++) {
        const MicaSymbolModel *model = mica_symbol_model(tables, shapes[i], scales[i]);
        decoder->state[next] = take_symbol(&in, decoder->state[next], tables, model, symbols + i);
        next = (next + 1) & mask;
    }
    decoder->next = next;
    decoder->position = in.position;
    decoder->failed = in.failed;
}

MicaStatus mica_symbol_decoder_finish(const MicaSymbolDecoder *decoder)
{
    MicaRansInput in = {decoder->position, decoder->end, decoder->failed};
    return mica_rans_finish(&in, decoder->state, decoder->log2_states);
}
