#include "entropy/escape.h"
#include "entropy/mixture_coder.h"

/* Add the distance that follows an escape. */
static int32_t take_excess(MicaRansDecoder *rans, uint64_t *state, const MicaMixtureBlock *block,
                           size_t i, int32_t symbol)
{
    int order = mica_escape_order((uint32_t)(block->last[i] - block->first[i]) / 2);
    int32_t excess = (int32_t)mica_escape_take(rans, state, order);
    symbol += symbol < block->first[i] ? -excess : excess;
    if (symbol < -32768 || symbol > 32767) {
        rans->failed = 1;
        return 0;
    }
    return symbol;
}

/* Leave out the elements that are not coded; returns how many remain. */
static size_t drop_skipped(MicaMixtureBlock *block, size_t count, uint32_t skip, int16_t *symbols)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        block->symbol[left] = block->symbol[i];
        block->low[left] = block->low[i];
        block->high[left] = block->high[i];
        block->first[left] = block->first[i];
        block->last[left] = block->last[i];
        block->element[left] = (uint16_t)i;
        symbols[i] = 0;
        left += !mica_mixture_skipped(block, left, skip);
    }
    return left;
}

/* One symbol from each of `count` states in a row, element i of the block and after. */
MICA_INLINE void take_group(const MicaMixtureTables *tables, MicaMixtureSearch *search,
                            const MicaEntropyModel *model, size_t begin, MicaMixtureBlock *block,
                            size_t i, MicaRansDecoder *rans, uint64_t *states, size_t count,
                            int16_t *symbols)
{
    uint32_t slots[MICA_RANS_STATES_MAX];
    unsigned missed = 0;
    for (size_t k = 0; k < count; k++) {
        slots[k] = mica_rans_slot(states[k]);
        uint32_t low = block->low[i + k];
        missed |= (unsigned)(slots[k] - low >= block->high[i + k] - low) << k;
    }
    if (missed)
        search(tables, model, begin, block, i, slots, missed);
    for (size_t k = 0; k < count; k++) {
        size_t j = i + k;
        int32_t symbol = block->symbol[j];
        uint32_t low = block->low[j];
        uint64_t state = mica_rans_take(rans, states[k], block->high[j] - low, slots[k] - low);
        if (MICA_UNLIKELY(symbol < block->first[j] || symbol > block->last[j]))
            symbol = take_excess(rans, &state, block, j, symbol);
        states[k] = state;
        symbols[block->element[j]] = (int16_t)symbol;
    }
}

void mica_mixture_decode(const MicaMixtureTables *tables, const MicaMixtureDsp *dsp,
                         const MicaEntropyModel *model, uint32_t skip, MicaRansDecoder *rans,
                         MicaMixtureBlock *block, int16_t *symbols, size_t count)
{
    MicaMixturePrepare *prepare = dsp->prepare[model->components - 1];
    MicaMixtureSearch *search = dsp->search[model->components - 1];
    unsigned mask = (1u << rans->log2_states) - 1, next = rans->next;
    for (size_t i = 0; i < MICA_MIXTURE_BLOCK; i++)
        block->element[i] = (uint16_t)i;
    for (size_t begin = 0; begin < count; begin += MICA_MIXTURE_BLOCK) {
        size_t size = count - begin < MICA_MIXTURE_BLOCK ? count - begin : MICA_MIXTURE_BLOCK;
        int16_t *out = symbols + begin;
        prepare(tables, model, NULL, begin, size, block);
        if (skip < MICA_RANS_SLOTS)
            size = drop_skipped(block, size, skip, out);
        for (size_t i = 0; i < size;) {
            if (next == 0 && mask == 7 && size - i >= 8) {
                take_group(tables, search, model, begin, block, i, rans, rans->states, 8, out);
                i += 8;
                continue;
            }
            size_t group = mask + 1 - next;
            if (group > size - i)
                group = size - i;
            take_group(tables, search, model, begin, block, i, rans, rans->states + next, group,
                       out);
            next = (next + (unsigned)group) & mask;
            i += group;
        }
    }
    rans->next = next;
}
