/* Numbers that look random, the same in every run. */
#ifndef MICA_TESTS_RANDOM_H
#define MICA_TESTS_RANDOM_H

#include <stdint.h>

/* The finaliser of MurmurHash3 (public domain), of a counter that it advances. */
static inline uint32_t next_random(uint32_t *counter)
{
    uint32_t h = (*counter)++ + 0x9e3779b1u;
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ h >> 16;
}

#endif
