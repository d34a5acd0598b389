/*
 * The range coder under every model: rANS with 20-bit probabilities and states in [2^24, 2^56),
 * 32-bit words.
 *
 * Decoding a symbol that owns `frequency` of the 2^20 slots takes the low 20 bits of the state as
 * the slot; the rank of the slot among those of its symbol goes back into the state. Coding is the
 * exact inverse, done from the last symbol to the first. Several states in turn share one sequence
 * of words, so that their chains of multiplications overlap.
 */
#ifndef MICA_ENTROPY_RANS_H
#define MICA_ENTROPY_RANS_H

#include <stdint.h>

#include "codec/base/bytes.h"
#include "mica/status.h"

#define MICA_RANS_BITS 20
#define MICA_RANS_SLOTS (1u << MICA_RANS_BITS)
#define MICA_RANS_LOW ((uint64_t)1 << 24)
#define MICA_RANS_STATE_BYTES 7
#define MICA_RANS_STATES_MAX 8

/* A segment being read: its words, and the states, of which the symbols use one after the other. */
typedef struct MicaRansDecoder {
    const uint8_t *position, *end;
    int failed;
    int log2_states;
    unsigned next; /* the state of the next symbol */
    uint64_t states[MICA_RANS_STATES_MAX];
} MicaRansDecoder;

/* MICA_ERROR_BITSTREAM if the length or a state is impossible; the decoder can be used all the
 * same. */
MicaStatus mica_rans_begin(MicaRansDecoder *decoder, const uint8_t *data, size_t size);

/* MICA_ERROR_BITSTREAM unless all words were used and all states are at their initial value. */
MicaStatus mica_rans_finish(const MicaRansDecoder *decoder);

/*
 * Words are stored mixed, so that a damaged bit of the file changes about half the bits of a word.
 * Otherwise damage could hit just a sign or a plain bit, which pass through the state without a
 * trace; so it shows in the states at the end.
 */
MICA_INLINE uint32_t mica_rans_mix(uint32_t word)
{
    word ^= word >> 16;
    word *= 0x9e3779b1u;
    return word ^ word >> 16;
}

MICA_INLINE uint32_t mica_rans_unmix(uint32_t word)
{
    word ^= word >> 16;
    word *= 0x0e8b2f51u; /* the inverse modulo 2^32 */
    return word ^ word >> 16;
}

/* Bring a state back to its interval; past the end of the data there is nothing to add. */
MICA_INLINE uint64_t mica_rans_refill(MicaRansDecoder *in, uint64_t state)
{
    if (state >= MICA_RANS_LOW)
        return state;
    if (MICA_UNLIKELY(in->end - in->position < 4)) {
        in->failed = 1;
        return state;
    }
    state = state << 32 | mica_rans_mix(mica_load32(in->position));
    in->position += 4;
    return state;
}

MICA_INLINE uint32_t mica_rans_slot(uint64_t state)
{
    return (uint32_t)state & (MICA_RANS_SLOTS - 1);
}

MICA_INLINE uint64_t mica_rans_take(MicaRansDecoder *in, uint64_t state, uint32_t frequency,
                                    uint32_t rank)
{
    return mica_rans_refill(in, frequency * (state >> MICA_RANS_BITS) + rank);
}

/* The same without a branch on whether a word is due, which for symbols of many bits is anyone's
 * guess. */
MICA_INLINE uint64_t mica_rans_take_steady(MicaRansDecoder *in, uint64_t state, uint32_t frequency,
                                           uint32_t rank)
{
    if (MICA_UNLIKELY(in->end - in->position < 4))
        return mica_rans_take(in, state, frequency, rank);
    state = frequency * (state >> MICA_RANS_BITS) + rank;
    const uint32_t due = state < MICA_RANS_LOW;
    const uint32_t word = mica_rans_mix(mica_load32(in->position)) & (0u - due);
    in->position += 4 * due;
    return state << 32 * due | word;
}

/* `count` <= 16 bits without a model. */
MICA_INLINE uint32_t mica_rans_take_bits(MicaRansDecoder *in, uint64_t *state, int count)
{
    uint32_t bits = (uint32_t)*state & ((1u << count) - 1);
    *state = mica_rans_refill(in, *state >> count);
    return bits;
}

/* A segment being written, backwards, from the end of a buffer that grows to the front. */
typedef struct MicaRansEncoder {
    uint8_t *buffer, *position;
    size_t capacity;
    int log2_states;
    uint64_t states[MICA_RANS_STATES_MAX];
} MicaRansEncoder;

void mica_rans_encoder_init(MicaRansEncoder *encoder, size_t symbols);

/* Room for `size` more bytes; 0 if there is no memory. */
int mica_rans_reserve(MicaRansEncoder *encoder, size_t size);

/* Write the states and the first byte, then append the segment to `writer`. */
MicaStatus mica_rans_flush(MicaRansEncoder *encoder, MicaWriter *writer);
void mica_rans_encoder_free(MicaRansEncoder *encoder);

/* The state of symbol i of the segment */
MICA_INLINE uint64_t *mica_rans_state(MicaRansEncoder *encoder, size_t i)
{
    return encoder->states + (i & ((1u << encoder->log2_states) - 1));
}

MICA_INLINE uint64_t mica_rans_emit(MicaRansEncoder *out, uint64_t state)
{
    out->position -= 4;
    mica_store32(out->position, mica_rans_unmix((uint32_t)state));
    return state >> 32;
}

/* Make room in the state for a symbol of `frequency` slots. */
MICA_INLINE uint64_t mica_rans_shrink(MicaRansEncoder *out, uint64_t state, uint32_t frequency)
{
    return state >= (uint64_t)frequency << (56 - MICA_RANS_BITS) ? mica_rans_emit(out, state)
                                                                 : state;
}

MICA_INLINE uint64_t mica_rans_put_bits(MicaRansEncoder *out, uint64_t state, uint32_t bits,
                                        int count)
{
    if (state >= (uint64_t)1 << (56 - count))
        state = mica_rans_emit(out, state);
    return state << count | bits;
}

#endif
