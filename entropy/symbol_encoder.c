#include "entropy/escape.h"
#include "entropy/symbol_tables.h"

/* Symbols between checks of the room in the buffer; none takes more than 8 bytes (an escape has 20
 * + 33 bits). */
#define BLOCK 512

static uint64_t put_symbol(MicaRansEncoder *out, uint64_t state, const MicaSymbolTables *tables,
                           const MicaSymbolModel *model, int symbol)
{
    if (symbol == 0) {
        uint32_t frequency = model->zero;
        state = mica_rans_shrink(out, state, frequency);
        return (state / frequency) << MICA_RANS_BITS | state % frequency;
    }
    uint32_t negative = symbol < 0;
    int magnitude = negative ? -symbol : symbol;
    if (MICA_UNLIKELY(magnitude > model->width)) {
        state = mica_escape_put(out, state, (uint32_t)(magnitude - model->width - 1),
                                model->escape_order);
        magnitude = model->width + 1;
    }
    const uint32_t *c = tables->cumulatives + model->cumulative + magnitude;
    uint32_t frequency = c[1] - c[0];
    state = mica_rans_shrink(out, state, frequency);
    uint32_t pair = c[0] + (uint32_t)(state % frequency);
    return (state / frequency) << MICA_RANS_BITS | (2 * pair + negative);
}

MicaStatus mica_symbols_encode(const MicaSymbolTables *tables, const int16_t *symbols,
                               const uint8_t *shapes, const uint8_t *scales, size_t count,
                               MicaWriter *out)
{
    if (!tables || !out || (count && (!symbols || !shapes || !scales)))
        return MICA_ERROR_INVALID_ARGUMENT;

    MicaStatus status = MICA_OK;
    MicaRansEncoder rans;
    mica_rans_encoder_init(&rans, count);
    for (size_t end = count; end > 0;) {
        size_t begin = (end - 1) / BLOCK * BLOCK;
        if (!mica_rans_reserve(&rans, 8 * BLOCK)) {
            status = MICA_ERROR_OUT_OF_MEMORY;
            break;
        }
        for (size_t i = end; i-- > begin;) {
            uint64_t *state = mica_rans_state(&rans, i);
            *state = put_symbol(&rans, *state, tables,
                                mica_symbol_model(tables, shapes[i], scales[i]), symbols[i]);
        }
        end = begin;
    }
    if (status == MICA_OK)
        status = mica_rans_flush(&rans, out);
    mica_rans_encoder_free(&rans);
    return status;
}
