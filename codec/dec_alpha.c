#include "codec/dec_alpha.h"

#include <string.h>

#include "codec/alpha.h"
#include "codec/base/diag.h"

/* Rows of the large picture that are decoded at a time for a smaller one; a multiple of 8. */
#define ROWS 512

static uint32_t sample(const uint8_t *p, int bytes)
{
    uint16_t v = *p;
    if (bytes == 2)
        memcpy(&v, p, sizeof v);
    return v;
}

/* Means of squares of the alpha in `large` (gray and alpha) into rows of `image` from `row` on. */
static void shrink(const MicaImage *large, int log2, int row, MicaImage *image)
{
    const int bytes = image->depth / 8, side = 1 << log2;
    const int rows = (large->height + side - 1) >> log2;
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < image->width; x++) {
            uint32_t sum = 0, count = 0;
            for (int v = y * side; v < (y + 1) * side && v < large->height; v++)
                for (int u = x * side; u < (x + 1) * side && u < large->width; u++, count++)
                    sum += sample(large->data + v * large->stride + (ptrdiff_t)(2 * u + 1) * bytes,
                                  bytes);
            const uint16_t mean = (uint16_t)((sum + count / 2) / count);
            uint8_t *out = image->data + (row + y) * image->stride +
                           ((ptrdiff_t)(x + 1) * image->channels - 1) * bytes;
            if (bytes == 2)
                memcpy(out, &mean, sizeof mean);
            else
                *out = (uint8_t)mean;
        }
}

MicaStatus mica_decode_alpha(const MicaStream *stream, const MicaDecodePlan *plan, MicaPool *pool,
                             MicaImage *image, MicaError *error)
{
    const MicaStreamHeader *h = &stream->header;
    const uint8_t *data = stream->section[MICA_SECTION_ALPHA];
    const size_t size = stream->section_size[MICA_SECTION_ALPHA];
    const int log2 = plan->log2_scale;
    const MicaRegion *r = &plan->region;
    if (log2 == 0)
        return mica_alpha_decode(data, size, h->width, h->height, h->depth, pool, image, r->x, r->y,
                                 error);
    /* The same region in pixels of the large picture. */
    const int left = r->x << log2, top = r->y << log2;
    const int right = (r->x + r->width) << log2, bottom = (r->y + r->height) << log2;
    const int width = (right < h->width ? right : h->width) - left;
    const int height = (bottom < h->height ? bottom : h->height) - top;
    for (int y = 0; y < height; y += ROWS) {
        MicaImage large;
        MicaStatus status = mica_image_alloc_depth(
            &large, width, height - y < ROWS ? height - y : ROWS, 2, plan->depth);
        if (status != MICA_OK)
            return mica_fail(error, status, "no memory for alpha");
        status = mica_alpha_decode(data, size, h->width, h->height, h->depth, pool, &large, left,
                                   top + y, error);
        if (status == MICA_OK)
            shrink(&large, log2, y >> log2, image);
        mica_image_free(&large);
        if (status != MICA_OK)
            return status;
    }
    return MICA_OK;
}
