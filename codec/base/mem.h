/*
 * Memory: every allocation of the library goes through these calls, which check for overflow and
 * align to a cache line.
 *
 * Over-read contract: every block ends with MICA_PADDING readable bytes past the size asked for, so
 * vector kernels may load whole registers at the end of a tensor. They never write there.
 */
#ifndef MICA_BASE_MEM_H
#define MICA_BASE_MEM_H

#include <stddef.h>

#include "codec/base/attributes.h"

#define MICA_ALIGNMENT 64
#define MICA_PADDING 64

/* count * size bytes, uninitialised, aligned; NULL on overflow or lack of memory. */
MICA_NODISCARD void *mica_alloc(size_t count, size_t size);

/* The same, zeroed (padding included). */
MICA_NODISCARD void *mica_alloc_zero(size_t count, size_t size);

/* Release what the calls above returned; NULL is fine. */
void mica_free(void *p);

/* Test hook: make the n-th allocation from now fail (1 = the next), 0 = never. Not thread safe. */
void mica_alloc_fail_after(size_t n);

#endif
