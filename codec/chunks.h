/*
 * The strings of symbols of the latents section, "chunks": one for each segment, or, in a
 * progressive file, one for each segment and context step, all of step 0 first.
 *
 * A directory with the length and checksum of each comes first, with a checksum of its own, so that
 * chunks are found without reading those before, and those of a damaged file that are whole are
 * known. A single chunk has no directory: the section's checksum does.
 */
#ifndef MICA_CODEC_CHUNKS_H
#define MICA_CODEC_CHUNKS_H

#include "codec/base/bytes.h"
#include "mica/status.h"

/* data is NULL if the chunk is lost. */
typedef struct MicaChunk {
    const uint8_t *data;
    size_t size;
} MicaChunk;

/* Bytes of memory for reading `count` chunks. */
size_t mica_chunks_memory(size_t count);

/*
 * Find the `count` chunks of a section; *chunks is for mica_free(), or stays NULL after an error.
 * In an intact section all chunks are there and fill it exactly, or else it is an error; of a
 * damaged one, those are lost whose checksum does not hold.
 */
MicaStatus mica_chunks_read(MicaChunk **chunks, size_t count, const uint8_t *section, size_t size,
                            int damaged, MicaError *error);

/* Append directory and chunks. */
void mica_chunks_write(MicaWriter *section, const MicaWriter *chunks, size_t count);

#endif
