#include "tools/metrics/plane.h"

#include <stdlib.h>

#include "tools/report.h"

MicaStatus plane_alloc(Plane *plane, int width, int height, MicaError *error)
{
    plane->width = width;
    plane->height = height;
    plane->data = malloc((size_t)width * (size_t)height * sizeof *plane->data);
    return plane->data ? MICA_OK : report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
}

void plane_free(Plane *plane)
{
    free(plane->data);
    plane->data = NULL;
}

MicaStatus plane_luma(Plane *plane, const MicaImage *image, MicaError *error)
{
    const MicaStatus status = plane_alloc(plane, image->width, image->height, error);
    if (status != MICA_OK)
        return status;
    /* Gray takes the same sum, which rounds: a gray picture equals the same picture in RGB exactly.
     */
    const int step = image->channels > 1;
    double *to = plane->data;
    for (int y = 0; y < image->height; y++) {
        const uint8_t *from = image->data + y * image->stride;
        for (int x = 0; x < image->width; x++, from += image->channels)
            *to++ = 0.299 * from[0] + 0.587 * from[step] + 0.114 * from[2 * step];
    }
    return MICA_OK;
}

void plane_halve(Plane *plane)
{
    const int width = (plane->width + 1) / 2, height = (plane->height + 1) / 2;
    double *to = plane->data; /* never ahead of what is still to be read */
    for (int y = 0; y < height; y++) {
        const double *top = plane->data + (size_t)(2 * y) * (size_t)plane->width;
        const double *bottom = 2 * y + 1 < plane->height ? top + plane->width : top;
        for (int x = 0; x < width; x++) {
            const int left = 2 * x, right = left + 1 < plane->width ? left + 1 : left;
            *to++ = (top[left] + top[right] + bottom[left] + bottom[right]) / 4;
        }
    }
    plane->width = width;
    plane->height = height;
}

double plane_squared_error(const Plane *a, const Plane *b)
{
    double sum = 0;
    const double *p = a->data, *q = b->data;
    for (int y = 0; y < a->height; y++) {
        double row = 0; /* summed apart, to keep rounding errors small */
        for (int x = 0; x < a->width; x++, p++, q++)
            row += (*p - *q) * (*p - *q);
        sum += row;
    }
    return sum / ((double)a->width * a->height);
}
