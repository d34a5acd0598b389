/* The one-shot calls as a user of the installed library writes them. */
#include <mica/mica.h>

#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what, const MicaError *error)
{
    fprintf(stderr, "%s: %s\n", what, error->text);
    return 1;
}

int main(void)
{
    MicaImage image, back;
    MicaBuffer file;
    MicaError error = {MICA_OK, ""};
    if (mica_image_alloc(&image, 100, 60, 3) != MICA_OK)
        return 1;
    for (int y = 0; y < image.height; y++)
        for (int x = 0; x < image.width; x++)
            for (int c = 0; c < 3; c++)
                image.data[y * image.stride + x * 3 + c] = (uint8_t)(2 * x + y + 20 * c);

    MicaEncodeSettings settings;
    mica_encode_defaults(&settings, sizeof settings);
    settings.quality = 80;
    if (mica_image_encode(&image, &settings, &file, &error) != MICA_OK)
        return fail("encode", &error);
    if (mica_image_decode(file.data, file.size, NULL, &back, &error) != MICA_OK)
        return fail("decode", &error);
    double sum = 0;
    for (int y = 0; y < image.height; y++)
        for (int x = 0; x < 3 * image.width; x++)
            sum += abs(image.data[y * image.stride + x] - back.data[y * back.stride + x]);
    const double mean = sum / (3.0 * image.width * image.height);
    printf("mica %s: %dx%d in %lu bytes, mean error %.2f\n", mica_version(), back.width,
           back.height, (unsigned long)file.size, mean);
    const int good = back.width == image.width && back.height == image.height && mean < 8;
    mica_buffer_free(&file);
    mica_image_free(&back);
    mica_image_free(&image);
    return good ? 0 : 1;
}
