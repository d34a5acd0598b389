#include "tools/eval/y4m.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/input/reader.h"
#include "tools/report.h"

static uint8_t sample_of(double v)
{
    return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)(v + 0.5);
}

MicaStatus y4m_write(OutputFile *out, const MicaImage *image)
{
    /* JPEG's matrix: Y, Cb, Cr from R, G, B. */
    static const double matrix[3][4] = {{0.299, 0.587, 0.114, 0},
                                        {-0.299 / 1.772, -0.587 / 1.772, 0.5, 128},
                                        {0.5, -0.587 / 1.402, -0.114 / 1.402, 128}};
    char header[96];
    snprintf(header, sizeof header, "YUV4MPEG2 W%d H%d F1:1 Ip A1:1 C444 XCOLORRANGE=FULL\nFRAME\n",
             image->width, image->height);
    output_file_write(out, header, strlen(header));
    const int step = image->channels > 1;
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < image->height; y++) {
            const uint8_t *p = image->data + y * image->stride;
            uint8_t row[1024];
            for (int x = 0; x < image->width;) {
                size_t filled = 0;
                for (; x < image->width && filled < sizeof row; x++, p += image->channels)
                    row[filled++] = sample_of(matrix[c][0] * p[0] + matrix[c][1] * p[step] +
                                              matrix[c][2] * p[2 * step] + matrix[c][3]);
                output_file_write(out, row, filled);
            }
        }
    return MICA_OK;
}

MicaStatus y4m_read(const uint8_t *data, size_t size, MicaImage *image, MicaError *error)
{
    memset(image, 0, sizeof *image);
    const uint8_t *end = memchr(data, '\n', size < 256 ? size : 256);
    char header[256];
    int width = 0, height = 0;
    if (!end)
        return report_fail(error, MICA_ERROR_BITSTREAM, "not a y4m file");
    memcpy(header, data, (size_t)(end - data));
    header[end - data] = 0;
    if (sscanf(header, "YUV4MPEG2 W%d H%d", &width, &height) != 2 || width < 1 || height < 1 ||
        !strstr(header, " C444"))
        return report_fail(error, MICA_ERROR_BITSTREAM, "not a y4m file of 4:4:4");
    const size_t frame = (size_t)(end + 1 - data), plane = (size_t)width * (size_t)height;
    if (size < frame + 6 + 3 * plane || memcmp(data + frame, "FRAME\n", 6) != 0)
        return report_fail(error, MICA_ERROR_BITSTREAM, "the y4m file has no whole frame");
    const MicaStatus status = input_alloc(image, (uint64_t)width, (uint64_t)height, 3, 8, error);
    if (status != MICA_OK)
        return status;
    const uint8_t *luma = data + frame + 6;
    for (int y = 0; y < height; y++) {
        uint8_t *to = image->data + y * image->stride;
        for (int x = 0; x < width; x++, to += 3, luma++) {
            const double cb = luma[plane] - 128, cr = luma[2 * plane] - 128;
            to[0] = sample_of(*luma + 1.402 * cr);
            to[1] = sample_of(*luma - (0.114 * 1.772 * cb + 0.299 * 1.402 * cr) / 0.587);
            to[2] = sample_of(*luma + 1.772 * cb);
        }
    }
    return MICA_OK;
}
