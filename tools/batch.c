#include "tools/batch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/files.h"
#include "tools/json.h"
#include "tools/report.h"

/* What a child tells its parent, in one write of less than PIPE_BUF bytes. */
typedef struct Outcome {
    int32_t code; /* exit code of the command */
    int32_t width, height;
    double milliseconds;
    char error[512];
} Outcome;

typedef struct Child {
    pid_t process; /* 0: free */
    int pipe;
    const BatchItem *item;
} Child;

typedef struct Batch {
    const BatchOptions *options;
    const BatchWork *work;
    BatchList list;
    size_t first, step; /* this shard: items first, first + step, ... */
    int jobs;
    Child *children;
    struct pollfd *waits; /* of the children, and of the pipe of the signal handler */
    int log;              /* file descriptor or -1 */
    bool progress;        /* stderr is a terminal */
    double start;
    double pixels;
    size_t total, done, skipped, failed;
    int exit_code;
} Batch;

/* The handler writes the number of the signal here, which wakes poll(). */
static int signal_pipe[2] = {-1, -1};

static void on_signal(int number)
{
    const int saved = errno;
    const unsigned char byte = (unsigned char)number;
    if (write(signal_pipe[1], &byte, 1) != 1)
        _exit(128 + number);
    errno = saved;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* "I/N" with 1 <= I <= N; empty text is refused as well. */
static bool parse_shard(const char *text, size_t *index, size_t *count)
{
    unsigned long values[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        if (*text < '0' || *text > '9' || strspn(text, "0123456789") > 9)
            return false;
        char *end;
        values[i] = strtoul(text, &end, 10);
        if (*end != (i == 0 ? '/' : 0))
            return false;
        text = end + 1;
    }
    *index = values[0] - 1;
    *count = values[1];
    return values[0] >= 1 && values[0] <= values[1];
}

int batch_check(const BatchOptions *options, const char *command, const char *const *arguments,
                int min, int max)
{
    int count = 0;
    while (arguments[count])
        count++;
    size_t index, shards;
    if (!options->output) {
        if (options->log || options->shard || options->jobs || options->resume)
            return report_usage(command,
                                "--jobs, --resume, --shard and --log are for many files: name "
                                "their folder with --output");
        if (count < min)
            return report_usage(command, "%s",
                                count ? "an argument is missing" : "arguments are missing");
        if (count > max)
            return report_usage(command, "too many arguments: '%s'", arguments[max]);
        return OPTIONS_CONTINUE;
    }
    if (count == 0)
        return report_usage(command, "arguments are missing");
    if (options->shard && !parse_shard(options->shard, &index, &shards))
        return report_usage(command, "--shard: '%s' is not I/N with 1 <= I <= N", options->shard);
    for (int i = 0; i < count; i++)
        if (strcmp(arguments[i], "-") == 0)
            return report_usage(command, "standard input cannot be part of a batch");
    return OPTIONS_CONTINUE;
}

static void show_progress(const Batch *b)
{
    if (!b->progress)
        return;
    const double seconds = now() - b->start;
    const size_t finished = b->done + b->failed;
    char failed[32] = "", left[32] = "";
    if (b->failed)
        snprintf(failed, sizeof failed, ", %zu failed", b->failed);
    if (finished && seconds > 0)
        snprintf(left, sizeof left, ", %.0f s left",
                 seconds / (double)finished * (double)(b->total - b->skipped - finished));
    fprintf(stderr, "\r[%zu/%zu] %.1f pictures/s, %.2f Mpx/s%s%s   ", finished + b->skipped,
            b->total, (double)finished / seconds, b->pixels / 1e6 / seconds, failed, left);
}

static void clear_progress(const Batch *b)
{
    if (b->progress)
        fprintf(stderr, "\r%78s\r", "");
}

static void log_number(Json *json, const char *key, bool known, double value)
{
    if (known)
        json_real(json, key, value);
    else
        json_text(json, key, NULL);
}

/* One line, in one write: several shards may share a log. */
static void write_log(Batch *b, const BatchItem *item, const char *status, const Outcome *o)
{
    if (b->log < 0)
        return;
    char *text = NULL;
    size_t size = 0;
    Json json = {.stream = open_memstream(&text, &size), .one_line = true};
    struct stat info;
    bool written = false;
    if (json.stream) {
        const bool has_output = o->code == EXIT_DONE && stat(item->output, &info) == 0;
        const double bytes = has_output ? (double)info.st_size : 0;
        const double pixels = (double)o->width * o->height;
        json_object(&json, NULL);
        json_text(&json, "file", item->input);
        json_text(&json, "output", item->output);
        json_text(&json, "status", status);
        log_number(&json, "bytes", has_output, bytes);
        log_number(&json, "width", o->width > 0, o->width);
        log_number(&json, "height", o->height > 0, o->height);
        /* Of the mica file, which is the input when decoding. */
        const bool coded = stat(b->work->writes_mica ? item->output : item->input, &info) == 0;
        log_number(&json, "bpp", coded && has_output && pixels > 0,
                   8.0 * (double)info.st_size / (pixels > 0 ? pixels : 1));
        log_number(&json, "ms", o->milliseconds > 0, o->milliseconds);
        json_text(&json, "error", o->error[0] ? o->error : NULL);
        json_object_end(&json);
        written = fclose(json.stream) == 0 && write(b->log, text, size) == (ssize_t)size;
    }
    free(text);
    if (!written) {
        MicaError error;
        report_fail_errno(&error, errno ? errno : EIO);
        clear_progress(b);
        b->exit_code = report_error(b->options->log, &error);
        b->log = -1; /* once is enough */
    }
}

/* Skip an output that is whole and newer than its input? */
static bool is_done(const Batch *b, const BatchItem *item)
{
    struct stat in, out;
    if (!b->options->resume || stat(item->input, &in) != 0 || stat(item->output, &out) != 0 ||
        !S_ISREG(out.st_mode))
        return false;
    const bool older = in.st_mtim.tv_sec != out.st_mtim.tv_sec
                           ? out.st_mtim.tv_sec < in.st_mtim.tv_sec
                           : out.st_mtim.tv_nsec < in.st_mtim.tv_nsec;
    return !older && b->work->is_whole(item->output);
}

static _Noreturn void child_main(const Batch *b, const BatchItem *item, int result)
{
    Outcome o = {.code = EXIT_FAILED};
    MicaError error = {MICA_OK, ""};
    const double start = now();
    int width = 0, height = 0;
    if (batch_make_folders(item->output, &error) != MICA_OK)
        report_error(item->output, &error);
    else
        o.code = b->work->run(b->work->context, item->input, item->output, &width, &height);
    o.milliseconds = (now() - start) * 1e3;
    o.width = width;
    o.height = height;
    if (o.code != EXIT_DONE)
        snprintf(o.error, sizeof o.error, "%s", report_last());
    _exit(write(result, &o, sizeof o) == (ssize_t)sizeof o ? 0 : 1);
}

static void block_signals(sigset_t *before)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, before);
}

static MicaStatus start_child(Batch *b, Child *child, const BatchItem *item, MicaError *error)
{
    int ends[2];
    if (pipe(ends) != 0)
        return report_fail_errno(error, errno);
    fflush(stdout);
    /* A signal between fork() and the handlers of the child must not run the parent's. */
    sigset_t before;
    block_signals(&before);
    const pid_t process = fork();
    if (process == 0) {
        files_handle_signals();
        sigprocmask(SIG_SETMASK, &before, NULL);
        close(ends[0]);
        close(signal_pipe[0]);
        close(signal_pipe[1]);
        child_main(b, item, ends[1]);
    }
    const int number = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (process < 0) {
        close(ends[0]);
        return report_fail_errno(error, number);
    }
    *child = (Child){.process = process, .pipe = ends[0], .item = item};
    return MICA_OK;
}

/* Take the result of a child that has ended or is about to. */
static void finish_child(Batch *b, Child *child)
{
    Outcome o;
    ssize_t got;
    do
        got = read(child->pipe, &o, sizeof o);
    while (got < 0 && errno == EINTR);
    close(child->pipe);
    int status = 0;
    while (waitpid(child->process, &status, 0) < 0 && errno == EINTR)
        ;
    const long process = child->process;
    child->process = 0;
    clear_progress(b);
    if (got != (ssize_t)sizeof o) {
        output_file_remove_left(child->item->output, process);
        MicaError error;
        memset(&o, 0, sizeof o);
        o.code = EXIT_FAILED;
        report_fail(&error, MICA_ERROR_INTERNAL, "the process ended by signal %d",
                    WIFSIGNALED(status) ? WTERMSIG(status) : 0);
        report_error(child->item->input, &error);
        snprintf(o.error, sizeof o.error, "%s", error.text);
    }
    if (o.code == EXIT_DONE) {
        b->done++;
        b->pixels += (double)o.width * o.height;
    } else {
        b->failed++;
        b->exit_code = EXIT_FAILED;
    }
    write_log(b, child->item, o.code == EXIT_DONE ? "done" : "failed", &o);
    show_progress(b);
}

/* Wait until a child has something to say; returns the number of a signal that came, or 0. */
static int wait_for_any(Batch *b)
{
    for (int i = 0; i < b->jobs; i++)
        b->waits[i] = (struct pollfd){.fd = b->children[i].process ? b->children[i].pipe : -1,
                                      .events = POLLIN};
    b->waits[b->jobs] = (struct pollfd){.fd = signal_pipe[0], .events = POLLIN};
    if (poll(b->waits, (nfds_t)b->jobs + 1, -1) < 0)
        return 0; /* interrupted: the next round finds the byte in the pipe */
    unsigned char number = 0;
    if (b->waits[b->jobs].revents && read(signal_pipe[0], &number, 1) == 1)
        return number;
    /* Ctrl-C ends the children as well; that is no failure of theirs. */
    struct pollfd again = {.fd = signal_pipe[0], .events = POLLIN};
    for (int i = 0; i < b->jobs; i++) {
        if (!b->waits[i].revents)
            continue;
        if (poll(&again, 1, 0) > 0 && read(signal_pipe[0], &number, 1) == 1)
            return number;
        finish_child(b, &b->children[i]);
    }
    return 0;
}

/* Start and finish all; returns the number of the signal that ended it early, or 0. */
static int run_all(Batch *b)
{
    size_t next = b->first;
    for (;;) {
        int running = 0, free_child = -1;
        for (int i = 0; i < b->jobs; i++) {
            running += b->children[i].process > 0;
            if (!b->children[i].process)
                free_child = i;
        }
        if (free_child >= 0 && next < b->list.count) {
            const BatchItem *const item = &b->list.items[next];
            if (is_done(b, item)) {
                next += b->step;
                b->skipped++;
                write_log(b, item, "skipped", &(Outcome){.code = EXIT_DONE});
                show_progress(b);
                continue;
            }
            MicaError error = {MICA_OK, ""};
            if (start_child(b, &b->children[free_child], item, &error) == MICA_OK) {
                next += b->step;
                continue;
            }
            /* Too many processes: go on with those that run, or give up. */
            if (!running) {
                b->exit_code = report_error(item->input, &error);
                return 0;
            }
        }
        if (!running)
            return 0;
        const int number = wait_for_any(b);
        if (number)
            return number;
    }
}

static void stop_children(Batch *b)
{
    for (int i = 0; i < b->jobs; i++)
        if (b->children[i].process)
            kill(b->children[i].process, SIGTERM);
    for (int i = 0; i < b->jobs; i++)
        if (b->children[i].process)
            while (waitpid(b->children[i].process, NULL, 0) < 0 && errno == EINTR)
                ;
}

static void handle_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action, old;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_signal;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
}

static int prepare(Batch *b, const char *const *paths)
{
    MicaError error = {MICA_OK, ""};
    struct stat info;
    const char *folder = b->options->output;
    if (stat(folder, &info) == 0 && !S_ISDIR(info.st_mode)) {
        report_fail_errno(&error, ENOTDIR);
        return report_error(folder, &error);
    }
    if (batch_list_make(&b->list, paths, folder, b->work, &error) != MICA_OK)
        return report_error(NULL, &error);
    if (b->options->log) {
        b->log = open(b->options->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (b->log < 0) {
            report_fail_errno(&error, errno);
            return report_error(b->options->log, &error);
        }
    }
    b->children = calloc((size_t)b->jobs, sizeof *b->children);
    b->waits = calloc((size_t)b->jobs + 1, sizeof *b->waits);
    if (!b->children || !b->waits || pipe(signal_pipe) != 0) {
        report_fail(&error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
        return report_error(NULL, &error);
    }
    handle_signals();
    return OPTIONS_CONTINUE;
}

int batch_run(const BatchOptions *options, const BatchWork *work, const char *const *paths)
{
    Batch b = {.options = options, .work = work, .step = 1, .jobs = options->jobs, .log = -1};
    if (b.jobs == 0) {
        const long processors = sysconf(_SC_NPROCESSORS_ONLN);
        b.jobs = processors < 1 ? 1 : processors > 256 ? 256 : (int)processors;
    }
    if (options->shard)
        parse_shard(options->shard, &b.first, &b.step);
    int code = prepare(&b, paths);
    int number = 0;
    if (code == OPTIONS_CONTINUE) {
        b.total = b.list.count > b.first ? (b.list.count - b.first + b.step - 1) / b.step : 0;
        b.progress = isatty(STDERR_FILENO);
        b.start = now();
        number = run_all(&b);
        stop_children(&b);
        clear_progress(&b);
        if (b.progress || work->verbose)
            report_note(options->output, "%zu done, %zu skipped, %zu failed of %zu, %.1f s", b.done,
                        b.skipped, b.failed, b.total, now() - b.start);
        code = b.exit_code;
    }
    if (b.log >= 0)
        close(b.log);
    free(b.children);
    free(b.waits);
    batch_list_free(&b.list);
    if (number) {
        signal(number, SIG_DFL);
        raise(number);
    }
    return code;
}
