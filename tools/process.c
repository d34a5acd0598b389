#include "tools/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/report.h"

static bool is_program(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) && access(path, X_OK) == 0;
}

bool process_find(const char *name, char *path, size_t size)
{
    if (strchr(name, '/'))
        return (size_t)snprintf(path, size, "%s", name) < size && is_program(path);
    const char *folders = getenv("PATH");
    while (folders && *folders) {
        const size_t length = strcspn(folders, ":");
        if (length > 0 &&
            (size_t)snprintf(path, size, "%.*s/%s", (int)length, folders, name) < size &&
            is_program(path))
            return true;
        folders += length + (folders[length] == ':');
    }
    return false;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double children_cpu(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_CHILDREN, &usage) != 0)
        return 0;
    const struct timeval *user = &usage.ru_utime, *system = &usage.ru_stime;
    return (double)(user->tv_sec + system->tv_sec) * 1e3 +
           (double)(user->tv_usec + system->tv_usec) / 1e3;
}

/* The last line of the log that is not empty, for people. */
static void last_line(const char *log, char *text, size_t size)
{
    char line[200];
    text[0] = 0;
    FILE *stream = fopen(log, "r");
    if (!stream)
        return;
    while (fgets(line, sizeof line, stream)) {
        line[strcspn(line, "\r\n")] = 0;
        if (line[0])
            snprintf(text, size, "%.150s", line);
    }
    fclose(stream);
}

static void held_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

void process_hold_signals(sigset_t *before)
{
    sigset_t set;
    held_signals(&set);
    sigprocmask(SIG_BLOCK, &set, before);
}

void process_release_signals(const sigset_t *before)
{
    sigprocmask(SIG_SETMASK, before, NULL);
}

/* In the new process. */
static _Noreturn void become(const char *const argv[], const char *log)
{
    sigset_t set;
    held_signals(&set);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    const int in = open("/dev/null", O_RDONLY);
    const int out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
        _exit(126);
    /* execv() changes neither the array nor the strings. */
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

MicaStatus process_run(const char *const argv[], const char *log, ProcessTime *time,
                       MicaError *error)
{
    const double start = now(), cpu_start = children_cpu();
    const pid_t child = fork();
    if (child < 0)
        return report_fail_errno(error, errno);
    if (child == 0)
        become(argv, log);
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return report_fail_errno(error, errno);
    time->wall_ms = now() - start;
    time->cpu_ms = children_cpu() - cpu_start;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return MICA_OK;
    char text[160];
    last_line(log, text, sizeof text);
    const char *name = strrchr(argv[0], '/');
    name = name ? name + 1 : argv[0];
    if (WIFSIGNALED(status))
        return report_fail(error, MICA_ERROR_IO, "%.40s: signal %d: %s", name, WTERMSIG(status),
                           text);
    return report_fail(error, MICA_ERROR_IO, "%.40s: exit code %d: %s", name, WEXITSTATUS(status),
                       text);
}

long process_peak_memory(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_CHILDREN, &usage) == 0 ? usage.ru_maxrss : 0;
}

MicaStatus process_make_folder(char **path, MicaError *error)
{
    const char *base = getenv("TMPDIR");
    if (!base || base[0] != '/')
        base = "/tmp";
    const size_t size = strlen(base) + sizeof "/mica-eval-XXXXXX";
    *path = malloc(size);
    if (!*path)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    snprintf(*path, size, "%s/mica-eval-XXXXXX", base);
    if (mkdtemp(*path))
        return MICA_OK;
    const int number = errno;
    free(*path);
    *path = NULL;
    return report_fail_errno(error, number);
}

void process_remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    closedir(folder);
    rmdir(path);
}
