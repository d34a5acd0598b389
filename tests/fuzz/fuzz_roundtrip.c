/*
 * Round trip of a small picture under any settings: it decodes to the same dimensions and metadata
 * (and alpha). For a sample of the inputs, encoding again gives equal bytes, and kernel level and
 * threads change neither bytes nor pixels.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define HEADER 11
#define SAMPLE 64
#define SEARCHED 1024 /* a multiple of it: of these, efforts that search for long are tried */

/* Most pictures are tiny, for every one takes a position of z at least; a few have segments. */
#define SIDE 16
#define LARGE_SIDE 80

static int sample(const MicaImage *image, int x, int y)
{
    const uint8_t *const row = image->data + y * image->stride;
    return image->depth == 16 ? ((const uint16_t *)(const void *)row)[x] : row[x];
}

static void check_contents(const MicaImage *a, const MicaImage *b, int exact_alpha)
{
    fuzz_require(a->width == b->width && a->height == b->height && a->channels == b->channels &&
                     a->depth == b->depth,
                 "dimensions");
    fuzz_require(a->premultiplied == b->premultiplied &&
                     memcmp(&a->colour, &b->colour, sizeof a->colour) == 0,
                 "colour description");
    fuzz_require(a->xmp.size == b->xmp.size &&
                     (!a->xmp.size || memcmp(a->xmp.data, b->xmp.data, a->xmp.size) == 0),
                 "metadata");
    if (exact_alpha && a->channels % 2 == 0)
        for (int y = 0; y < a->height; y++)
            for (int x = a->channels - 1; x < a->width * a->channels; x += a->channels)
                fuzz_require(sample(a, x, y) == sample(b, x, y), "alpha");
}

static void decode(const MicaBuffer *coded, uint32_t cpu_mask, MicaImage *image)
{
    MicaDecodeSettings decoder;
    mica_decode_defaults(&decoder, sizeof decoder);
    decoder.model = fuzz_complete();
    decoder.threads = 1;
    decoder.cpu_mask = cpu_mask;
    fuzz_require(mica_image_decode(coded->data, coded->size, &decoder, image, NULL) == MICA_OK,
                 "decode");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEADER)
        return 0;
    const int compared = fuzz_sampled(data, size, SAMPLE);
    const int searched = fuzz_sampled(data, size, SEARCHED);
    const int side = compared ? LARGE_SIDE : SIDE;
    const int width = 1 + data[0] % side, height = 1 + data[1] % side, channels = 1 + data[2] % 4;
    const int depth = data[2] & 4 ? 16 : 8;
    uint32_t seed = 0;
    memcpy(&seed, data + 3, 4);
    MicaImage image = fuzz_picture(width, height, channels, depth, seed);
    /* The rest is samples, from the first on. */
    const size_t row = (size_t)width * (size_t)channels * (size_t)depth / 8;
    for (size_t i = HEADER; i < size && i - HEADER < row * (size_t)height; i++)
        image.data[(ptrdiff_t)((i - HEADER) / row) * image.stride +
                   (ptrdiff_t)((i - HEADER) % row)] = data[i];

    MicaEncodeSettings settings;
    mica_encode_defaults(&settings, sizeof settings);
    settings.model = fuzz_complete();
    settings.quality = (data[7] | data[8] << 8) % 1001 / 10.0;
    settings.effort = 1 + data[9] % (searched ? 4 : 2);
    settings.alpha_quality = data[10] & 128 ? 100 : data[10] % 101;
    settings.segment = seed >> 24 & 1 ? 32 + (int)(seed >> 25) : 0;
    settings.progressive = seed >> 19 & 1;
    settings.threads = 1;
    MicaBuffer coded, again;
    MicaError error = {0};
    const MicaStatus status = mica_image_encode(&image, &settings, &coded, &error);
    fuzz_require(status == MICA_OK, error.text);
    MicaStreamInfo info;
    fuzz_require(mica_stream_info(coded.data, coded.size, &info, NULL) == MICA_OK, "headers");
    fuzz_require(info.width == width && info.height == height && info.channels == channels,
                 "dimensions in the headers");

    MicaImage back;
    decode(&coded, UINT32_MAX, &back);
    check_contents(&image, &back, settings.alpha_quality == 100);
    if (compared) {
        settings.threads = 1 + data[2] / 8 % 3;
        if (data[2] & 128)
            settings.cpu_mask = 0;
        fuzz_require(mica_image_encode(&image, &settings, &again, NULL) == MICA_OK, "encode again");
        fuzz_require(coded.size == again.size && memcmp(coded.data, again.data, coded.size) == 0,
                     "equal bytes");
        mica_buffer_free(&again);
        MicaImage other;
        decode(&coded, seed & 0xffff, &other); /* any part of the levels */
        fuzz_require(fuzz_same_picture(&back, &other), "equal pixels");
        mica_image_free(&other);
    }
    mica_image_free(&back);
    mica_image_free(&image);
    mica_buffer_free(&coded);
    return 0;
}
