/*
 * Golden streams of the entropy coder: golden check FILE... | golden write FOLDER
 *
 * A file is: "micaent1"; bytes components, has means, has shapes, number of static tables; uint32
 * count and coded size; the tables (int16 first, uint16 length, uint32 histogram) and classes, or
 * means, scales, weights and shapes, component by component; the symbols; the coded segment.
 * Little-endian. Every level must decode it and encode the same bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base/bytes.h"
#include "codec/base/cpu.h"
#include "mica/entropy.h"

#define TABLES_MAX 4
#define COUNT_MAX 20000
#define FILE_MAX 500000

typedef struct Golden {
    MicaEntropyModel model;
    uint32_t count, coded_size;
    uint8_t components, has_means, has_shapes, tables;
    int16_t firsts[TABLES_MAX];
    uint16_t lengths[TABLES_MAX];
    uint32_t histograms[TABLES_MAX][64];
    int16_t means[4][COUNT_MAX], symbols[COUNT_MAX];
    uint8_t scales[4][COUNT_MAX], weights[3][COUNT_MAX], shapes[COUNT_MAX], classes[COUNT_MAX];
    MicaEntropyTables *static_tables;
} Golden;

static void connect(Golden *g)
{
    g->model = (MicaEntropyModel){.struct_size = sizeof(g->model), .components = g->components};
    if (g->tables) {
        const uint32_t *histograms[TABLES_MAX];
        for (int i = 0; i < g->tables; i++)
            histograms[i] = g->histograms[i];
        if (mica_entropy_tables_create(&g->static_tables, histograms, g->firsts, g->lengths,
                                       g->tables))
            exit(2);
        g->model.tables = g->static_tables;
        g->model.classes = g->classes;
        return;
    }
    for (int k = 0; k < g->components; k++) {
        g->model.means[k] = g->has_means ? g->means[k] : NULL;
        g->model.scales[k] = g->scales[k];
        if (k + 1 < g->components)
            g->model.weights[k] = g->weights[k];
    }
    g->model.shapes = g->has_shapes ? g->shapes : NULL;
}

/* One pass for both directions: `w` or `r` is NULL. */
static void transfer8(MicaWriter *w, MicaReader *r, uint8_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (w)
            mica_write8(w, values[i]);
        else
            values[i] = mica_read8(r);
    }
}

static void transfer16(MicaWriter *w, MicaReader *r, int16_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (w)
            mica_write16(w, (uint16_t)values[i]);
        else
            values[i] = (int16_t)mica_read16(r);
    }
}

static void transfer32(MicaWriter *w, MicaReader *r, uint32_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (w)
            mica_write32(w, values[i]);
        else
            values[i] = mica_read32(r);
    }
}

static int transfer(Golden *g, MicaWriter *w, MicaReader *r)
{
    transfer8(w, r, &g->components, 1);
    transfer8(w, r, &g->has_means, 1);
    transfer8(w, r, &g->has_shapes, 1);
    transfer8(w, r, &g->tables, 1);
    transfer32(w, r, &g->count, 1);
    transfer32(w, r, &g->coded_size, 1);
    if (g->components > 4 || g->tables > TABLES_MAX || g->count > COUNT_MAX)
        return 0;
    for (int i = 0; i < g->tables; i++) {
        int16_t length = (int16_t)g->lengths[i];
        transfer16(w, r, g->firsts + i, 1);
        transfer16(w, r, &length, 1);
        if (length < 1 || length > 64)
            return 0;
        g->lengths[i] = (uint16_t)length;
        transfer32(w, r, g->histograms[i], (size_t)length);
    }
    if (g->tables) {
        transfer8(w, r, g->classes, g->count);
    } else {
        for (int k = 0; k < g->components && g->has_means; k++)
            transfer16(w, r, g->means[k], g->count);
        for (int k = 0; k < g->components; k++)
            transfer8(w, r, g->scales[k], g->count);
        for (int k = 0; k + 1 < g->components; k++)
            transfer8(w, r, g->weights[k], g->count);
        if (g->has_shapes)
            transfer8(w, r, g->shapes, g->count);
    }
    transfer16(w, r, g->symbols, g->count);
    return 1;
}

static int check(Golden *g, const char *path)
{
    static uint8_t bytes[FILE_MAX];
    static int16_t decoded[COUNT_MAX];
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 1;
    }
    size_t size = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    if (size < 8 || memcmp(bytes, "micaent1", 8)) {
        printf("%s: not a golden stream\n", path);
        return 1;
    }
    MicaReader r = mica_reader(bytes + 8, size - 8);
    const uint8_t *coded = transfer(g, NULL, &r) ? mica_read_bytes(&r, g->coded_size) : NULL;
    if (!coded || mica_reader_left(&r)) {
        printf("%s: damaged\n", path);
        return 1;
    }
    connect(g);
    const uint32_t have = mica_cpu_flags();
    const uint32_t levels[] = {0, have & ~(uint32_t)MICA_CPU_AVX512, have};
    int bad = 0;
    for (int i = 0; i < 3; i++) {
        MicaEntropyCoder *coder;
        uint8_t *again = NULL;
        size_t again_size = 0;
        if (mica_entropy_create(&coder, levels[i]))
            return 1;
        MicaStatus status =
            mica_entropy_decode(coder, &g->model, coded, g->coded_size, decoded, g->count);
        bad |= status || memcmp(decoded, g->symbols, g->count * sizeof(*decoded));
        status = mica_entropy_encode(coder, &g->model, coded[0], g->symbols, g->count, &again,
                                     &again_size);
        bad |= status || again_size != g->coded_size || memcmp(again, coded, again_size);
        mica_entropy_free(again);
        mica_entropy_destroy(&coder);
    }
    mica_entropy_tables_destroy(&g->static_tables);
    printf("%s: %u symbols in %u bytes, %s\n", path, g->count, g->coded_size, bad ? "FAIL" : "ok");
    return bad;
}

static uint64_t random_state = 1;

static uint32_t random32(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) ^ (uint32_t)(random_state >> 11);
}

static void fill(Golden *g, unsigned scales)
{
    for (uint32_t i = 0; i < g->count; i++) {
        for (int k = 0; k < 4; k++) {
            g->means[k][i] = (int16_t)(random32() % 16 ? random32() % 128 - 64 : random32());
            g->scales[k][i] = (uint8_t)(random32() % scales);
            if (k < 3)
                g->weights[k][i] = (uint8_t)(random32() % (random32() % 8 ? 128 : 256));
        }
        g->shapes[i] = (uint8_t)(random32() % 16);
        g->classes[i] = (uint8_t)(g->tables ? random32() % g->tables : 0);
        int spread = 1 << (g->scales[0][i] / 16 + 1);
        int x = g->tables ? g->firsts[g->classes[i]] + (int)(random32() % 8)
                          : (int)(random32() % (unsigned)(2 * spread)) - spread;
        if (g->has_means)
            x += (g->means[0][i] + 16) >> 5;
        if (random32() % 64 == 0)
            x = (int16_t)random32();
        g->symbols[i] = (int16_t)x;
    }
}

static int write_file(Golden *g, const char *folder, const char *name, int skip)
{
    connect(g);
    MicaEntropyCoder *coder;
    uint8_t *coded;
    size_t size;
    if (mica_entropy_create(&coder, 0) ||
        mica_entropy_encode(coder, &g->model, skip, g->symbols, g->count, &coded, &size))
        return 1;
    /* What is left out comes back as 0. */
    if (mica_entropy_decode(coder, &g->model, coded, size, g->symbols, g->count))
        return 1;
    g->coded_size = (uint32_t)size;
    MicaWriter w = {0};
    mica_write_bytes(&w, "micaent1", 8);
    transfer(g, &w, NULL);
    mica_write_bytes(&w, coded, size);
    char path[1000];
    snprintf(path, sizeof(path), "%s/%s.bin", folder, name);
    FILE *f = fopen(path, "wb");
    int bad = w.failed || !f || fwrite(w.data, 1, w.size, f) != w.size;
    if (f)
        bad |= fclose(f) != 0;
    mica_writer_free(&w);
    mica_entropy_free(coded);
    mica_entropy_destroy(&coder);
    mica_entropy_tables_destroy(&g->static_tables);
    return bad;
}

static int write_all(Golden *g, const char *folder)
{
    int bad = 0;
    char name[32];
    for (int k = 1; k <= 4; k++) {
        *g = (Golden){.components = (uint8_t)k, .has_means = 1, .count = 500};
        fill(g, 180);
        snprintf(name, sizeof(name), "mixture%d", k);
        bad |= write_file(g, folder, name, 0);
    }
    *g = (Golden){.components = 2, .has_means = 1, .has_shapes = 1, .count = 500};
    fill(g, 256);
    bad |= write_file(g, folder, "mixture2_shapes", 0);
    *g = (Golden){.components = 3, .has_means = 1, .count = 1000};
    fill(g, 30);
    bad |= write_file(g, folder, "mixture3_skip", 4);
    *g = (Golden){.components = 1, .has_shapes = 1, .count = 1500};
    fill(g, 256);
    bad |= write_file(g, folder, "zero_mean_shapes", 0);
    *g = (Golden){.components = 1, .count = 9000};
    fill(g, 40);
    bad |= write_file(g, folder, "zero_mean_two_states", 0);
    *g = (Golden){.components = 1, .count = 1000};
    fill(g, 40);
    bad |= write_file(g, folder, "zero_mean_skip", 3);
    *g = (Golden){.components = 1, .tables = 4, .count = 1000};
    for (int i = 0; i < 4; i++) {
        g->firsts[i] = (int16_t)(i * 20 - 30);
        g->lengths[i] = (uint16_t)(1 + 21 * i);
        for (int j = 0; j < g->lengths[i]; j++)
            g->histograms[i][j] = i == 3 ? 0xffffffffu - (uint32_t)j : i == 2 ? 0 : random32() % 50;
    }
    fill(g, 2);
    bad |= write_file(g, folder, "static", 0);
    *g = (Golden){.components = 3, .has_means = 1, .count = 0};
    bad |= write_file(g, folder, "empty", 0);
    return bad;
}

int main(int argc, char **argv)
{
    static Golden golden;
    int bad = argc < 3;
    if (argc == 3 && !strcmp(argv[1], "write"))
        return write_all(&golden, argv[2]);
    for (int i = 2; i < argc; i++) {
        golden = (Golden){0};
        bad |= check(&golden, argv[i]);
    }
    return bad;
}
