/*
 * Decoding arbitrary streams: no crash, no picture from a refused file, the same verdict and pixels
 * from every kernel level, and headers that agree with the picture.
 *
 * The first byte says how the rest is meant: as a whole file or as edits of one of a few valid
 * streams, with checksums made right again or not.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define BASES 8
#define HEADER 14
#define MAX_PIXELS (96 * 96)

static MicaBuffer bases[BASES];

static void start(void)
{
    static const struct {
        int width, height, channels, depth;
        double quality;
        uint32_t seed;
    } list[BASES] = {{1, 1, 1, 8, 50, 77},           {7, 13, 3, 8, 20, 0x1234567},
                     {40, 24, 4, 8, 70, 0x54321},    {70, 66, 1, 8, 50, 0xab},
                     {64, 64, 3, 16, 100, 0x8000ff}, {33, 80, 3, 8, 0, 0x777777},
                     {20, 9, 2, 16, 30, 0xf12345},   {5, 31, 4, 16, 60, 0x3abcde}};
    for (int i = 0; i < BASES; i++) {
        MicaImage image = fuzz_picture(list[i].width, list[i].height, list[i].channels,
                                       list[i].depth, list[i].seed);
        MicaEncodeSettings settings;
        mica_encode_defaults(&settings, sizeof settings);
        settings.model = fuzz_tiny();
        settings.quality = list[i].quality;
        settings.threads = 1;
        fuzz_require(mica_image_encode(&image, &settings, &bases[i], NULL) == MICA_OK, "encode");
        mica_image_free(&image);
    }
}

static MicaStatus decode(const uint8_t *data, size_t size, uint32_t cpu_mask, MicaImage *image)
{
    MicaDecodeSettings settings;
    mica_decode_defaults(&settings, sizeof settings);
    settings.model = fuzz_tiny();
    settings.threads = 1;
    settings.cpu_mask = cpu_mask;
    settings.max_pixels = MAX_PIXELS;
    MicaError error = {0};
    memset(image, 0xee, sizeof *image);
    const MicaStatus status = mica_image_decode(data, size, &settings, image, &error);
    if (status != MICA_OK) {
        fuzz_require(image->data == NULL, "no picture on failure");
        fuzz_require(error.status == status && error.text[0] && !strchr(error.text, '\n'),
                     "one line that says why");
        fuzz_require(status != MICA_ERROR_INTERNAL, "no internal error");
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_size)
{
    if (!bases[0].data)
        start();
    if (input_size < 1)
        return 0;
    const int mode = input[0];
    const MicaBuffer *const base = &bases[(mode >> 3) % BASES];
    size_t size = input_size - 1;
    uint8_t *const data = mode & 1 ? fuzz_copy(input + 1, size)
                                   : fuzz_edit(base->data, base->size, input + 1, size, &size);
    if (mode & 2)
        fuzz_fix_stream(data, size);
    if (mode & 1 && mode & 4 && size >= HEADER) /* whole files outlive changes of the version */
        memcpy(data, base->data, HEADER);

    MicaStreamInfo info;
    const MicaStatus headers = mica_stream_info(data, size, &info, NULL);
    MicaImage image, plain;
    const MicaStatus status = decode(data, size, UINT32_MAX, &image);
    if (status == MICA_OK) {
        fuzz_require(headers == MICA_OK, "headers of a decodable file");
        fuzz_require(info.width == image.width && info.height == image.height &&
                         info.channels == image.channels && info.depth == image.depth,
                     "headers agree with the picture");
        if (mode & 64) {
            fuzz_require(decode(data, size, 0, &plain) == MICA_OK, "the same verdict in plain C");
            fuzz_require(fuzz_same_picture(&image, &plain), "the same pixels");
            mica_image_free(&plain);
        }
        mica_image_free(&image);
    }
    free(data);
    return 0;
}
