/*
 * Results that are kept for the next run: a line of text for each. It starts with the hashes of the
 * picture and of everything else that the result depends on, so that a line is right or never
 * found.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/eval/eval.h"
#include "tools/report.h"

#define LINE_SIZE 1024

MicaStatus eval_append(const Eval *eval, const EvalTask *task, const char *store, MicaError *error)
{
    FILE *const stream = fopen(store, "a");
    if (!stream)
        return report_fail_errno(error, errno);
    fprintf(stream, "%016llx %016llx %.17g %.17g %.17g %.17g %.17g %.17g %.17g",
            (unsigned long long)eval->pictures[task->picture].hash,
            (unsigned long long)task->fingerprint, task->pixels, task->run.bytes,
            task->run.encode_ms, task->run.decode_ms, task->run.encode_cpu_ms,
            task->run.decode_cpu_ms, task->run.memory_kb);
    for (int id = 0; id < METRIC_COUNT; id++)
        if (eval->wanted >> id & 1)
            fprintf(stream, " %s=%.17g", metric_table[id].name, task->metrics.values[id]);
    putc('\n', stream);
    const int failed = ferror(stream);
    errno = 0;
    if (fclose(stream) != 0 || failed)
        return report_fail_errno(error, errno ? errno : EIO);
    return MICA_OK;
}

/* "name=value" in any order; true if all that is wanted was there. */
static bool parse_metrics(char *text, uint32_t wanted, Metrics *metrics)
{
    uint32_t found = 0;
    for (int id = 0; id < METRIC_COUNT; id++)
        metrics->values[id] = NAN;
    for (char *save, *word = strtok_r(text, " \n", &save); word;
         word = strtok_r(NULL, " \n", &save)) {
        char *const equals = strchr(word, '=');
        if (!equals)
            return false;
        *equals = 0;
        for (int id = 0; id < METRIC_COUNT; id++)
            if (wanted >> id & 1 && strcmp(word, metric_table[id].name) == 0) {
                metrics->values[id] = strtod(equals + 1, NULL);
                found |= 1u << id;
            }
    }
    return found == wanted;
}

/* Lines that were cut short by a crash, or lack a metric that is wanted now, are passed over. */
static void load_line(Eval *eval, char *line)
{
    unsigned long long picture, fingerprint;
    double numbers[7];
    int used = 0;
    if (!strchr(line, '\n') || sscanf(line, "%16llx %16llx%n", &picture, &fingerprint, &used) != 2)
        return;
    char *p = line + used, *end;
    for (int i = 0; i < 7; i++, p = end) {
        numbers[i] = strtod(p, &end);
        if (end == p)
            return;
    }
    Metrics metrics;
    if (!parse_metrics(p, eval->wanted, &metrics))
        return;
    for (int i = 0; i < eval->task_count; i++) {
        EvalTask *const task = &eval->tasks[i];
        if (task->fingerprint != fingerprint || eval->pictures[task->picture].hash != picture)
            continue;
        task->pixels = numbers[0];
        task->run.bytes = numbers[1];
        task->run.encode_ms = numbers[2];
        task->run.decode_ms = numbers[3];
        task->run.encode_cpu_ms = numbers[4];
        task->run.decode_cpu_ms = numbers[5];
        task->run.memory_kb = numbers[6];
        task->metrics = metrics;
        task->done = true;
    }
}

MicaStatus eval_load(Eval *eval, const char *store, MicaError *error)
{
    FILE *const stream = fopen(store, "r");
    if (!stream)
        return errno == ENOENT ? MICA_OK : report_fail_errno(error, errno);
    char line[LINE_SIZE];
    while (fgets(line, sizeof line, stream))
        load_line(eval, line);
    const int failed = ferror(stream);
    fclose(stream);
    return failed ? report_fail_errno(error, EIO) : MICA_OK;
}
