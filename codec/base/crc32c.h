/* CRC-32C (Castagnoli, RFC 3720): the checksum of every section of a stream. */
#ifndef MICA_BASE_CRC32C_H
#define MICA_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Of data following bytes whose checksum is `crc`; start with 0. */
uint32_t mica_crc32c(uint32_t crc, const void *data, size_t size);

/*
 * Where one damaged byte would explain a wrong checksum: `difference` is the checksum found XOR the
 * one expected, `size` how many bytes count back from the end of the data. Returns how many such
 * places there are, in the order from the end: the last of them is in *position (bytes before the
 * end, 0 is the last byte) and *change, which the byte there was XORed with.
 */
int mica_crc32c_locate(uint32_t difference, size_t size, size_t *position, uint8_t *change);

#endif
