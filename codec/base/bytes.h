/* Little-endian loads and stores, and a checked byte reader and writer. No cast of file bytes to
 * structs anywhere. */
#ifndef MICA_BASE_BYTES_H
#define MICA_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "codec/base/attributes.h"

MICA_INLINE uint32_t mica_load16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

MICA_INLINE uint32_t mica_load32(const uint8_t *p)
{
    return mica_load16(p) | mica_load16(p + 2) << 16;
}

MICA_INLINE uint64_t mica_load64(const uint8_t *p)
{
    return (uint64_t)mica_load32(p) | (uint64_t)mica_load32(p + 4) << 32;
}

MICA_INLINE void mica_store16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

MICA_INLINE void mica_store32(uint8_t *p, uint32_t v)
{
    mica_store16(p, v);
    mica_store16(p + 2, v >> 16);
}

MICA_INLINE void mica_store64(uint8_t *p, uint64_t v)
{
    mica_store32(p, (uint32_t)v);
    mica_store32(p + 4, (uint32_t)(v >> 32));
}

/* Reads never pass the end: they yield zeros and set `failed`, which the caller tests where it
 * matters. */
typedef struct MicaReader {
    const uint8_t *data;
    size_t size, offset;
    int failed;
} MicaReader;

MicaReader mica_reader(const void *data, size_t size);
uint8_t mica_read8(MicaReader *r);
uint16_t mica_read16(MicaReader *r);
uint32_t mica_read32(MicaReader *r);
uint64_t mica_read64(MicaReader *r);
/* LEB128, at most 32 bits; longer or over-long codes fail. */
uint32_t mica_read_varint(MicaReader *r);
/* A pointer to `size` bytes inside the data, or NULL (and failed). */
const uint8_t *mica_read_bytes(MicaReader *r, size_t size);
size_t mica_reader_left(const MicaReader *r);

/* A growing byte buffer; after a failed allocation all writes are ignored and `failed` is set. */
typedef struct MicaWriter {
    uint8_t *data;
    size_t size, capacity;
    int failed;
} MicaWriter;

void mica_write8(MicaWriter *w, uint32_t v);
void mica_write16(MicaWriter *w, uint32_t v);
void mica_write32(MicaWriter *w, uint32_t v);
void mica_write64(MicaWriter *w, uint64_t v);
void mica_write_varint(MicaWriter *w, uint32_t v);
void mica_write_bytes(MicaWriter *w, const void *data, size_t size);
void mica_writer_free(MicaWriter *w);

#endif
