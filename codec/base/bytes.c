#include "codec/base/bytes.h"

#include "codec/base/mem.h"

MicaReader mica_reader(const void *data, size_t size)
{
    /* An empty reader still needs an address, so that reading 0 bytes from it succeeds. */
    static const uint8_t nothing[1];
    MicaReader r = {data, size, 0, 0};
    if (!data) {
        r.data = nothing;
        r.failed = size != 0;
        r.size = 0;
    }
    return r;
}

size_t mica_reader_left(const MicaReader *r)
{
    return r->size - r->offset;
}

static void reader_fail(MicaReader *r)
{
    /* To the end, so that every later read fails too instead of resuming at an odd place. */
    r->failed = 1;
    r->offset = r->size;
}

const uint8_t *mica_read_bytes(MicaReader *r, size_t size)
{
    if (r->failed || size > r->size - r->offset) {
        reader_fail(r);
        return NULL;
    }
    const uint8_t *const p = r->data + r->offset;
    r->offset += size;
    return p;
}

uint8_t mica_read8(MicaReader *r)
{
    const uint8_t *const p = mica_read_bytes(r, 1);
    return p ? *p : 0;
}

uint16_t mica_read16(MicaReader *r)
{
    const uint8_t *const p = mica_read_bytes(r, 2);
    return p ? (uint16_t)mica_load16(p) : 0;
}

uint32_t mica_read32(MicaReader *r)
{
    const uint8_t *const p = mica_read_bytes(r, 4);
    return p ? mica_load32(p) : 0;
}

uint64_t mica_read64(MicaReader *r)
{
    const uint8_t *const p = mica_read_bytes(r, 8);
    return p ? mica_load64(p) : 0;
}

uint32_t mica_read_varint(MicaReader *r)
{
    uint32_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
        const uint32_t byte = mica_read8(r);
        /* The fifth byte has room for 4 bits; a last byte of zero adds nothing, and two codes of
         * one value would let two files differ that mean the same. */
        if (r->failed || (shift == 28 && byte > 15) || (shift && byte == 0))
            break;
        value |= (byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    reader_fail(r);
    return 0;
}

/* Room for `size` more bytes: a pointer to them, or NULL. */
static uint8_t *writer_extend(MicaWriter *w, size_t size)
{
    if (w->failed)
        return NULL;
    if (size > w->capacity - w->size) {
        size_t capacity = w->capacity < 256 ? 256 : w->capacity;
        while (capacity - w->size < size && capacity <= SIZE_MAX / 2)
            capacity *= 2;
        uint8_t *const grown = capacity - w->size < size ? NULL : mica_alloc(capacity, 1);
        if (!grown) {
            w->failed = 1;
            return NULL;
        }
        if (w->size)
            memcpy(grown, w->data, w->size);
        mica_free(w->data);
        w->data = grown;
        w->capacity = capacity;
    }
    uint8_t *const p = w->data + w->size;
    w->size += size;
    return p;
}

void mica_write8(MicaWriter *w, uint32_t v)
{
    uint8_t *const p = writer_extend(w, 1);
    if (p)
        *p = (uint8_t)v;
}

void mica_write16(MicaWriter *w, uint32_t v)
{
    uint8_t *const p = writer_extend(w, 2);
    if (p)
        mica_store16(p, v);
}

void mica_write32(MicaWriter *w, uint32_t v)
{
    uint8_t *const p = writer_extend(w, 4);
    if (p)
        mica_store32(p, v);
}

void mica_write64(MicaWriter *w, uint64_t v)
{
    uint8_t *const p = writer_extend(w, 8);
    if (p)
        mica_store64(p, v);
}

void mica_write_varint(MicaWriter *w, uint32_t v)
{
    for (; v >= 128; v >>= 7)
        mica_write8(w, v | 128);
    mica_write8(w, v);
}

void mica_write_bytes(MicaWriter *w, const void *data, size_t size)
{
    /* memcpy() must not see NULL, which is what an empty section may come with. */
    if (!size)
        return;
    uint8_t *const p = writer_extend(w, size);
    if (p)
        memcpy(p, data, size);
}

void mica_writer_free(MicaWriter *w)
{
    if (!w)
        return;
    mica_free(w->data);
    memset(w, 0, sizeof(*w));
}
