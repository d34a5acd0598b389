#include <math.h>

#include "tools/eval/eval.h"
#include "tools/report.h"

/* The mean of `count` tasks that differ in the picture only; false if one failed. */
static bool average_tasks(const EvalTask *tasks, int count, CurvePoint *point)
{
    CurvePoint sum = {.quality = tasks->quality};
    for (int t = 0; t < count; t++) {
        const EvalTask *task = &tasks[t];
        if (!task->done || task->failed)
            return false;
        sum.bpp += 8 * task->run.bytes / task->pixels;
        sum.encode_ms += task->run.encode_ms;
        sum.decode_ms += task->run.decode_ms;
        sum.encode_cpu_ms += task->run.encode_cpu_ms;
        sum.decode_cpu_ms += task->run.decode_cpu_ms;
        sum.memory_kb += task->run.memory_kb;
        for (int id = 0; id < METRIC_COUNT; id++)
            sum.values[id] += task->metrics.values[id];
    }
    *point = sum;
    point->bpp /= count;
    point->encode_ms /= count;
    point->decode_ms /= count;
    point->encode_cpu_ms /= count;
    point->decode_cpu_ms /= count;
    point->memory_kb /= count;
    for (int id = 0; id < METRIC_COUNT; id++)
        point->values[id] /= count;
    return true;
}

MicaStatus eval_average(const Eval *eval, CurveSet *set, MicaError *error)
{
    Curve *curve = NULL;
    int codec = -1;
    /* Tasks are in order of codec, quality, picture. */
    for (int t = 0; t < eval->task_count; t += eval->picture_count) {
        if (eval->tasks[t].codec != codec) {
            codec = eval->tasks[t].codec;
            curve = curve_set_add(set, eval->codecs[codec].name, false);
            if (!curve)
                return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
        }
        if (average_tasks(&eval->tasks[t], eval->picture_count, &curve->points[curve->count]))
            curve->count++;
    }
    for (int c = 0; c < set->count; c++)
        curve_sort(&set->curves[c]);
    return MICA_OK;
}
