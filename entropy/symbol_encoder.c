#include "entropy/half_cdf.h"
#include "entropy/symbol_tables.h"

/* Symbols between checks of the room in the buffer; none takes more than 8 bytes (an escape has 20
 * + 33 bits). */
#define BLOCK 512

/* Exp-Golomb code of the excess over the window, written backwards: suffix first, then the length
 * as zeros and a one. */
static uint64_t put_escape(MicaRansOutput *out, uint64_t state, uint32_t excess, int order)
{
    uint32_t value = excess + (1u << order);
    int length = mica_log2_floor(value);
    state = mica_rans_put_bits(out, state, value & ((1u << length) - 1), length);
    state = mica_rans_put_bits(out, state, 1, 1);
    for (int i = order; i < length; i++)
        state = mica_rans_put_bits(out, state, 0, 1);
    return state;
}

static uint64_t put_symbol(MicaRansOutput *out, uint64_t state, const MicaSymbolTables *tables,
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
        state =
            put_escape(out, state, (uint32_t)(magnitude - model->width - 1), model->escape_order);
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

    /* A state costs 3..6 bytes, which only long segments get back in speed. */
    int log2_states = count < 8192 ? 0 : count < 65536 ? 1 : 2;
    uint64_t states[MICA_RANS_STATES_MAX];
    for (int i = 0; i < MICA_RANS_STATES_MAX; i++)
        states[i] = MICA_RANS_LOW;

    MicaStatus status = MICA_OK;
    MicaRansOutput rans = {0};
    for (size_t end = count; end > 0;) {
        size_t begin = (end - 1) / BLOCK * BLOCK;
        if (!mica_rans_reserve(&rans, 8 * BLOCK)) {
            status = MICA_ERROR_OUT_OF_MEMORY;
            break;
        }
        for (size_t i = end; i-- > begin;) {
            uint64_t *state = states + (i & ((1u << log2_states) - 1));
            *state = put_symbol(&rans, *state, tables,
                                mica_symbol_model(tables, shapes[i], scales[i]), symbols[i]);
        }
        end = begin;
    }
    if (status == MICA_OK)
        status = mica_rans_flush(&rans, states, log2_states, out);
    mica_rans_free(&rans);
    return status;
}
