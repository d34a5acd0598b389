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

MicaStatus mica_rans_begin(MicaRansInput *in, uint64_t *states, int *log2_count,
                           const uint8_t *data, size_t size)
{
    *log2_count = 0;
    in->position = in->end = data;
    in->failed = 1;
    for (int i = 0; i < MICA_RANS_STATES_MAX; i++)
        states[i] = MICA_RANS_LOW;
    if (size < 5 || (size & 63) != data[0] >> 2)
        return MICA_ERROR_BITSTREAM;
    int count = 1 << (data[0] & 3);
    size_t fixed = 1 + (size_t)(count - 1) * MICA_RANS_STATE_BYTES;
    if (size < fixed + 4)
        return MICA_ERROR_BITSTREAM;
    size_t first = 4 + (size - fixed) % 4;
    states[0] = load_state(data + fixed, first);
    int bad = states[0] < MICA_RANS_LOW || (first > 4 && states[0] >> 8 * (first - 1) == 0);
    for (int i = 1; i < count; i++) {
        states[i] = load_state(data + 1 + (i - 1) * MICA_RANS_STATE_BYTES, MICA_RANS_STATE_BYTES);
        bad |= states[i] < MICA_RANS_LOW;
    }
    if (bad)
        return MICA_ERROR_BITSTREAM;
    *log2_count = data[0] & 3;
    in->position = data + fixed + first;
    in->end = data + size;
    in->failed = 0;
    return MICA_OK;
}

MicaStatus mica_rans_finish(const MicaRansInput *in, const uint64_t *states, int log2_count)
{
    int bad = in->failed || in->position != in->end;
    for (int i = 0; i < 1 << log2_count; i++)
        bad |= states[i] != MICA_RANS_LOW;
    return bad ? MICA_ERROR_BITSTREAM : MICA_OK;
}

int mica_rans_reserve(MicaRansOutput *out, size_t size)
{
    size_t used = out->buffer ? (size_t)(out->buffer + out->capacity - out->position) : 0;
    if (out->buffer && out->capacity - used >= size)
        return 1;
    size_t capacity = 2 * out->capacity + size;
    uint8_t *buffer = mica_alloc(capacity, 1);
    if (!buffer)
        return 0;
    if (used)
        memcpy(buffer + capacity - used, out->position, used);
    mica_free(out->buffer);
    out->buffer = buffer;
    out->capacity = capacity;
    out->position = buffer + capacity - used;
    return 1;
}

void mica_rans_free(MicaRansOutput *out)
{
    mica_free(out->buffer);
}

static void put_state(MicaRansOutput *out, uint64_t state, int size)
{
    out->position -= size;
    mica_store32(out->position, mica_rans_unmix((uint32_t)state));
    for (int i = 4; i < size; i++)
        out->position[i] = (uint8_t)(state >> 8 * i);
}

MicaStatus mica_rans_flush(MicaRansOutput *out, const uint64_t *states, int log2_count,
                           MicaWriter *writer)
{
    if (!mica_rans_reserve(out, 1 + MICA_RANS_STATES_MAX * MICA_RANS_STATE_BYTES))
        return MICA_ERROR_OUT_OF_MEMORY;
    int first = 4;
    while (states[0] >> 8 * first)
        first++;
    put_state(out, states[0], first);
    for (int i = (1 << log2_count) - 1; i > 0; i--)
        put_state(out, states[i], MICA_RANS_STATE_BYTES);
    out->position--;
    size_t size = (size_t)(out->buffer + out->capacity - out->position);
    out->position[0] = (uint8_t)((size & 63) << 2 | (size_t)log2_count);
    mica_write_bytes(writer, out->position, size);
    return writer->failed ? MICA_ERROR_OUT_OF_MEMORY : MICA_OK;
}
