/*
 * Round trip of a small picture under any settings: it decodes to the same dimensions, encoding
 * again gives equal bytes, and kernel level and threads change neither bytes nor pixels.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define HEADER 10

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEADER)
        return 0;
    const int width = 1 + data[0] % 80, height = 1 + data[1] % 80, channels = data[2] & 1 ? 1 : 3;
    uint32_t seed = 0;
    memcpy(&seed, data + 3, 4);
    MicaImage image = fuzz_picture(width, height, channels, seed);
    /* The rest is samples, from the first on. */
    const size_t row = (size_t)width * (size_t)channels;
    for (size_t i = HEADER; i < size && i - HEADER < row * (size_t)height; i++)
        image.data[(ptrdiff_t)((i - HEADER) / row) * image.stride +
                   (ptrdiff_t)((i - HEADER) % row)] = data[i];

    MicaEncodeSettings settings;
    mica_encode_defaults(&settings, sizeof settings);
    settings.model = fuzz_tiny();
    settings.quality = (data[7] | data[8] << 8) % 1001 / 10.0;
    settings.effort = 1 + data[9] % 5; /* the higher ones search for long */
    settings.threads = 1;
    MicaBuffer coded, again;
    MicaError error = {0};
    const MicaStatus status = mica_image_encode(&image, &settings, &coded, &error);
    fuzz_require(status == MICA_OK, error.text);
    MicaStreamInfo info;
    fuzz_require(mica_stream_info(coded.data, coded.size, &info, NULL) == MICA_OK, "headers");
    fuzz_require(info.width == width && info.height == height && info.channels == channels,
                 "dimensions in the headers");

    settings.threads = 1 + (data[2] >> 1) % 3;
    if (data[2] & 16)
        settings.cpu_mask = 0;
    fuzz_require(mica_image_encode(&image, &settings, &again, NULL) == MICA_OK, "encode again");
    fuzz_require(coded.size == again.size && memcmp(coded.data, again.data, coded.size) == 0,
                 "equal bytes");
    mica_buffer_free(&again);

    MicaImage back[2];
    for (int i = 0; i < 2; i++) {
        MicaDecodeSettings decoder;
        mica_decode_defaults(&decoder, sizeof decoder);
        decoder.model = fuzz_tiny();
        decoder.threads = 1;
        if (i)
            decoder.cpu_mask = seed & 0xffff; /* any part of the levels */
        fuzz_require(mica_image_decode(coded.data, coded.size, &decoder, &back[i], NULL) == MICA_OK,
                     "decode");
        fuzz_require(back[i].width == width && back[i].height == height &&
                         back[i].channels == channels,
                     "dimensions");
    }
    for (int y = 0; y < height; y++)
        fuzz_require(
            memcmp(back[0].data + y * back[0].stride, back[1].data + y * back[1].stride, row) == 0,
            "equal pixels");
    mica_image_free(&back[0]);
    mica_image_free(&back[1]);
    mica_image_free(&image);
    mica_buffer_free(&coded);
    return 0;
}
