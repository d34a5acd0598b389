#include "models/canvas.h"

static uint8_t pixel(int v)
{
    v = (v + 32) >> 6;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* The same for many samples, added to a prediction. In 16 bits, for compilers that make vectors of
 * it: (v + 64 p + 32) >> 6 is p plus v / 64 rounded, which needs no sum beyond 16 bits. */
static void add_pixels(const int16_t *v, const uint8_t *prediction, int count, uint8_t *out)
{
    for (int i = 0; i < count; i++) {
        int16_t sum = (int16_t)((v[i] >> 6) + (v[i] >> 5 & 1) + prediction[i]);
        sum = sum < 0 ? 0 : sum;
        out[i] = (uint8_t)(sum > 255 ? 255 : sum);
    }
}

/* On the scale of 0..65535. */
static uint16_t pixel16(int v)
{
    v = (v * 257 + 32) >> 6;
    return (uint16_t)(v < 0 ? 0 : v > 65535 ? 65535 : v);
}

static const int16_t *cell_pixel(const MicaCellRow *r, int x)
{
    return r->samples + (ptrdiff_t)(x >> r->log2_side) * r->stride +
           (x & ((1 << r->log2_side) - 1)) * 3;
}

/* Pixels from..to-1 of a row, into 8-bit samples; a place for alpha is skipped. */
static void store_row(const MicaCellRow *r, int from, int to, int channels, uint8_t *out)
{
    for (int x = from; x < to; x++, out += channels) {
        if (channels == 3 && r->log2_side == 3 && !(x & 7) && x + 8 <= to) {
            /* A whole cell in full size, as nearly all are. */
            const int16_t *p = r->samples + (ptrdiff_t)(x >> 3) * r->stride;
            for (int i = 0; i < 24; i++)
                out[i] = pixel(p[i]);
            x += 7;
            out += 21;
            continue;
        }
        const int16_t *p = cell_pixel(r, x);
        if (channels < 3)
            out[0] = (uint8_t)((pixel(p[0]) + pixel(p[1]) + pixel(p[2]) + 1) / 3);
        else
            for (int c = 0; c < 3; c++)
                out[c] = pixel(p[c]);
    }
}

/* The same where the samples are differences to a prediction with the channels of `out`. */
static void add_row(const MicaCellRow *r, int from, int to, int channels, const uint8_t *prediction,
                    uint8_t *out)
{
    for (int x = from; x < to; x++, prediction += channels, out += channels) {
        const int16_t *p = cell_pixel(r, x);
        if (channels == 3 && !(x & 7) && x + 8 <= to) {
            add_pixels(p, prediction, 24, out);
            x += 7;
            prediction += 21;
            out += 21;
        } else if (channels == 3) {
            for (int c = 0; c < 3; c++)
                out[c] = pixel(p[c] + 64 * prediction[c]);
        } else {
            const int v = 64 * prediction[0];
            out[0] = (uint8_t)((pixel(p[0] + v) + pixel(p[1] + v) + pixel(p[2] + v) + 1) / 3);
        }
    }
}

static void store_row16(const MicaCellRow *r, int from, int to, int channels, uint16_t *out)
{
    for (int x = from; x < to; x++, out += channels) {
        const int16_t *p = cell_pixel(r, x);
        if (channels < 3)
            out[0] = (uint16_t)((pixel16(p[0]) + pixel16(p[1]) + pixel16(p[2]) + 1) / 3);
        else
            for (int c = 0; c < 3; c++)
                out[c] = pixel16(p[c]);
    }
}

void mica_canvas_store(const MicaCanvas *canvas, const MicaCellRow *row, int x, int y, int count,
                       const MicaImage *prediction)
{
    const MicaImage *image = canvas->image;
    /* Where the row begins in the image, and the part of it that is there. */
    const int x0 = x - canvas->left;
    const int from = x0 < 0 ? -x0 : 0;
    const int to = image->width - x0 < count ? image->width - x0 : count;
    y -= canvas->top;
    if (y < 0 || y >= image->height)
        return;
    const ptrdiff_t first = (ptrdiff_t)(x0 + from) * image->channels;
    uint8_t *line = image->data + y * image->stride;
    if (prediction)
        add_row(row, from, to, image->channels,
                prediction->data + (y + canvas->top) * prediction->stride +
                    (ptrdiff_t)(x + from) * image->channels,
                line + first);
    else if (image->depth == 16)
        store_row16(row, from, to, image->channels, (uint16_t *)(void *)line + first);
    else
        store_row(row, from, to, image->channels, line + first);
}
