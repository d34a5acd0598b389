/*
 * Decoding arbitrary bytes: no crash, no read past the end, and the same symbols and verdict from
 * every level; what is accepted must encode to a segment that decodes to the same.
 *
 * The first 4 bytes choose the model, the next ones seed its parameters, the rest is the coded
 * segment.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "mica/entropy.h"

#define COUNT_MAX 700
#define HEADER 8

static MicaEntropyCoder *plain, *fast;
static MicaEntropyTables *tables;

static void start(void)
{
    static const uint32_t histograms[3][5] = {
        {0, 9, 99, 9, 0}, {1, 1, 1, 1, 1}, {4000000000u, 1, 0, 0, 1}};
    static const uint32_t *const pointers[] = {histograms[0], histograms[1], histograms[2]};
    static const int16_t firsts[] = {-2, 32763, -32768};
    static const uint16_t lengths[] = {5, 5, 5};
    fuzz_require(mica_entropy_create(&plain, 0) == MICA_OK, "create");
    fuzz_require(mica_entropy_create(&fast, mica_cpu_flags()) == MICA_OK, "create");
    fuzz_require(mica_entropy_tables_create(&tables, pointers, firsts, lengths, 3) == MICA_OK,
                 "tables");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int16_t means[4][COUNT_MAX], out[2][COUNT_MAX];
    static uint8_t bytes[8][COUNT_MAX];
    if (!plain)
        start();
    if (size < HEADER)
        return 0;
    MicaEntropyModel model = {.struct_size = sizeof(model), .components = 1 + data[0] % 4};
    size_t count = (size_t)(data[2] | data[3] << 8) % (COUNT_MAX + 1);
    uint32_t seed = data[4] | (uint32_t)data[5] << 8 | (uint32_t)data[6] << 16;
    unsigned spread = 1 + data[7]; /* small: typical parameters */
    for (size_t i = 0; i < count; i++) {
        for (int k = 0; k < 8; k++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[k][i] = (uint8_t)((seed >> 24) % spread);
            if (k < 4)
                means[k][i] = (int16_t)((int)(seed >> 16) % (int)(spread * 128) - (int)spread * 64);
        }
    }
    for (int k = 0; k < model.components; k++) {
        model.means[k] = means[k];
        model.scales[k] = bytes[k];
        if (k + 1 < model.components)
            model.weights[k] = bytes[4 + k];
    }
    if (data[1] & 1)
        model.shapes = bytes[7];
    if (data[1] & 2 && model.components == 1)
        model.means[0] = NULL;
    if (data[1] & 4) {
        model.tables = tables;
        model.classes = bytes[0];
    }

    /* An exact copy, so that the address sanitizer sees any read past the end. */
    size_t coded_size = size - HEADER;
    uint8_t *coded = fuzz_copy(data + HEADER, coded_size);
    memset(out, 0, sizeof(out));
    MicaStatus a = mica_entropy_decode(plain, &model, coded, coded_size, out[0], count);
    MicaStatus b = mica_entropy_decode(fast, &model, coded, coded_size, out[1], count);
    fuzz_require(a == b, "same verdict");
    fuzz_require(memcmp(out[0], out[1], sizeof(out[0])) == 0, "same symbols");
    if (a == MICA_OK) {
        uint8_t *again;
        size_t again_size;
        fuzz_require(mica_entropy_encode(fast, &model, coded[0], out[0], count, &again,
                                         &again_size) == MICA_OK,
                     "encode");
        fuzz_require(mica_entropy_decode(plain, &model, again, again_size, out[1], count) ==
                         MICA_OK,
                     "decode");
        fuzz_require(memcmp(out[0], out[1], sizeof(out[0])) == 0, "same symbols again");
        mica_entropy_free(again);
    }
    free(coded);
    return 0;
}
