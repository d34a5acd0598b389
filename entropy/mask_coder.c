#include "entropy/mask_coder.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base/mem.h"
#include "entropy/bit_coder.h"
#include "entropy/half_cdf.h"

#define BLOCK 16 /* side of the blocks that may be flat */
#define LEFT 6   /* columns of border */
#define RIGHT 4
#define ABOVE 3 /* rows of border */

#define ENDS 729 /* 3^6 */
#define ACTIVITIES 12
#define EXPONENTS 17

#define MEMORY_BITS 15
#define MEMORY_PART 64 /* entries that are cleared at once */
#define TRUST 15

/* What followed the last time that the neighbours of a sample were exactly these: repeated shapes
 * (letters, icons) and computed ones (gradients, shadows) come back to the same places. */
typedef struct Memory {
    uint16_t check, level;
    uint32_t trust; /* 0: nothing known yet; up to TRUST */
} Memory;

/* The adaptive models; the arrays are indexed by context. */
typedef struct Models {
    MicaBitModel remembered[4][TRUST + 1];
    MicaBitModel flat[8], like[8], plain[16];
    MicaBitModel binary[4096];
    MicaBitModel between[3 * ENDS], opaque[3 * ENDS];
    MicaBitModel zero[3 * ACTIVITIES], negative[3 * ACTIVITIES];
    MicaBitModel exponent[ACTIVITIES][EXPONENTS];
    MicaBitModel mantissa[EXPONENTS][3 * EXPONENTS];
} Models;

typedef struct Coder {
    MicaBitCoder bits;
    MicaMask *mask;
    int top, shift; /* differences >> shift have 8 bits */
    Models models;
    /* Of 6 and of 12 neighbours. Half a megabyte, so what a small mask does not look at is not even
     * cleared: a part is when it is first used. */
    uint8_t cleared[2][(1 << MEMORY_BITS) / MEMORY_PART];
    Memory memory[2][1 << MEMORY_BITS];
} Coder;

MicaStatus mica_mask_alloc(MicaMask *mask, int width, int height)
{
    *mask = (MicaMask){.width = width, .height = height, .stride = width + LEFT + RIGHT};
    mask->memory =
        mica_alloc_zero((size_t)height + ABOVE, (size_t)mask->stride * sizeof *mask->memory);
    if (!mask->memory)
        return MICA_ERROR_OUT_OF_MEMORY;
    mask->level = mask->memory + ABOVE * mask->stride + LEFT;
    return MICA_OK;
}

void mica_mask_free(MicaMask *mask)
{
    mica_free(mask->memory);
    memset(mask, 0, sizeof *mask);
}

/* 0 transparent, 1 between, 2 opaque. */
static int end_of(int level, int top)
{
    return level == 0 ? 0 : level == top ? 2 : 1;
}

static int median(int a, int b, int c)
{
    const int low = a < b ? a : b, high = a < b ? b : a;
    return c < low ? low : c > high ? high : c;
}

static int activity(unsigned difference)
{
    return difference < 3 ? (int)difference : 2 + mica_log2_floor(difference - 1);
}

/* A level that is neither 0 nor top, as the difference from what its neighbours suggest. */
static int code_between(Coder *c, const uint16_t *at, int level)
{
    MicaBitCoder *b = &c->bits;
    Models *m = &c->models;
    const ptrdiff_t up = -c->mask->stride;
    const int w = at[-1], n = at[up], nw = at[up - 1], ne = at[up + 1];
    const int guess = median(w, n, w + n - nw);
    const unsigned rough = (unsigned)(abs(w - nw) + abs(n - nw) + abs(n - ne)) >> c->shift;
    const int a = activity(rough < 1023 ? rough : 1023);
    const int side = guess <= 0 ? 0 : guess >= c->top ? 2 : 1;
    int difference = level - guess;
    if (!mica_code_bit(b, &m->zero[3 * a + side], difference != 0))
        return guess;
    const int negative = mica_code_bit(b, &m->negative[3 * a + side], difference < 0);
    /* The distance in Elias-gamma code. */
    const uint32_t distance = (uint32_t)abs(difference);
    int exponent = 0;
    const int wanted = difference ? mica_log2_floor(distance) : 0;
    while (exponent < EXPONENTS - 1 &&
           mica_code_bit(b, &m->exponent[a][exponent], exponent < wanted))
        exponent++;
    uint32_t value = 1;
    for (int i = exponent; i-- > 0;) {
        /* The second bit depends on the first. */
        const int place = i + 1 == exponent   ? 0
                          : i + 2 == exponent ? 1 + (int)(value & 1)
                                              : exponent - i;
        value = value << 1 |
                (uint32_t)mica_code_bit(b, &m->mantissa[exponent][place], distance >> i & 1);
    }
    level = guess + (negative ? -(int)value : (int)value);
    return level < 0 ? 0 : level > c->top ? c->top : level;
}

static int code_new_level(Coder *c, const uint16_t *at, int level)
{
    MicaBitCoder *b = &c->bits;
    Models *m = &c->models;
    const int top = c->top;
    const ptrdiff_t up = -c->mask->stride;
    const uint16_t *n = at + up, *nn = n + up;
    if (top == 1) {
        const unsigned context =
            (unsigned)(at[-1] | at[-2] << 1 | at[-3] << 2 | at[-4] << 3 | n[-2] << 4 | n[-1] << 5 |
                       n[0] << 6 | n[1] << 7 | n[2] << 8 | nn[-1] << 9 | nn[0] << 10 | nn[1] << 11);
        return mica_code_bit(b, &m->binary[context], level);
    }
    const int ends = end_of(at[-1], top) + 3 * end_of(n[0], top) + 9 * end_of(n[-1], top) +
                     27 * end_of(n[1], top) + 81 * end_of(at[-2], top) + 243 * end_of(nn[0], top);
    const int guess = at[-1] + n[0] - n[-1];
    const int context = 3 * ends + (4 * guess <= top ? 0 : 4 * guess >= 3 * top ? 2 : 1);
    if (mica_code_bit(b, &m->between[context], level > 0 && level < top))
        return code_between(c, at, level);
    return mica_code_bit(b, &m->opaque[context], level == top) ? top : 0;
}

static Memory *remember(Coder *c, int which, uint32_t hash)
{
    Memory *m = &c->memory[which][hash >> (32 - MEMORY_BITS)];
    const ptrdiff_t part = (m - c->memory[which]) / MEMORY_PART;
    if (!c->cleared[which][part]) {
        memset(&c->memory[which][part * MEMORY_PART], 0, MEMORY_PART * sizeof *m);
        c->cleared[which][part] = 1;
    }
    return m;
}

static void learn(Memory *m, uint32_t check, int level)
{
    if (m->trust && m->check == check && m->level == level) {
        m->trust += m->trust < TRUST;
    } else if (m->trust > 3 && m->check == check) {
        m->trust /= 2;
    } else {
        *m = (Memory){.check = (uint16_t)check, .level = (uint16_t)level, .trust = 1};
    }
}

static uint32_t hash_more(uint32_t hash, const uint16_t *levels, int count, int *different)
{
    for (int i = 0; i < count; i++) {
        hash = (hash + levels[i] + 1) * 0x9e3779b1u;
        hash ^= hash >> 15;
        *different |= levels[i] ^ levels[0];
    }
    return hash;
}

/* Hashes of the neighbours, few and many; 0 where all are equal. */
static int hash_neighbours(const Coder *c, const uint16_t *at, uint32_t hash[2])
{
    const ptrdiff_t up = -c->mask->stride;
    const uint16_t *n = at + up, *nn = n + up, *nnn = nn + up;
    const uint16_t near[12] = {at[-1], n[0],   n[-1], n[1], at[-2], nn[0],
                               at[-3], at[-4], n[-2], n[2], nn[-1], nn[1]};
    int different = 0;
    hash[0] = hash_more(0, near, c->top > 1 ? 6 : 12, &different);
    if (c->top > 1) {
        hash[1] = hash_more(hash[0], near + 6, 6, &different);
        different |= near[6] ^ near[0];
    } else {
        /* With two levels the nearest twelve are a context of their own already. */
        const uint16_t far[15] = {near[0], at[-5], at[-6], n[-3],   n[-4],   n[3],   n[4],  nn[-2],
                                  nn[-3],  nn[2],  nn[3],  nnn[-2], nnn[-1], nnn[0], nnn[1]};
        hash[1] = hash_more(hash[0], far, 15, &different);
    }
    return different;
}

static int code_level(Coder *c, const uint16_t *at, int level)
{
    uint32_t hash[2];
    /* Even surroundings are what the other models are good at. */
    if (!hash_neighbours(c, at, hash))
        return code_new_level(c, at, level);

    Memory *m[2];
    int known[2];
    for (int i = 0; i < 2; i++) {
        m[i] = remember(c, i, hash[i]);
        known[i] = m[i]->trust > 0 && m[i]->check == (hash[i] & 0xffff);
    }
    if (c->top == 1) {
        known[0] = 0;
        known[1] = known[1] && m[1]->trust > 1;
    }
    const int agree = known[0] && known[1] && m[0]->level == m[1]->level;
    int found = 0, value = 0;
    for (int i = 1; i >= 0 && !found; i--) {
        if (!known[i] || (i == 0 && agree))
            continue;
        value = m[i]->level;
        const int kind = i == 1 ? 1 + agree : known[1] ? 3 : 0;
        found = mica_code_bit(&c->bits, &c->models.remembered[kind][m[i]->trust], level == value);
    }
    if (!found)
        value = code_new_level(c, at, level);
    for (int i = 0; i < 2; i++)
        learn(m[i], hash[i] & 0xffff, value);
    return value;
}

static int is_flat(const MicaMask *mask, int x, int y, int width, int height)
{
    const uint16_t *first = mask->level + y * mask->stride + x;
    for (int i = 0; i < height; i++)
        for (int k = 0; k < width; k++)
            if (first[i * mask->stride + k] != *first)
                return 0;
    return 1;
}

static void fill(const MicaMask *mask, int x, int y, int width, int height, int level)
{
    uint16_t *first = mask->level + y * mask->stride + x;
    for (int i = 0; i < height; i++)
        for (int k = 0; k < width; k++)
            first[i * mask->stride + k] = (uint16_t)level;
}

/* A level without neighbours to go by: they may not be decoded yet. */
static int code_plain(Coder *c, int level)
{
    int value = 0;
    for (int i = mica_log2_floor((uint32_t)c->top); i >= 0; i--)
        value = 2 * value | mica_code_bit(&c->bits, &c->models.plain[i], level >> i & 1);
    return value < c->top ? value : c->top;
}

/* Which blocks of the band of rows from y are of one level, and of which. */
static void code_blocks(Coder *c, int y, int rows, uint8_t *flat)
{
    MicaBitCoder *b = &c->bits;
    const MicaMask *mask = c->mask;
    int left = 0, left_level = 0;
    for (int x = 0, i = 0; x < mask->width; x += BLOCK, i++) {
        const int width = mask->width - x < BLOCK ? mask->width - x : BLOCK;
        const uint16_t *at = mask->level + y * mask->stride + x;
        const int above = is_flat(mask, x, y - 1, width, 1), above_level = at[-mask->stride];
        const int guess = left ? left_level : above_level;
        const int context = left | above << 1 | (left && above && left_level == above_level) << 2;
        const int one = b->decoding ? 0 : is_flat(mask, x, y, width, rows);
        flat[i] = (uint8_t)mica_code_bit(b, &c->models.flat[context], one);
        left = flat[i];
        if (!left)
            continue;
        left_level = guess;
        if (!mica_code_bit(b, &c->models.like[context], at[0] == guess))
            left_level = code_plain(c, at[0]);
        if (b->decoding)
            fill(mask, x, y, width, rows, left_level);
    }
}

static void code_mask(Coder *c, uint8_t *flat)
{
    MicaMask *mask = c->mask;
    for (ptrdiff_t i = 0; i < ABOVE * mask->stride; i++)
        mask->memory[i] = (uint16_t)c->top;
    for (int first = 0; first < mask->height; first += BLOCK) {
        const int rows = mask->height - first < BLOCK ? mask->height - first : BLOCK;
        code_blocks(c, first, rows, flat);
        for (int y = first; y < first + rows; y++) {
            uint16_t *row = mask->level + y * mask->stride;
            for (int i = 1; i <= LEFT; i++)
                row[-i] = (row - mask->stride)[0];
            for (int x = 0; x < mask->width; x++) {
                if (x % BLOCK == 0 && flat[x / BLOCK])
                    x += BLOCK - 1;
                else
                    row[x] = (uint16_t)code_level(c, row + x, row[x]);
            }
            for (int i = 0; i < RIGHT; i++)
                row[mask->width + i] = row[mask->width - 1];
        }
    }
}

static MicaStatus run(MicaMask *mask, int top, const uint8_t *data, size_t size, MicaWriter *out)
{
    Coder *c = mica_alloc(1, sizeof *c);
    uint8_t *flat = mica_alloc((size_t)mask->width / BLOCK + 1, 1);
    MicaStatus status = MICA_ERROR_OUT_OF_MEMORY;
    if (c && flat) {
        memset(c, 0, offsetof(Coder, memory));
        c->mask = mask;
        c->top = top;
        c->shift = top > 255 ? mica_log2_floor((uint32_t)top) - 7 : 0;
        mica_bit_models_reset((MicaBitModel *)&c->models, sizeof c->models / sizeof(MicaBitModel));
        if (out) {
            mica_bit_encoder_begin(&c->bits);
            code_mask(c, flat);
            status = mica_bit_encoder_finish(&c->bits, out);
        } else {
            status = mica_bit_decoder_begin(&c->bits, data, size);
            if (status == MICA_OK) {
                code_mask(c, flat);
                status = mica_bit_decoder_finish(&c->bits);
            }
        }
    }
    mica_free(c);
    mica_free(flat);
    return status;
}

MicaStatus mica_mask_encode(MicaMask *mask, int top, MicaWriter *out)
{
    return run(mask, top, NULL, 0, out);
}

MicaStatus mica_mask_decode(MicaMask *mask, int top, const uint8_t *data, size_t size)
{
    return run(mask, top, data, size, NULL);
}
