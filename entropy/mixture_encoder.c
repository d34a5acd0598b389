#include "codec/base/mem.h"
#include "entropy/escape.h"
#include "entropy/mixture_coder.h"

/* None takes more than 8 bytes: an escape has 20 + 33 bits. */
#define SYMBOL_BYTES 8

static uint64_t put_element(MicaRansEncoder *out, uint64_t state, const MicaMixtureBlock *block,
                            size_t i, int symbol)
{
    int32_t coded = block->symbol[i];
    if (MICA_UNLIKELY(coded < block->first[i] || coded > block->last[i])) {
        int excess = coded < block->first[i] ? coded - symbol : symbol - coded;
        int order = mica_escape_order((uint32_t)(block->last[i] - block->first[i]) / 2);
        state = mica_escape_put(out, state, (uint32_t)excess, order);
    }
    uint32_t frequency = block->high[i] - block->low[i];
    state = mica_rans_shrink(out, state, frequency);
    return (state / frequency) << MICA_RANS_BITS | (block->low[i] + (uint32_t)(state % frequency));
}

/* Flags of the elements that are not coded, and how many are. */
static size_t find_skipped(const MicaMixtureTables *tables, MicaMixturePrepare *prepare,
                           const MicaEntropyModel *model, uint32_t skip, size_t count,
                           MicaMixtureBlock *block, uint8_t *skipped)
{
    size_t coded = 0;
    for (size_t begin = 0; begin < count; begin += MICA_MIXTURE_BLOCK) {
        size_t size = count - begin < MICA_MIXTURE_BLOCK ? count - begin : MICA_MIXTURE_BLOCK;
        prepare(tables, model, NULL, begin, size, block);
        for (size_t i = 0; i < size; i++) {
            skipped[begin + i] = (uint8_t)mica_mixture_skipped(block, i, skip);
            coded += !skipped[begin + i];
        }
    }
    return coded;
}

MicaStatus mica_mixture_encode(const MicaMixtureTables *tables, const MicaMixtureDsp *dsp,
                               const MicaEntropyModel *model, uint32_t skip, const int16_t *symbols,
                               size_t count, MicaWriter *writer)
{
    MicaMixturePrepare *prepare = dsp->prepare[model->components - 1];
    size_t coded = count;
    MicaStatus status = MICA_OK;
    MicaMixtureBlock *block = mica_alloc(1, sizeof(*block));
    uint8_t *skipped = skip < MICA_RANS_SLOTS ? mica_alloc(count, 1) : NULL;
    if (!block || (skip < MICA_RANS_SLOTS && !skipped)) {
        mica_free(block);
        mica_free(skipped);
        return MICA_ERROR_OUT_OF_MEMORY;
    }
    if (skipped)
        coded = find_skipped(tables, prepare, model, skip, count, block, skipped);

    MicaRansEncoder rans;
    mica_rans_encoder_init(&rans, coded);
    for (size_t end = count; end > 0;) {
        size_t begin = (end - 1) / MICA_MIXTURE_BLOCK * MICA_MIXTURE_BLOCK;
        prepare(tables, model, symbols, begin, end - begin, block);
        if (!mica_rans_reserve(&rans, SYMBOL_BYTES * MICA_MIXTURE_BLOCK)) {
            status = MICA_ERROR_OUT_OF_MEMORY;
            break;
        }
        for (size_t i = end; i-- > begin;) {
            if (skipped && skipped[i])
                continue;
            uint64_t *state = mica_rans_state(&rans, --coded);
            *state = put_element(&rans, *state, block, i - begin, symbols[i]);
        }
        end = begin;
    }
    if (status == MICA_OK)
        status = mica_rans_flush(&rans, writer);
    mica_rans_encoder_free(&rans);
    mica_free(block);
    mica_free(skipped);
    return status;
}
