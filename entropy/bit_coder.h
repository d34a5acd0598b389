/*
 * Coding binary decisions with adaptive probabilities, on top of rANS.
 *
 * Every decision names a model, which learns from the decisions it has seen: quickly at first, so
 * that a rarely used model is of use too. One function codes in both directions, so that encoder
 * and decoder cannot drift apart: encoding notes the decisions with their probabilities and returns
 * them unchanged, decoding ignores its argument. rANS needs the last decision first, which is why
 * the encoder keeps all of them (two bytes each) until the end.
 */
#ifndef MICA_ENTROPY_BIT_CODER_H
#define MICA_ENTROPY_BIT_CODER_H

#include "entropy/rans.h"

/* Probability of a one in the upper 22 bits, number of decisions seen (limited) in the lower 10. */
typedef uint32_t MicaBitModel;

#define MICA_BIT_MODEL_NEW ((MicaBitModel)1 << 31)

/* A model weighs its newest decision by at least 1 / (this + 1.5). */
#define MICA_BIT_MODEL_LIMIT 160u

/* A model that begins with a probability of a one of ones/256, 1..255, as if it had seen `trust`
 * decisions, at most MICA_BIT_MODEL_LIMIT. */
MICA_INLINE MicaBitModel mica_bit_model(unsigned ones, unsigned trust)
{
    return (MicaBitModel)ones << 24 | trust;
}

typedef struct MicaBitCoder {
    int decoding, failed;
    MicaRansDecoder rans;
    uint64_t state;
    uint16_t *decision; /* encoder: twice the probability of a one in 1/2^15, plus the bit */
    size_t count, capacity;
    uint16_t first[256];                     /* where `decision` points at the start */
    uint32_t rate[MICA_BIT_MODEL_LIMIT + 1]; /* 2^17 / (2 (number seen) + 3) */
} MicaBitCoder;

void mica_bit_models_reset(MicaBitModel *models, size_t count);

/* The coder must stay where it is until it is finished. */
void mica_bit_encoder_begin(MicaBitCoder *coder);

/* Append the coded segment to `out` and release the coder. MICA_ERROR_OUT_OF_MEMORY. */
MicaStatus mica_bit_encoder_finish(MicaBitCoder *coder, MicaWriter *out);

/* MICA_ERROR_BITSTREAM if no segment can begin like this. */
MicaStatus mica_bit_decoder_begin(MicaBitCoder *coder, const uint8_t *data, size_t size);

/* MICA_ERROR_BITSTREAM unless the decisions taken are all that the segment holds. */
MicaStatus mica_bit_decoder_finish(MicaBitCoder *coder);

/* Room for more decisions; private to mica_code_bit(). */
void mica_bit_coder_grow(MicaBitCoder *coder);

/* Code one decision, 0 or 1. Past the end of damaged data it returns garbage; finish() says so. */
MICA_INLINE int mica_code_bit(MicaBitCoder *coder, MicaBitModel *model, int bit)
{
    const uint32_t m = *model, seen = m & 1023;
    uint32_t p = m >> 17; /* 15 bits */
    p += p < 8 ? 8 - p : 0;
    p -= p > 32760 ? p - 32760 : 0;
    if (coder->decoding) {
        const uint32_t ones = p << (MICA_RANS_BITS - 15), slot = mica_rans_slot(coder->state);
        bit = slot < ones;
        coder->state =
            bit ? mica_rans_take(&coder->rans, coder->state, ones, slot)
                : mica_rans_take(&coder->rans, coder->state, MICA_RANS_SLOTS - ones, slot - ones);
    } else {
        if (MICA_UNLIKELY(coder->count == coder->capacity))
            mica_bit_coder_grow(coder);
        coder->decision[coder->count++] = (uint16_t)(p << 1 | (uint32_t)bit);
    }
    /* Towards 0 or 1 by the rate; 22 + 16 bits need 64. */
    const uint32_t old = m >> 10;
    const uint64_t way = bit ? (1u << 22) - 1 - old : old;
    const uint32_t step = (uint32_t)(way * coder->rate[seen] >> 16);
    *model = (bit ? old + step : old - step) << 10 | (seen + (seen < MICA_BIT_MODEL_LIMIT));
    return bit;
}

#endif
