#include "entropy/bit_coder.h"

#include "codec/base/mem.h"

/* Decisions between checks of the room in the buffer; none takes more than one word. */
#define BLOCK 4096

void mica_bit_models_reset(MicaBitModel *models, size_t count)
{
    for (size_t i = 0; i < count; i++)
        models[i] = MICA_BIT_MODEL_NEW;
}

static void init(MicaBitCoder *coder)
{
    memset(coder, 0, sizeof *coder);
    for (uint32_t seen = 0; seen <= MICA_BIT_MODEL_LIMIT; seen++)
        coder->rate[seen] = (1u << 17) / (2 * seen + 3);
}

void mica_bit_encoder_begin(MicaBitCoder *coder)
{
    init(coder);
    coder->decision = coder->first;
    coder->capacity = sizeof coder->first / sizeof coder->first[0];
}

void mica_bit_coder_grow(MicaBitCoder *coder)
{
    uint16_t *more = coder->failed ? NULL : mica_alloc(coder->capacity, 4 * sizeof *more);
    if (!more) {
        /* The decisions that follow go where those before were, and finish() reports it. */
        coder->failed = 1;
        coder->count = 0;
        return;
    }
    memcpy(more, coder->decision, coder->count * sizeof *more);
    if (coder->decision != coder->first)
        mica_free(coder->decision);
    coder->decision = more;
    coder->capacity *= 4;
}

static uint64_t put_bit(MicaRansEncoder *out, uint64_t state, uint32_t decision)
{
    const uint32_t ones = (decision >> 1) << (MICA_RANS_BITS - 15);
    const uint32_t start = decision & 1 ? 0 : ones;
    const uint32_t frequency = decision & 1 ? ones : MICA_RANS_SLOTS - ones;
    state = mica_rans_shrink(out, state, frequency);
    return ((state / frequency) << MICA_RANS_BITS) + start + state % frequency;
}

MicaStatus mica_bit_encoder_finish(MicaBitCoder *coder, MicaWriter *out)
{
    MicaStatus status = coder->failed ? MICA_ERROR_OUT_OF_MEMORY : MICA_OK;
    MicaRansEncoder rans;
    mica_rans_encoder_init(&rans, 0);
    for (size_t end = coder->count; end > 0 && status == MICA_OK;) {
        const size_t begin = (end - 1) / BLOCK * BLOCK;
        if (!mica_rans_reserve(&rans, sizeof(uint32_t) * BLOCK)) {
            status = MICA_ERROR_OUT_OF_MEMORY;
            break;
        }
        for (size_t i = end; i-- > begin;)
            rans.states[0] = put_bit(&rans, rans.states[0], coder->decision[i]);
        end = begin;
    }
    if (status == MICA_OK)
        status = mica_rans_flush(&rans, out);
    mica_rans_encoder_free(&rans);
    if (coder->decision != coder->first)
        mica_free(coder->decision);
    coder->decision = NULL;
    return status;
}

MicaStatus mica_bit_decoder_begin(MicaBitCoder *coder, const uint8_t *data, size_t size)
{
    init(coder);
    coder->decoding = 1;
    const MicaStatus status = mica_rans_begin(&coder->rans, data, size);
    coder->failed = status != MICA_OK || coder->rans.log2_states != 0;
    coder->state = coder->rans.states[0];
    return coder->failed ? MICA_ERROR_BITSTREAM : MICA_OK;
}

MicaStatus mica_bit_decoder_finish(MicaBitCoder *coder)
{
    coder->rans.states[0] = coder->state;
    return coder->failed ? MICA_ERROR_BITSTREAM : mica_rans_finish(&coder->rans);
}
