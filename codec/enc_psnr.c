#include <math.h>
#include <string.h>

#include "codec/alpha.h"
#include "codec/enc_picture.h"

/* Sum of squared differences of the colours of two rows, on the scale of 8 bits. */
static double row_error(const uint8_t *a, const uint8_t *b, int width, int channels, int depth)
{
    const int colours = mica_colour_channels(channels);
    uint64_t sum = 0;
    for (int x = 0; x < width; x++)
        for (int c = 0; c < colours; c++) {
            const size_t at = (size_t)x * (size_t)channels + (size_t)c;
            uint16_t p, q;
            if (depth == 16) {
                memcpy(&p, a + 2 * at, sizeof p);
                memcpy(&q, b + 2 * at, sizeof q);
            } else {
                p = a[at];
                q = b[at];
            }
            const int64_t d = p - q;
            sum += (uint64_t)(d * d);
        }
    return depth == 16 ? (double)sum / (257.0 * 257.0) : (double)sum;
}

double mica_image_psnr(const MicaImage *a, const MicaImage *b)
{
    double sum = 0;
    for (int y = 0; y < a->height; y++)
        sum += row_error(a->data + y * a->stride, b->data + y * b->stride, a->width, a->channels,
                         a->depth);
    const double samples = (double)a->width * a->height * mica_colour_channels(a->channels);
    /* Equal pictures: half a squared error in all, beyond every target. */
    return 10 * log10(255.0 * 255.0 * samples / (sum > 0.5 ? sum : 0.5));
}
