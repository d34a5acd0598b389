/*
 * Butteraugli (J. Alakuijala and others, Google, 2016, github.com/google/butteraugli), measured by
 * the program `butteraugli` of Debian's package of that name: it is run, not rewritten. What it
 * prints is the largest difference of any place of the picture; below 1 is not visible side by
 * side, 3 is plain to see. Versions in libjxl have other constants and give other numbers.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/files.h"
#include "tools/metrics/measures.h"
#include "tools/output/writer.h"
#include "tools/process.h"
#include "tools/report.h"

static const char program[] = "butteraugli";

static MicaStatus write_png(const char *path, const MicaImage *picture, MicaError *error)
{
    OutputFile out;
    const WriteOptions options = {.jpeg_quality = 100};
    MicaStatus status = output_file_open(&out, path, NULL, true, error);
    if (status == MICA_OK)
        status = writer_png.write(&out, picture, &options, error);
    if (status == MICA_OK)
        status = output_file_commit(&out, error);
    output_file_discard(&out);
    return status;
}

/* The whole output of the program is one number. */
static MicaStatus read_number(const char *path, double *value, MicaError *error)
{
    char text[64] = "", *end = text;
    FILE *const stream = fopen(path, "r");
    if (stream) {
        text[fread(text, 1, sizeof text - 1, stream)] = 0;
        fclose(stream);
        *value = strtod(text, &end);
    }
    if (end == text || end[strspn(end, " \n")] || !isfinite(*value))
        return report_fail(error, MICA_ERROR_IO, "%s printed no number", program);
    return MICA_OK;
}

static MicaStatus measure_in(const char *folder, const char *path, const MicaImage *reference,
                             const MicaImage *distorted, double *value, MicaError *error)
{
    const size_t size = strlen(folder) + 16;
    char *const names = malloc(3 * size);
    if (!names)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    char *const a = names, *const b = names + size, *const log = names + 2 * size;
    snprintf(a, size, "%s/a.png", folder);
    snprintf(b, size, "%s/b.png", folder);
    snprintf(log, size, "%s/number", folder);
    const char *const argv[] = {path, a, b, NULL};
    ProcessTime time;
    MicaStatus status = write_png(a, reference, error);
    if (status == MICA_OK)
        status = write_png(b, distorted, error);
    if (status == MICA_OK)
        status = process_run(argv, log, &time, error);
    if (status == MICA_OK)
        status = read_number(log, value, error);
    free(names);
    return status;
}

MicaStatus measure_butteraugli(const MicaImage *reference, const MicaImage *distorted,
                               double *values, MicaError *error)
{
    if (reference->width < METRICS_BLOCK_MIN || reference->height < METRICS_BLOCK_MIN)
        return MICA_OK;
    char path[1024], *folder = NULL;
    if (!process_find(program, path, sizeof path))
        return report_fail(error, MICA_ERROR_IO,
                           "the program %s (of the package of that name) is not in the path",
                           program);
    sigset_t before;
    process_hold_signals(&before);
    MicaStatus status = process_make_folder(&folder, error);
    if (status == MICA_OK) {
        status = measure_in(folder, path, reference, distorted, &values[METRIC_BUTTERAUGLI], error);
        process_remove_folder(folder);
    }
    process_release_signals(&before);
    free(folder);
    return status;
}
