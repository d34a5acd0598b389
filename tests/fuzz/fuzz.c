#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/base/crc32c.h"

#define STREAM_HEADER 14 /* magic, version, model id */

void fuzz_require(int condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "failed: %s\n", what);
        abort();
    }
}

int fuzz_check_all;

int fuzz_sampled(const uint8_t *data, size_t size, uint32_t one_in)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 16777619u;
    return fuzz_check_all || (hash >> 8) % one_in == 0;
}

uint8_t *fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t *const copy = malloc(size ? size : 1);
    fuzz_require(copy != NULL, "memory");
    if (size)
        memcpy(copy, data, size);
    return copy;
}

static uint8_t *read_model(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    fuzz_require(f != NULL, path);
    uint8_t *const file = malloc(1 << 20);
    fuzz_require(file != NULL, "memory");
    *size = fread(file, 1, 1 << 20, f);
    fclose(f);
    fuzz_require(*size > 1000, "the model file is short");
    return file;
}

/* What is read and loaded once. */
typedef struct TestModel {
    const char *path;
    uint8_t *file;
    size_t size;
    MicaModel *model;
} TestModel;

static TestModel tiny = {.path = MICA_TINY_MODEL}, predicted = {.path = MICA_PREDICTED_MODEL},
                 complete = {.path = MICA_COMPLETE_MODEL};

static const uint8_t *file_of(TestModel *m, size_t *size)
{
    if (!m->file)
        m->file = read_model(m->path, &m->size);
    *size = m->size;
    return m->file;
}

static const MicaModel *model_of(TestModel *m)
{
    size_t size;
    const uint8_t *const file = file_of(m, &size);
    if (!m->model)
        fuzz_require(mica_model_load(&m->model, file, size, NULL) == MICA_OK, "load the model");
    return m->model;
}

const uint8_t *fuzz_tiny_file(size_t *size)
{
    return file_of(&tiny, size);
}

const uint8_t *fuzz_predicted_file(size_t *size)
{
    return file_of(&predicted, size);
}

const uint8_t *fuzz_complete_file(size_t *size)
{
    return file_of(&complete, size);
}

const MicaModel *fuzz_tiny(void)
{
    return model_of(&tiny);
}

const MicaModel *fuzz_predicted(void)
{
    return model_of(&predicted);
}

const MicaModel *fuzz_complete(void)
{
    return model_of(&complete);
}

typedef struct Script {
    const uint8_t *data;
    size_t left;
} Script;

static uint32_t take(Script *s, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes && s->left; i++, s->left--)
        value |= (uint32_t)*s->data++ << (8 * i);
    return value;
}

uint8_t *fuzz_edit(const uint8_t *base, size_t base_size, const uint8_t *script, size_t script_size,
                   size_t *size)
{
    enum { ROOM = 256 };
    uint8_t *const buffer = malloc(base_size + ROOM);
    fuzz_require(buffer != NULL, "memory");
    memcpy(buffer, base, base_size);
    size_t n = base_size;
    for (Script s = {script, script_size}; s.left;) {
        const uint32_t kind = take(&s, 1);
        /* Headers are at the front and small files are common: both near and far places. */
        const uint32_t place = kind & 128 ? take(&s, 1) : take(&s, 3);
        const size_t at = n ? place % n : 0, rest = n - at;
        const uint32_t value = take(&s, 1);
        switch (kind % 8) {
        case 0: /* overwrite */
        case 1:
            if (rest)
                buffer[at] = (uint8_t)value;
            break;
        case 2: /* flip a bit */
            if (rest)
                buffer[at] ^= (uint8_t)(1u << (value & 7));
            break;
        case 3: /* add */
            if (rest)
                buffer[at] = (uint8_t)(buffer[at] + value);
            break;
        case 4: /* insert */
            if (n < base_size + ROOM) {
                memmove(buffer + at + 1, buffer + at, rest);
                buffer[at] = (uint8_t)value;
                n++;
            }
            break;
        case 5: { /* delete */
            const size_t count = value < rest ? value : rest;
            memmove(buffer + at, buffer + at + count, rest - count);
            n -= count;
            break;
        }
        case 6: /* fill */
            for (size_t i = 0; i < (value & 31) && i < rest; i++)
                buffer[at + i] = value & 128 ? 255 : value & 64 ? 127 : 0;
            break;
        default: /* cut off; rarely, or little else would be seen */
            if (value < 32)
                n = at;
        }
    }
    uint8_t *const exact = fuzz_copy(buffer, n);
    free(buffer);
    *size = n;
    return exact;
}

void fuzz_fix_stream(uint8_t *data, size_t size)
{
    size_t at = STREAM_HEADER;
    while (at < size) {
        const uint8_t type = data[at++];
        size_t length = 0;
        int shift = 0;
        for (; at < size && data[at] & 128 && shift < 28; shift += 7)
            length |= (size_t)(data[at++] & 127) << shift;
        if (at >= size)
            return;
        length |= (size_t)(data[at++] & 127) << shift;
        if (size - at < 4 || length > size - at - 4)
            return;
        const uint32_t crc = mica_crc32c(mica_crc32c(0, &type, 1), data + at, length);
        for (int i = 0; i < 4; i++)
            data[at + length + (size_t)i] = (uint8_t)(crc >> (8 * i));
        at += length + 4;
    }
}

MicaImage fuzz_picture(int width, int height, int channels, int depth, uint32_t seed)
{
    MicaImage image;
    fuzz_require(mica_image_alloc_depth(&image, width, height, channels, depth) == MICA_OK,
                 "memory");
    const uint32_t kind = seed & 7, noise = seed >> 3 & 63, step = 1 + (seed >> 9 & 15);
    uint32_t state = seed;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width * channels; x++) {
            state = state * 1664525u + 1013904223u;
            const uint32_t u = (uint32_t)x, v = (uint32_t)y;
            uint32_t value = seed >> 16;
            if (kind & 1)
                value += (u + v) * step / 4;
            if (kind & 2)
                value += (u / (2 * step) ^ v / (3 * step)) & 1 ? 200 : 0;
            if (kind & 4)
                value += (state >> 16) * noise >> 16;
            uint8_t *const row = image.data + y * image.stride;
            if (depth == 16)
                ((uint16_t *)(void *)row)[x] = (uint16_t)(value * 257 + state / 65536 % 7);
            else
                row[x] = (uint8_t)value;
        }
    if (seed & 1u << 20) {
        image.colour = (MicaColour){1, (uint8_t)(seed % 23), (uint8_t)(seed % 19), seed >> 21 & 1};
        image.premultiplied = (channels == 2 || channels == 4) && seed >> 22 & 1;
    }
    if (seed & 1u << 23) {
        static const char text[] = "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>";
        fuzz_require(mica_buffer_copy(&image.xmp, text, sizeof text - 1) == MICA_OK, "memory");
    }
    return image;
}

int fuzz_same_picture(const MicaImage *a, const MicaImage *b)
{
    if (a->width != b->width || a->height != b->height || a->channels != b->channels ||
        a->depth != b->depth)
        return 0;
    const size_t row = (size_t)a->width * (size_t)a->channels * (a->depth == 16 ? 2 : 1);
    for (int y = 0; y < a->height; y++)
        if (memcmp(a->data + y * a->stride, b->data + y * b->stride, row) != 0)
            return 0;
    return 1;
}
