/* Tasks in processes of their own: a codec that takes all memory harms one task only, and the peak
 * memory of its children is that of one codec. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/eval/eval.h"
#include "tools/report.h"

/* What a process sends back; less than PIPE_BUF, so that it is written and read as a whole. */
typedef struct Answer {
    MicaError error;
    double pixels;
    CodecRun run;
    Metrics metrics;
} Answer;

typedef struct Worker {
    pid_t process; /* 0: none */
    int pipe;
    int task;
} Worker;

static MicaStatus do_task(const Eval *eval, const EvalTask *task, Answer *answer)
{
    MicaImage picture = {0}, decoded = {0};
    MicaError *const error = &answer->error;
    MicaStatus status = eval_read_picture(eval->pictures[task->picture].path, &picture, error);
    if (status == MICA_OK) {
        answer->pixels = (double)picture.width * picture.height;
        status = codec_run(&eval->codecs[task->codec], task->quality, &picture, &answer->run,
                           &decoded, error);
    }
    if (status == MICA_OK)
        status = metrics_compare(&picture, &decoded, eval->wanted, &answer->metrics, error);
    mica_image_free(&picture);
    mica_image_free(&decoded);
    return status;
}

static _Noreturn void work(const Eval *eval, const EvalTask *task, int pipe)
{
    Answer answer;
    memset(&answer, 0, sizeof answer);
    answer.error.status = do_task(eval, task, &answer);
    _exit(write(pipe, &answer, sizeof answer) == (ssize_t)sizeof answer ? 0 : 1);
}

static MicaStatus start(const Eval *eval, Worker *worker, int task, MicaError *error)
{
    int ends[2];
    if (pipe(ends) != 0)
        return report_fail_errno(error, errno);
    fflush(NULL);
    worker->process = fork();
    if (worker->process == 0) {
        close(ends[0]);
        work(eval, &eval->tasks[task], ends[1]);
    }
    const int number = errno;
    close(ends[1]);
    worker->pipe = ends[0];
    worker->task = task;
    if (worker->process > 0)
        return MICA_OK;
    worker->process = 0;
    close(ends[0]);
    return report_fail_errno(error, number);
}

static void report_task(const Eval *eval, const EvalTask *task, const MicaError *reason)
{
    MicaError error = {reason->status, ""};
    report_fail(&error, reason->status, "%s at quality %g: %.200s", eval->codecs[task->codec].name,
                task->quality, reason->text);
    report_error(eval->pictures[task->picture].path, &error);
}

static MicaStatus finish(Eval *eval, Worker *worker, const char *store, MicaError *error)
{
    EvalTask *const task = &eval->tasks[worker->task];
    Answer answer;
    const bool whole = read(worker->pipe, &answer, sizeof answer) == (ssize_t)sizeof answer;
    close(worker->pipe);
    while (waitpid(worker->process, NULL, 0) < 0 && errno == EINTR)
        continue;
    worker->process = 0;
    task->done = true;
    if (!whole)
        report_fail(&answer.error, MICA_ERROR_INTERNAL, "the process was ended");
    task->failed = answer.error.status != MICA_OK;
    if (task->failed) {
        report_task(eval, task, &answer.error);
        return MICA_OK;
    }
    task->pixels = answer.pixels;
    task->run = answer.run;
    task->metrics = answer.metrics;
    return store ? eval_append(eval, task, store, error) : MICA_OK;
}

static void show_progress(const Eval *eval, int done, const EvalTask *task)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (!task) {
        fprintf(stderr, "\r%78s\r", "");
        return;
    }
    char bar[31];
    const int filled = done * 30 / eval->task_count;
    for (int i = 0; i < 30; i++)
        bar[i] = i < filled ? '=' : ' ';
    bar[30] = 0;
    const char *path = eval->pictures[task->picture].path, *slash = strrchr(path, '/');
    fprintf(stderr, "\r[%s] %d/%d %-5s %-24.24s", bar, done, eval->task_count,
            eval->codecs[task->codec].name, slash ? slash + 1 : path);
}

/* Wait until one of the workers has something to say. */
static MicaStatus wait_for_any(Eval *eval, Worker *workers, struct pollfd *waits, const char *store,
                               int *done, MicaError *error)
{
    for (int w = 0; w < eval->jobs; w++) {
        waits[w].fd = workers[w].process ? workers[w].pipe : -1;
        waits[w].events = POLLIN;
        waits[w].revents = 0;
    }
    if (poll(waits, (nfds_t)eval->jobs, -1) < 0)
        for (int w = 0; w < eval->jobs && errno != EINTR; w++)
            waits[w].revents = waits[w].fd >= 0; /* no poll() then, but reading waits too */
    MicaStatus status = MICA_OK;
    for (int w = 0; w < eval->jobs && status == MICA_OK; w++)
        if (waits[w].revents) {
            status = finish(eval, &workers[w], store, error);
            show_progress(eval, ++*done, &eval->tasks[workers[w].task]);
        }
    return status;
}

static MicaStatus run_all(Eval *eval, Worker *workers, struct pollfd *waits, const char *store,
                          MicaError *error)
{
    MicaStatus status = MICA_OK;
    int next = 0, done = 0, running = 1;
    for (int t = 0; t < eval->task_count; t++)
        done += eval->tasks[t].done;
    while (running > 0) {
        running = 0;
        for (int w = 0; w < eval->jobs; w++) {
            while (next < eval->task_count && eval->tasks[next].done)
                next++;
            if (!workers[w].process && next < eval->task_count && status == MICA_OK)
                status = start(eval, &workers[w], next++, error);
            running += workers[w].process > 0;
        }
        if (running == 0)
            break;
        const MicaStatus result = wait_for_any(eval, workers, waits, store, &done, error);
        if (result != MICA_OK)
            status = result;
    }
    show_progress(eval, done, NULL);
    return status;
}

MicaStatus eval_run(Eval *eval, const char *store, MicaError *error)
{
    Worker *const workers = calloc((size_t)eval->jobs, sizeof *workers);
    struct pollfd *const waits = calloc((size_t)eval->jobs, sizeof *waits);
    const MicaStatus status = workers && waits
                                  ? run_all(eval, workers, waits, store, error)
                                  : report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    free(workers);
    free(waits);
    return status;
}
