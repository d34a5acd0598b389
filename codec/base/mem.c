#include "codec/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Larger blocks would break pointer differences, and no picture needs one. */
#define MAX_BLOCK (SIZE_MAX / 2)

static size_t fail_countdown;

void mica_alloc_fail_after(size_t n)
{
    fail_countdown = n;
}

/* Bytes to ask the system for, or 0 if the request cannot be met. */
static size_t block_size(size_t count, size_t size)
{
    if (size && count > (MAX_BLOCK - MICA_PADDING - MICA_ALIGNMENT) / size)
        return 0;
    /* aligned_alloc() wants a multiple of the alignment. */
    return (count * size + MICA_PADDING + MICA_ALIGNMENT - 1) / MICA_ALIGNMENT * MICA_ALIGNMENT;
}

static void *allocate(size_t bytes)
{
    if (fail_countdown && --fail_countdown == 0)
        return NULL;
    return bytes ? aligned_alloc(MICA_ALIGNMENT, bytes) : NULL;
}

void *mica_alloc(size_t count, size_t size)
{
    return allocate(block_size(count, size));
}

void *mica_alloc_zero(size_t count, size_t size)
{
    const size_t bytes = block_size(count, size);
    void *const p = allocate(bytes);
    if (p)
        memset(p, 0, bytes);
    return p;
}

void mica_free(void *p)
{
    free(p);
}
