#include "codec/chunks.h"

#include "codec/base/crc32c.h"
#include "codec/base/diag.h"
#include "codec/base/mem.h"

#define CHECKSUM_SIZE 4

size_t mica_chunks_memory(size_t count)
{
    return count * sizeof(MicaChunk);
}

/* Sets sizes; 0 if the directory is cut or damaged. */
static int read_directory(MicaReader *r, MicaChunk *chunks, size_t count)
{
    const uint8_t *start = r->data + r->offset;
    for (size_t i = 0; i < count; i++) {
        chunks[i].size = mica_read_varint(r);
        mica_read32(r);
    }
    const size_t size = (size_t)(r->data + r->offset - start);
    const uint32_t crc = mica_read32(r);
    return !r->failed && crc == mica_crc32c(0, start, size);
}

/* Sets data, NULL for what is not there or not whole. Returns whether everything was as it should
 * be. */
static int find_chunks(MicaReader directory, MicaReader *r, MicaChunk *chunks, size_t count)
{
    int whole = 1;
    for (size_t i = 0; i < count; i++) {
        mica_read_varint(&directory);
        const uint32_t crc = mica_read32(&directory);
        const size_t size = chunks[i].size;
        chunks[i].data = mica_read_bytes(r, size);
        if (chunks[i].data && crc != mica_crc32c(0, chunks[i].data, size))
            chunks[i].data = NULL;
        whole &= chunks[i].data != NULL;
    }
    return whole && !r->failed && mica_reader_left(r) == 0;
}

MicaStatus mica_chunks_read(MicaChunk **chunks, size_t count, const uint8_t *section, size_t size,
                            int damaged, MicaError *error)
{
    *chunks = NULL;
    /* A short section cannot ask for much memory. */
    const int possible = count == 1 || size / (1 + CHECKSUM_SIZE) >= count;
    if (!possible && !damaged)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the latents are too short");
    MicaChunk *c = mica_alloc_zero(count, sizeof *c);
    if (!c)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the segments");
    MicaReader r = mica_reader(section, size);
    const MicaReader directory = r;
    int whole = 0;
    if (count == 1) {
        c->size = size;
        c->data = damaged ? NULL : section;
        whole = !damaged;
    } else if (possible && read_directory(&r, c, count)) {
        whole = find_chunks(directory, &r, c, count);
    }
    if (!whole && !damaged) {
        mica_free(c);
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the directory of the latents is damaged");
    }
    *chunks = c;
    return MICA_OK;
}

void mica_chunks_write(MicaWriter *section, const MicaWriter *chunks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        section->failed |= chunks[i].failed;
    if (count > 1) {
        MicaWriter directory = {0};
        for (size_t i = 0; i < count; i++) {
            mica_write_varint(&directory, (uint32_t)chunks[i].size);
            mica_write32(&directory, mica_crc32c(0, chunks[i].data, chunks[i].size));
        }
        mica_write_bytes(section, directory.data, directory.size);
        mica_write32(section, mica_crc32c(0, directory.data, directory.size));
        section->failed |= directory.failed;
        mica_writer_free(&directory);
    }
    for (size_t i = 0; i < count; i++)
        mica_write_bytes(section, chunks[i].data, chunks[i].size);
}
