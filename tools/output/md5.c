/*
 * MD5 (RFC 1321) of the samples, row by row and without padding, those of 16 bits with the most
 * significant byte first: equal pictures give equal sums on
 * every machine, which is what the conformance tests compare. It protects against accidents, not
 * against anybody.
 */
#include <stdio.h>
#include <string.h>

#include "tools/output/writer.h"
#include "tools/picture.h"

typedef struct Md5 {
    uint32_t state[4];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
} Md5;

static const uint32_t sine[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

static void md5_block(Md5 *md5, const uint8_t *block)
{
    static const uint8_t shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t words[16];
    for (int i = 0; i < 16; i++)
        words[i] = (uint32_t)block[4 * i] | (uint32_t)block[4 * i + 1] << 8 |
                   (uint32_t)block[4 * i + 2] << 16 | (uint32_t)block[4 * i + 3] << 24;
    uint32_t a = md5->state[0], b = md5->state[1], c = md5->state[2], d = md5->state[3];
    for (int i = 0; i < 64; i++) {
        uint32_t f;
        int word;
        switch (i / 16) {
        case 0:
            f = (b & c) | (~b & d);
            word = i;
            break;
        case 1:
            f = (d & b) | (~d & c);
            word = (5 * i + 1) % 16;
            break;
        case 2:
            f = b ^ c ^ d;
            word = (3 * i + 5) % 16;
            break;
        default:
            f = c ^ (b | ~d);
            word = 7 * i % 16;
            break;
        }
        const uint32_t sum = a + f + sine[i] + words[word];
        const int shift = shifts[i / 16][i % 4];
        a = d;
        d = c;
        c = b;
        b += sum << shift | sum >> (32 - shift);
    }
    md5->state[0] += a;
    md5->state[1] += b;
    md5->state[2] += c;
    md5->state[3] += d;
}

static void md5_add(Md5 *md5, const uint8_t *data, size_t size)
{
    size_t used = md5->length % 64;
    md5->length += size;
    while (size > 0) {
        if (used == 0 && size >= 64) {
            md5_block(md5, data);
            data += 64;
            size -= 64;
            continue;
        }
        const size_t part = size < 64 - used ? size : 64 - used;
        memcpy(md5->block + used, data, part);
        used += part;
        data += part;
        size -= part;
        if (used == 64) {
            md5_block(md5, md5->block);
            used = 0;
        }
    }
}

static void md5_finish(Md5 *md5, uint8_t digest[16])
{
    static const uint8_t padding[64] = {0x80};
    uint8_t bits[8];
    for (int i = 0; i < 8; i++)
        bits[i] = (uint8_t)(md5->length * 8 >> 8 * i);
    md5_add(md5, padding, 1 + (119 - md5->length % 64) % 64);
    md5_add(md5, bits, sizeof bits);
    for (int i = 0; i < 16; i++)
        digest[i] = (uint8_t)(md5->state[i / 4] >> 8 * (i % 4));
}

static MicaStatus write_picture(OutputFile *out, const MicaImage *image,
                                const WriteOptions *options, MicaError *error)
{
    Md5 md5 = {.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
    (void)options;
    (void)error;
    const size_t count = (size_t)image->width * (size_t)image->channels;
    for (int y = 0; y < image->height; y++) {
        const uint8_t *row = image->data + y * image->stride;
        if (image->depth != 16)
            md5_add(&md5, row, count);
        for (size_t i = 0; i < count && image->depth == 16; i++) {
            const unsigned v = picture_sample(image, row, 0, (int)i);
            const uint8_t sample[2] = {(uint8_t)(v >> 8), (uint8_t)v};
            md5_add(&md5, sample, sizeof sample);
        }
    }
    uint8_t digest[16];
    md5_finish(&md5, digest);
    char text[40];
    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    strcat(text, "\n");
    output_file_write(out, text, strlen(text));
    return MICA_OK;
}

const Writer writer_md5 = {.name = "md5",
                           .extensions = (const char *const[]){"md5", NULL},
                           .binary = false,
                           .depth = 16,
                           .write = write_picture};
