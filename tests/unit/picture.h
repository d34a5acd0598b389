/* Pictures for tests, of 8 or 16 bits. */
#ifndef MICA_TESTS_PICTURE_H
#define MICA_TESTS_PICTURE_H

#include "mica/image.h"

/* A picture whose samples are value(x, y, c), 0..1 of the largest one. Needs cmocka.h. */
static MicaImage picture_of(int width, int height, int channels, int depth,
                            double (*value)(int x, int y, int c))
{
    MicaImage image;
    assert_int_equal(mica_image_alloc_depth(&image, width, height, channels, depth), MICA_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < channels; c++) {
                const double v = value(x, y, c);
                uint8_t *row = image.data + y * image.stride;
                if (depth == 16)
                    ((uint16_t *)(void *)row)[x * channels + c] = (uint16_t)(v * 65535);
                else
                    row[x * channels + c] = (uint8_t)(v * 255);
            }
    return image;
}

#endif
