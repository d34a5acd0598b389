/*
 * Decoding arbitrary streams: no crash, no picture from a refused file, the same verdict and pixels
 * from every kernel level, and headers that agree with the picture.
 *
 * The first byte says how the rest is meant: as a whole file or as edits of one of a few valid
 * streams, with checksums made right again or not. The second says what else to try: a region must
 * equal the crop of the whole, a scaled picture have the right size, and with best_effort an intact
 * file must decode as ever and a damaged one to something. What a file that decodes is compared
 * with costs more than the decoding, so only a sample of the inputs is.
 *
 * The pictures are small, and all but one fit a single position of z: a larger one takes time in
 * the same code. fuzz_container.c looks at the structure of large ones.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define BASES 8
#define HEADER 14
#define MAX_PIXELS (96 * 96)
#define SAMPLE 32

static MicaBuffer bases[BASES];

static void start(void)
{
    static const struct {
        int width, height, channels, depth;
        double quality;
        uint32_t seed;
    } list[BASES] = {{1, 1, 1, 8, 50, 77},          {7, 13, 3, 8, 20, 0x1234567},
                     {16, 12, 4, 8, 70, 0x54321},   {70, 20, 1, 8, 50, 0xab},
                     {9, 16, 3, 16, 100, 0x8000ff}, {33, 40, 3, 8, 0, 0x777777},
                     {20, 9, 2, 16, 30, 0xf12345},  {5, 31, 4, 16, 60, 0x3abcde}};
    for (int i = 0; i < BASES; i++) {
        MicaImage image = fuzz_picture(list[i].width, list[i].height, list[i].channels,
                                       list[i].depth, list[i].seed);
        MicaEncodeSettings settings;
        mica_encode_defaults(&settings, sizeof settings);
        settings.model = fuzz_complete();
        settings.quality = list[i].quality;
        settings.threads = 1;
        settings.segment = i & 1 ? 32 : 0;
        settings.progressive = i & 2;
        fuzz_require(mica_image_encode(&image, &settings, &bases[i], NULL) == MICA_OK, "encode");
        mica_image_free(&image);
    }
}

static MicaDecodeSettings defaults(void)
{
    MicaDecodeSettings settings;
    mica_decode_defaults(&settings, sizeof settings);
    settings.model = fuzz_complete();
    settings.threads = 1;
    settings.max_pixels = MAX_PIXELS;
    return settings;
}

static MicaStatus decode(const uint8_t *data, size_t size, MicaDecodeSettings settings,
                         MicaImage *image)
{
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

static void check_region(const uint8_t *data, size_t size, const MicaImage *whole, int choice)
{
    MicaDecodeSettings settings = defaults();
    const int x = choice * 7 % whole->width, y = choice * 13 % whole->height;
    settings.region = (MicaRegion){x, y, 1 + choice * 5 % (whole->width - x),
                                   1 + choice * 3 % (whole->height - y)};
    MicaImage part, crop = *whole;
    fuzz_require(decode(data, size, settings, &part) == MICA_OK, "a region of an intact file");
    crop.width = settings.region.width;
    crop.height = settings.region.height;
    crop.data += y * crop.stride + x * crop.channels * (crop.depth == 16 ? 2 : 1);
    fuzz_require(fuzz_same_picture(&part, &crop), "a region equals the crop");
    mica_image_free(&part);
}

static void check_scale(const uint8_t *data, size_t size, const MicaImage *whole, int scale)
{
    MicaDecodeSettings settings = defaults();
    settings.scale = scale;
    MicaImage small;
    fuzz_require(decode(data, size, settings, &small) == MICA_OK, "a smaller picture");
    fuzz_require(small.width == (whole->width + scale - 1) / scale &&
                     small.height == (whole->height + scale - 1) / scale,
                 "the size of a smaller picture");
    mica_image_free(&small);
}

static void check_best_effort(const uint8_t *data, size_t size, const MicaImage *whole)
{
    MicaDecodeSettings settings = defaults();
    MicaDamage damage;
    MicaImage image;
    settings.best_effort = 1;
    settings.damage = &damage;
    const MicaStatus status = decode(data, size, settings, &image);
    if (whole) {
        fuzz_require(status == MICA_OK && !damage.found, "an intact file with best effort");
        fuzz_require(fuzz_same_picture(whole, &image), "the same pixels with best effort");
    } else if (status == MICA_OK) {
        fuzz_require(damage.found, "damage is told");
    }
    if (status == MICA_OK)
        mica_image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_size)
{
    if (!bases[0].data)
        start();
    if (input_size < 2)
        return 0;
    const int mode = input[0], more = input[1];
    const MicaBuffer *const base = &bases[(mode >> 3) % BASES];
    size_t size = input_size - 2;
    uint8_t *const data = mode & 1 ? fuzz_copy(input + 2, size)
                                   : fuzz_edit(base->data, base->size, input + 2, size, &size);
    if (mode & 2)
        fuzz_fix_stream(data, size);
    if (mode & 1 && mode & 4 && size >= HEADER) /* whole files outlive changes of the version */
        memcpy(data, base->data, HEADER);

    MicaStreamInfo info;
    const MicaStatus headers = mica_stream_info(data, size, &info, NULL);
    MicaImage image, plain;
    const MicaStatus status = decode(data, size, defaults(), &image);
    if (status == MICA_OK) {
        fuzz_require(headers == MICA_OK, "headers of a decodable file");
        fuzz_require(info.width == image.width && info.height == image.height &&
                         info.channels == image.channels && info.depth == image.depth,
                     "headers agree with the picture");
        const int compared = fuzz_sampled(input, input_size, SAMPLE);
        if (compared && mode & 64) {
            MicaDecodeSettings settings = defaults();
            settings.cpu_mask = 0;
            fuzz_require(decode(data, size, settings, &plain) == MICA_OK,
                         "the same verdict in plain C");
            fuzz_require(fuzz_same_picture(&image, &plain), "the same pixels");
            mica_image_free(&plain);
        }
        if (compared && more & 1)
            check_region(data, size, &image, more >> 3);
        if (compared && more & 2)
            check_scale(data, size, &image, 2 << (more >> 3) % 3);
        if (compared && more & 4)
            check_best_effort(data, size, &image);
        mica_image_free(&image);
    } else if (more & 4) {
        check_best_effort(data, size, NULL);
    }
    free(data);
    return 0;
}
