/*
 * The picture readers of the command (PNG, JPEG, PNM, mica): no crash, one line about what is
 * refused, and what is accepted has its samples. Checksums of PNG chunks are made right again, or
 * little behind them would be reached.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tools/input/reader.h"

static uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* CRC-32 of PNG chunks. */
static uint32_t crc32_png(const uint8_t *p, size_t size)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void fix_png(uint8_t *data, size_t size)
{
    for (size_t at = 8; size - at >= 12;) {
        const uint32_t length = load_be32(data + at);
        if (length > size - at - 12)
            return;
        const uint32_t crc = crc32_png(data + at + 4, length + 4);
        for (int i = 0; i < 4; i++)
            data[at + 8 + length + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        at += length + 12;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    uint8_t *const data = fuzz_copy(input, size);
    if (size >= 20 && data[0] == 0x89 && data[1] == 'P')
        fix_png(data, size);
    MicaDecodeSettings settings;
    mica_decode_defaults(&settings, sizeof settings);
    settings.model = fuzz_tiny();
    settings.threads = 1;
    settings.max_pixels = 64 * 64;
    const ReadOptions options = {
        .file = "fuzz", .depth8 = size & 1, .everything = size & 2, .settings = &settings};
    MicaImage image;
    MicaError error = {0};
    memset(&image, 0xee, sizeof image);
    const MicaStatus status = input_read(data, size, &options, &image, &error);
    if (status == MICA_OK) {
        fuzz_require(image.width > 0 && image.height > 0 && image.data, "a picture");
        volatile unsigned sum = 0; /* every sample is there and initialised */
        for (int y = 0; y < image.height; y++)
            for (int x = 0; x < image.width * image.channels * image.depth / 8; x++)
                sum = sum + image.data[y * image.stride + x];
        mica_image_free(&image);
    } else {
        fuzz_require(image.data == NULL, "no picture on failure");
        fuzz_require(error.status == status && error.text[0], "a message");
    }
    free(data);
    return 0;
}
