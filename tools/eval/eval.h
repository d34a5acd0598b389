/* The work of mica eval: every picture with every codec at every quality. */
#ifndef MICA_TOOLS_EVAL_EVAL_H
#define MICA_TOOLS_EVAL_EVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/eval/codecs.h"
#include "tools/eval/curves.h"
#include "tools/metrics/metrics.h"

typedef struct EvalPicture {
    char *path;
    uint64_t hash; /* of the bytes of the file */
} EvalPicture;

/* One picture with one codec at one quality. */
typedef struct EvalTask {
    int picture, codec; /* indices */
    double quality;
    uint64_t fingerprint; /* of codec and quality */
    bool done, failed;
    double pixels;
    CodecRun run;
    Metrics metrics;
} EvalTask;

typedef struct Eval {
    CodecSetup *codecs;
    int codec_count;
    EvalPicture *pictures;
    int picture_count;
    EvalTask *tasks;
    int task_count;
    uint32_t wanted; /* metrics */
    int jobs;
} Eval;

/* The pictures among the paths, and in those that are folders. */
MicaStatus eval_find_pictures(Eval *eval, const char *const *paths, MicaError *error);

/* A task for everything; for each codec its own default qualities where `qualities` is NULL. */
MicaStatus eval_make_tasks(Eval *eval, const double *qualities, int quality_count,
                           MicaError *error);

void eval_free(Eval *eval);

MicaStatus eval_read_picture(const char *path, MicaImage *image, MicaError *error);

/* Do what is not done, in several processes. Results are appended to `store` (unless it is NULL) as
 * they come. Tasks that fail are reported and marked. */
MicaStatus eval_run(Eval *eval, const char *store, MicaError *error);

/* Take results of an earlier run from the file `store`, where it exists. */
MicaStatus eval_load(Eval *eval, const char *store, MicaError *error);

/* Add the result of a task to the file. */
MicaStatus eval_append(const Eval *eval, const EvalTask *task, const char *store, MicaError *error);

/* The curves of the codecs: means over the pictures. Points where a task failed are left out. */
MicaStatus eval_average(const Eval *eval, CurveSet *set, MicaError *error);

#endif
