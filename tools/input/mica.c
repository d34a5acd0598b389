#include <string.h>

#include "tools/input/reader.h"

static bool probe(const uint8_t *data, size_t size)
{
    static const uint8_t magic[4] = {0x8b, 'm', 'i', 'c'};
    return size >= sizeof magic && memcmp(data, magic, sizeof magic) == 0;
}

static MicaStatus read_picture(const uint8_t *data, size_t size, const ReadOptions *options,
                               MicaImage *image, MicaError *error)
{
    MicaDecodeSettings settings;
    if (options->settings)
        settings = *options->settings;
    else
        mica_decode_defaults(&settings, sizeof settings);
    return mica_image_decode(data, size, &settings, image, error);
}

const Reader reader_mica = {.name = "mica", .probe = probe, .read = read_picture};
