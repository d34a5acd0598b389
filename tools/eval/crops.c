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

/* The task of a codec with this picture whose size comes next to `bytes`. */
static const EvalTask *nearest_task(const Eval *eval, int picture, int codec, double bytes)
{
    const EvalTask *best = NULL;
    double least = INFINITY;
    for (int t = 0; t < eval->task_count; t++) {
        const EvalTask *task = &eval->tasks[t];
        if (task->picture != picture || task->codec != codec || !task->done || task->failed)
            continue;
        const double distance = fabs(log(task->run.bytes / bytes));
        if (distance < least) {
            least = distance;
            best = task;
        }
    }
    return best;
}

static MicaStatus write_crop(FILE *out, const Eval *eval, const EvalTask *task,
                             const MicaImage *picture, int left, int top, MicaError *error)
{
    MicaImage decoded = {0};
    CodecRun run;
    MicaStatus status =
        codec_run(&eval->codecs[task->codec], task->quality, picture, &run, &decoded, error);
    if (status == MICA_OK) {
        const MicaImage part = part_of(&decoded, left, top);
        fputs("<figure>", out);
        status = write_image(out, &part, error);
        fprintf(out, "<figcaption>%s, quality %g: %.0f bytes, %.3f bpp",
                eval->codecs[task->codec].codec->name, task->quality, task->run.bytes,
                8 * task->run.bytes / task->pixels);
        for (int id = 0; id < METRIC_COUNT; id++)
            if (eval->wanted >> id & 1 && (id == METRIC_PSNR_RGB || id == METRIC_SSIMULACRA2))
                fprintf(out, ", %s %.2f", metric_table[id].title, task->metrics.values[id]);
        fputs("</figcaption></figure>\n", out);
    }
    mica_image_free(&decoded);
    return status;
}

static MicaStatus write_row(FILE *out, const Eval *eval, int p, MicaError *error)
{
    /* About 0.25 bits per pixel show what codecs do differently. */
    const EvalTask *any = nearest_task(eval, p, 0, 1);
    const EvalTask *first = any ? nearest_task(eval, p, 0, any->pixels * 0.25 / 8) : NULL;
    MicaImage picture = {0};
    if (!first)
        return MICA_OK;
    MicaStatus status = eval_read_picture(eval->pictures[p].path, &picture, error);
    if (status != MICA_OK)
        return status;
    int left, top;
    find_place(&picture, &left, &top);
    fputs("<h3>", out);
    xml_text(out, eval->pictures[p].path);
    fprintf(out, ", at %d,%d</h3>\n<div class=\"crops\"><figure>", left, top);
    const MicaImage part = part_of(&picture, left, top);
    status = write_image(out, &part, error);
    fputs("<figcaption>original</figcaption></figure>\n", out);
    for (int c = 0; c < eval->codec_count && status == MICA_OK; c++) {
        const EvalTask *task = nearest_task(eval, p, c, first->run.bytes);
        if (task)
            status = write_crop(out, eval, task, &picture, left, top, error);
    }
    fputs("</div>\n", out);
    mica_image_free(&picture);
    return status;
}

MicaStatus crops_write(FILE *out, const Eval *eval, MicaError *error)
{
    MicaStatus status = MICA_OK;
    for (int p = 0; p < eval->picture_count && p < MAX_PICTURES && status == MICA_OK; p++)
        status = write_row(out, eval, p, error);
    return status;
}
