#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/eval/page.h"
#include "tools/eval/svg.h"
#include "tools/output/writer.h"
#include "tools/report.h"

#define CROP 144
#define MAX_PICTURES 4

static void write_base64(FILE *out, const unsigned char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        const unsigned block = (unsigned)data[i] << 16 |
                               (i + 1 < size ? (unsigned)data[i + 1] << 8 : 0) |
                               (i + 2 < size ? data[i + 2] : 0u);
        putc(digits[block >> 18], out);
        putc(digits[block >> 12 & 63], out);
        putc(i + 1 < size ? digits[block >> 6 & 63] : '=', out);
        putc(i + 2 < size ? digits[block & 63] : '=', out);
    }
}

static MicaStatus write_image(FILE *out, const MicaImage *image, MicaError *error)
{
    char *data = NULL;
    size_t size = 0;
    const WriteOptions options = {.jpeg_quality = 100};
    OutputFile memory = {.stream = open_memstream(&data, &size)};
    if (!memory.stream)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    MicaStatus status = writer_png.write(&memory, image, &options, error);
    if (status == MICA_OK)
        status = output_file_commit(&memory, error);
    output_file_discard(&memory);
    if (status == MICA_OK) {
        fputs("<img alt=\"\" src=\"data:image/png;base64,", out);
        write_base64(out, (const unsigned char *)data, size);
        fputs("\">", out);
    }
    free(data);
    return status;
}

/* A part of a picture, with the same samples behind it. */
static MicaImage part_of(const MicaImage *image, int left, int top)
{
    MicaImage part = *image;
    part.width = image->width < CROP ? image->width : CROP;
    part.height = image->height < CROP ? image->height : CROP;
    part.data = image->data + top * image->stride + left * image->channels;
    return part;
}

static double activity(const MicaImage *image)
{
    double sum = 0;
    const int step = image->channels;
    for (int y = 1; y < image->height; y++) {
        const uint8_t *p = image->data + y * image->stride;
        for (int x = step; x < image->width * step; x++)
            sum += abs(p[x] - p[x - step]) + abs(p[x] - p[x - image->stride]);
    }
    return sum;
}

/* Where most happens in the picture. */
static void find_place(const MicaImage *image, int *left, int *top)
{
    double most = -1;
    *left = *top = 0;
    for (int y = 0; y == 0 || y + CROP <= image->height; y += CROP / 2)
        for (int x = 0; x == 0 || x + CROP <= image->width; x += CROP / 2) {
            const MicaImage part = part_of(image, x, y);
            const double value = activity(&part);
            if (value > most) {
                most = value;
                *left = x;
                *top = y;
            }
        }
}

/* The task of a codec with this picture whose size comes next to `bytes`, from below (side < 0),
 * from above (side > 0) or at all. */
static const EvalTask *nearest_task(const Eval *eval, int picture, int codec, double bytes,
                                    int side)
{
    const EvalTask *best = NULL;
    double least = INFINITY;
    for (int t = 0; t < eval->task_count; t++) {
        const EvalTask *task = &eval->tasks[t];
        if (task->picture != picture || task->codec != codec || !task->done || task->failed)
            continue;
        const double distance = log(task->run.bytes / bytes);
        if (distance * side < 0 || fabs(distance) >= least)
            continue;
        least = fabs(distance);
        best = task;
    }
    return best;
}

/* One codec's attempt at a number of bytes. */
typedef struct Attempt {
    double quality;
    CodecRun run;
    MicaImage decoded;
} Attempt;

static MicaStatus attempt(const CodecSetup *setup, double quality, const MicaImage *picture,
                          Attempt *a, MicaError *error)
{
    mica_image_free(&a->decoded);
    a->quality = quality;
    return codec_run(setup, quality, picture, &a->run, &a->decoded, error);
}

/* From the measured qualities around it, go to where a straight line through quality and log size
 * says that the wanted size is. */
static MicaStatus search_size(const Eval *eval, int p, int codec, const MicaImage *picture,
                              double bytes, Attempt *a, MicaError *error)
{
    const CodecSetup *setup = &eval->codecs[codec];
    const EvalTask *below = nearest_task(eval, p, codec, bytes, -1);
    const EvalTask *above = nearest_task(eval, p, codec, bytes, 1);
    if (!below || !above || below->run.bytes == above->run.bytes)
        return attempt(setup, (below ? below : above)->quality, picture, a, error);
    double low = below->quality, high = above->quality;
    double low_size = log(below->run.bytes / bytes), high_size = log(above->run.bytes / bytes);
    MicaStatus status = MICA_OK;
    for (int i = 0; i < 5 && status == MICA_OK; i++) {
        const double quality = low + (high - low) * low_size / (low_size - high_size);
        status = attempt(setup, quality, picture, a, error);
        const double size = log(a->run.bytes / bytes);
        if (status != MICA_OK || fabs(size) < 0.02)
            break;
        if (size < 0) {
            low = quality;
            low_size = size;
        } else {
            high = quality;
            high_size = size;
        }
    }
    return status;
}

static MicaStatus write_attempt(FILE *out, const char *name, const MicaImage *picture,
                                const Attempt *a, int left, int top, MicaError *error)
{
    const uint32_t shown = 1u << METRIC_PSNR_RGB | 1u << METRIC_SSIMULACRA2;
    Metrics metrics;
    MicaStatus status = metrics_compare(picture, &a->decoded, shown, &metrics, error);
    if (status != MICA_OK)
        return status;
    const MicaImage part = part_of(&a->decoded, left, top);
    fputs("<figure>", out);
    status = write_image(out, &part, error);
    fprintf(out, "<figcaption>%s, quality %.3g: %.0f bytes, %.3f bpp", name, a->quality,
            a->run.bytes, 8 * a->run.bytes / ((double)picture->width * picture->height));
    for (int id = 0; id < METRIC_COUNT; id++)
        if (shown >> id & 1)
            fprintf(out, ", %s %.2f%s", metric_table[id].title, metrics.values[id],
                    metric_table[id].unit);
    fputs("</figcaption></figure>\n", out);
    return MICA_OK;
}

static MicaStatus write_figures(FILE *out, const Eval *eval, int p, const MicaImage *picture,
                                double bytes, MicaError *error)
{
    int left, top;
    find_place(picture, &left, &top);
    const MicaImage part = part_of(picture, left, top);
    fputs("<h3>", out);
    const char *path = eval->pictures[p].path, *slash = strrchr(path, '/');
    xml_text(out, slash ? slash + 1 : path);
    fprintf(out, ", at %d,%d</h3>\n<div class=\"crops\"><figure>", left, top);
    MicaStatus status = write_image(out, &part, error);
    fputs("<figcaption>original</figcaption></figure>\n", out);
    for (int c = 0; c < eval->codec_count && status == MICA_OK; c++) {
        Attempt a = {0};
        if (!nearest_task(eval, p, c, bytes, 0))
            continue; /* it failed with this picture */
        status = search_size(eval, p, c, picture, bytes, &a, error);
        if (status == MICA_OK)
            status = write_attempt(out, eval->codecs[c].name, picture, &a, left, top, error);
        mica_image_free(&a.decoded);
    }
    fputs("</div>\n", out);
    return status;
}

MicaStatus crops_write(FILE *out, const Eval *eval, MicaError *error)
{
    MicaStatus status = MICA_OK;
    for (int p = 0; p < eval->picture_count && p < MAX_PICTURES && status == MICA_OK; p++) {
        MicaImage picture = {0};
        status = eval_read_picture(eval->pictures[p].path, &picture, error);
        /* About 0.25 bits per pixel show what codecs do differently. */
        const double bytes = 0.25 / 8 * picture.width * picture.height;
        const EvalTask *first = status == MICA_OK ? nearest_task(eval, p, 0, bytes, 0) : NULL;
        if (first)
            status = write_figures(out, eval, p, &picture, first->run.bytes, error);
        mica_image_free(&picture);
    }
    return status;
}
