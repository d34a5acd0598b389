/* CRC-32C (Castagnoli, RFC 3720): the checksum of every section of a stream. */
#ifndef MICA_BASE_CRC32C_H
#define MICA_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of data following bytes whose checksum is `crc`; start with 0. */
uint32_t mica_crc32c(uint32_t crc, const void *data, size_t size);

#endif
