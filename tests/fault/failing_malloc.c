/*
 * For LD_PRELOAD (glibc): makes the allocation number MICA_FAIL_AT fail, with MICA_FAIL_ON set all
 * from there on, whoever asks: the program, libpng, libjpeg, the C library. Writes the number of
 * allocations to the file MICA_FAIL_COUNT at the end.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static atomic_long count;
static long fail_at;
static int fail_on, armed;

__attribute__((constructor)) static void start(void)
{
    const char *at = getenv("MICA_FAIL_AT");
    fail_at = at ? atol(at) : 0;
    fail_on = getenv("MICA_FAIL_ON") != NULL;
    armed = 1;
}

__attribute__((destructor)) static void end(void)
{
    armed = 0;
    const char *name = getenv("MICA_FAIL_COUNT");
    FILE *f = name ? fopen(name, "w") : NULL;
    if (f) {
        fprintf(f, "%ld\n", atomic_load(&count));
        fclose(f);
    }
}

static int fails(void)
{
    if (!armed)
        return 0;
    const long n = atomic_fetch_add(&count, 1) + 1;
    if (!fail_at || n < fail_at || (n > fail_at && !fail_on))
        return 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return fails() ? NULL : __libc_realloc(p, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **p, size_t alignment, size_t size)
{
    void *const block = fails() ? NULL : __libc_memalign(alignment, size);
    if (block)
        *p = block;
    return block ? 0 : ENOMEM;
}
