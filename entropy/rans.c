#include "entropy/rans.h"

#include "codec/base/mem.h"

/*
 * A segment: one byte with log2 of the number of states and the length modulo 64 (so that a cut is
 * certain to be seen), the second to last state in 7 bytes each, the first state in as few of 4..7
 * bytes as it needs, the words. The length of the first state follows from that of the segment, as
 * words have 4 bytes. The low 4 bytes of states and the words are mixed.
 */
static uint64_t load_state(const uint8_t *p, size_t size)
{
    uint64_t state = 0;
    for (size_t i = 4; i < size; i++)
        state |= (uint64_t)p[i] << 8 * i;
    return state | mica_rans_mix(mica_load32(p));
}

MicaStatus mica_rans_begin(MicaRansDecoder *decoder, const uint8_t *data, size_t size)
{
    *decoder = (MicaRansDecoder){.position = data, .end = data, .failed = 1};
    for (int i = 0; i < MICA_RANS_STATES_MAX; i++)
        decoder->states[i] = MICA_RANS_LOW;
    if (size < 5 || (size & 63) != data[0] >> 2)
        return MICA_ERROR_BITSTREAM;
    int count = 1 << (data[0] & 3);
    size_t fixed = 1 + (size_t)(count - 1) * MICA_RANS_STATE_BYTES;
    if (size < fixed + 4)
        return MICA_ERROR_BITSTREAM;
    size_t first = 4 + (size - fixed) % 4;
    uint64_t state = load_state(data + fixed, first);
    int bad = state < MICA_RANS_LOW || (first > 4 && state >> 8 * (first - 1) == 0);
    decoder->states[0] = state;
    for (int i = 1; i < count; i++) {
        state = load_state(data + 1 + (i - 1) * MICA_RANS_STATE_BYTES, MICA_RANS_STATE_BYTES);
        bad |= state < MICA_RANS_LOW;
        decoder->states[i] = state;
    }
    decoder->log2_states = data[0] & 3;
    decoder->position = data + fixed + first;
    decoder->end = data + size;
    decoder->failed = bad;
    return bad ? MICA_ERROR_BITSTREAM : MICA_OK;
}

MicaStatus mica_rans_finish(const MicaRansDecoder *decoder)
{
    int bad = decoder->failed || decoder->position != decoder->end;
    for (int i = 0; i < 1 << decoder->log2_states; i++)
        bad |= decoder->states[i] != MICA_RANS_LOW;
    return bad ? MICA_ERROR_BITSTREAM : MICA_OK;
}

/* A state costs 3..6 bytes, which only a long segment gets back in speed. */
void mica_rans_encoder_init(MicaRansEncoder *encoder, size_t symbols)
{
    *encoder = (MicaRansEncoder){0};
    encoder->log2_states = symbols < 8192 ? 0 : symbols < 65536 ? 1 : symbols < 262144 ? 2 : 3;
    for (int i = 0; i < MICA_RANS_STATES_MAX; i++)
        encoder->states[i] = MICA_RANS_LOW;
}

int mica_rans_reserve(MicaRansEncoder *encoder, size_t size)
{
    size_t used = 0;
    if (encoder->buffer)
        used = (size_t)(encoder->buffer + encoder->capacity - encoder->position);
    if (encoder->capacity - used >= size)
        return 1;
    size_t capacity = 2 * encoder->capacity + size;
    uint8_t *buffer = mica_alloc(capacity, 1);
    if (!buffer)
        return 0;
    if (used)
        memcpy(buffer + capacity - used, encoder->position, used);
    mica_free(encoder->buffer);
    encoder->buffer = buffer;
    encoder->capacity = capacity;
    encoder->position = buffer + capacity - used;
    return 1;
}

void mica_rans_encoder_free(MicaRansEncoder *encoder)
{
    mica_free(encoder->buffer);
    encoder->buffer = NULL;
}

static void put_state(MicaRansEncoder *encoder, uint64_t state, int size)
{
    encoder->position -= size;
    mica_store32(encoder->position, mica_rans_unmix((uint32_t)state));
    for (int i = 4; i < size; i++)
        encoder->position[i] = (uint8_t)(state >> 8 * i);
}

MicaStatus mica_rans_flush(MicaRansEncoder *encoder, MicaWriter *writer)
{
    if (!mica_rans_reserve(encoder, 1 + MICA_RANS_STATES_MAX * MICA_RANS_STATE_BYTES))
        return MICA_ERROR_OUT_OF_MEMORY;
    int first = 4;
    while (encoder->states[0] >> 8 * first)
        first++;
    put_state(encoder, encoder->states[0], first);
    for (int i = (1 << encoder->log2_states) - 1; i > 0; i--)
        put_state(encoder, encoder->states[i], MICA_RANS_STATE_BYTES);
    encoder->position--;
    size_t size = (size_t)(encoder->buffer + encoder->capacity - encoder->position);
    encoder->position[0] = (uint8_t)((size & 63) << 2 | (size_t)encoder->log2_states);
    mica_write_bytes(writer, encoder->position, size);
    return writer->failed ? MICA_ERROR_OUT_OF_MEMORY : MICA_OK;
}
