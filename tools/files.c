#include "tools/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/report.h"

#define MAX_INPUT ((size_t)1 << 31) /* 2 GiB */
#define FIRST_BLOCK 65536

/* The temporary file for the signal handler; fixed memory, since it may run in any thread at any
 * time. */
static char pending_path[4096];
static volatile sig_atomic_t pending;

static void remove_pending(int number)
{
    if (pending)
        unlink(pending_path);
    /* The handler was reset on entry (SA_RESETHAND): once it returns, the signal ends the process
     * as it would have. */
    raise(number);
}

void files_handle_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action, old;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = remove_pending;
    action.sa_flags = (int)SA_RESETHAND;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        /* What the caller wants ignored (nohup) stays ignored. */
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    action.sa_flags = 0;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
}

/* Hold the signals back while the file system and `pending` change together. */
static void block_signals(sigset_t *old)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, old);
}

static void restore_signals(const sigset_t *old)
{
    sigprocmask(SIG_SETMASK, old, NULL);
}

static MicaStatus read_all(FileBytes *bytes, int fd, size_t expected, MicaError *error)
{
    /* One byte more than expected: the read that finds the end needs room. */
    size_t capacity = expected < MAX_INPUT ? expected + 1 : MAX_INPUT + 1;
    if (capacity < FIRST_BLOCK)
        capacity = FIRST_BLOCK;
    bytes->data = malloc(capacity);
    if (!bytes->data)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    for (;;) {
        const ssize_t got = read(fd, bytes->data + bytes->size, capacity - bytes->size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return report_fail_errno(error, errno);
        if (got == 0)
            break;
        bytes->size += (size_t)got;
        if (bytes->size > MAX_INPUT)
            return report_fail(error, MICA_ERROR_LIMIT, "larger than 2 GiB");
        if (bytes->size == capacity) {
            capacity = capacity < MAX_INPUT / 2 ? 2 * capacity : MAX_INPUT + 1;
            uint8_t *const larger = realloc(bytes->data, capacity);
            if (!larger)
                return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
            bytes->data = larger;
        }
    }
    if (bytes->size == 0)
        return report_fail(error, MICA_ERROR_BITSTREAM, "the file is empty");
    uint8_t *const exact = realloc(bytes->data, bytes->size);
    if (exact)
        bytes->data = exact;
    return MICA_OK;
}

MicaStatus files_read(FileBytes *bytes, const char *name, MicaError *error)
{
    memset(bytes, 0, sizeof *bytes);
    const bool standard = strcmp(name, "-") == 0;
    const int fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return report_fail_errno(error, errno);

    MicaStatus status;
    struct stat info;
    if (fstat(fd, &info) != 0) {
        status = report_fail_errno(error, errno);
    } else if (S_ISDIR(info.st_mode)) {
        status = report_fail_errno(error, EISDIR);
    } else {
        bytes->regular = S_ISREG(info.st_mode);
        bytes->device = info.st_dev;
        bytes->inode = info.st_ino;
        size_t expected = 0;
        if (bytes->regular && info.st_size > 0)
            expected = (uintmax_t)info.st_size > MAX_INPUT ? MAX_INPUT + 1 : (size_t)info.st_size;
        if (expected > MAX_INPUT)
            status = report_fail(error, MICA_ERROR_LIMIT, "larger than 2 GiB");
        else
            status = read_all(bytes, fd, expected, error);
    }
    if (!standard)
        close(fd);
    if (status != MICA_OK)
        files_free(bytes);
    return status;
}

void files_free(FileBytes *bytes)
{
    free(bytes->data);
    bytes->data = NULL;
    bytes->size = 0;
}

static char *copy_text(const char *text)
{
    char *const copy = malloc(strlen(text) + 1);
    return copy ? strcpy(copy, text) : NULL;
}

#define TEMPORARY "%.*s.mica-%ld-%d.tmp"
#define TEMPORARY_ATTEMPTS 100

/* Create a file under a new name in the folder of `path`, with the permissions that the final file
 * is to have. */
static MicaStatus open_temporary(OutputFile *out, const char *path, const struct stat *existing,
                                 MicaError *error)
{
    const char *slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    const size_t size = folder + 64;
    if (size > sizeof pending_path)
        return report_fail_errno(error, ENAMETOOLONG);
    out->temporary = malloc(size);
    out->path = copy_text(path);
    if (!out->temporary || !out->path)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");

    sigset_t old;
    block_signals(&old);
    int fd = -1;
    for (int attempt = 0; attempt < TEMPORARY_ATTEMPTS && fd < 0; attempt++) {
        snprintf(out->temporary, size, TEMPORARY, (int)folder, path, (long)getpid(), attempt);
        fd = open(out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    const int number = errno;
    if (fd >= 0) {
        strcpy(pending_path, out->temporary);
        pending = 1;
    }
    restore_signals(&old);
    if (fd < 0) {
        free(out->temporary); /* it may be somebody else's: not to be removed */
        out->temporary = NULL;
        return report_fail_errno(error, number);
    }

    /* A replaced file keeps its permissions; where the file system has none, that is no failure. */
    if (existing && fchmod(fd, existing->st_mode & 0777) != 0)
        errno = 0;
    out->stream = fdopen(fd, "wb");
    if (!out->stream) {
        const int fdopen_errno = errno;
        close(fd);
        return report_fail_errno(error, fdopen_errno);
    }
    return MICA_OK;
}

static bool is_input(const struct stat *info, const FileBytes *input)
{
    return input && input->regular && S_ISREG(info->st_mode) && input->device == info->st_dev &&
           input->inode == info->st_ino;
}

bool files_is_input(const char *name, const FileBytes *input)
{
    struct stat info;
    const bool found =
        strcmp(name, "-") == 0 ? fstat(STDOUT_FILENO, &info) == 0 : stat(name, &info) == 0;
    return found && is_input(&info, input);
}

static MicaStatus open_standard(OutputFile *out, const FileBytes *input, MicaError *error)
{
    struct stat info;
    if (fstat(STDOUT_FILENO, &info) == 0 && is_input(&info, input))
        return report_fail(error, MICA_ERROR_INVALID_ARGUMENT, "is the input file as well");
    out->stream = stdout;
    return MICA_OK;
}

static MicaStatus open_named(OutputFile *out, const char *name, const FileBytes *input,
                             MicaError *error)
{
    struct stat info;
    if (!*name)
        return report_fail_errno(error, ENOENT);
    if (stat(name, &info) != 0) {
        if (errno != ENOENT)
            return report_fail_errno(error, errno);
        if (lstat(name, &info) == 0)
            return report_fail(error, MICA_ERROR_IO, "is a link to a file that does not exist");
        return open_temporary(out, name, NULL, error);
    }
    if (S_ISDIR(info.st_mode))
        return report_fail_errno(error, EISDIR);
    if (!S_ISREG(info.st_mode)) {
        const int fd = open(name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
            return report_fail_errno(error, errno);
        out->stream = fdopen(fd, "wb");
        if (!out->stream)
            close(fd);
        return out->stream ? MICA_OK : report_fail_errno(error, errno);
    }
    if (is_input(&info, input))
        return report_fail(error, MICA_ERROR_INVALID_ARGUMENT, "is the input file as well");
    /* rename() would replace even a file that is protected against writing. */
    if (access(name, W_OK) != 0)
        return report_fail_errno(error, errno);
    /* Through a link, the file behind it is replaced, not the link. */
    char *const real = realpath(name, NULL);
    if (!real)
        return report_fail_errno(error, errno);
    const MicaStatus status = open_temporary(out, real, &info, error);
    free(real);
    return status;
}

MicaStatus output_file_open(OutputFile *out, const char *name, const FileBytes *input, bool binary,
                            MicaError *error)
{
    memset(out, 0, sizeof *out);
    MicaStatus status = strcmp(name, "-") == 0 ? open_standard(out, input, error)
                                               : open_named(out, name, input, error);
    if (status == MICA_OK && binary && isatty(fileno(out->stream)))
        status = report_fail(error, MICA_ERROR_IO, "is a terminal, no place for binary data");
    if (status != MICA_OK)
        output_file_discard(out);
    return status;
}

bool output_file_write(OutputFile *out, const void *data, size_t size)
{
    if (!out->error && size && fwrite(data, 1, size, out->stream) != size)
        out->error = errno ? errno : EIO;
    return !out->error;
}

/* Flush and close; the first error of all is what counts. */
static void close_stream(OutputFile *out)
{
    if (!out->stream)
        return;
    const int result = out->stream == stdout ? fflush(stdout) : fclose(out->stream);
    if (result != 0 && !out->error)
        out->error = errno ? errno : EIO;
    out->stream = NULL;
}

MicaStatus output_file_commit(OutputFile *out, MicaError *error)
{
    close_stream(out);
    if (!out->error && out->temporary) {
        sigset_t old;
        block_signals(&old);
        if (rename(out->temporary, out->path) == 0) {
            pending = 0;
            free(out->temporary);
            out->temporary = NULL;
        } else {
            out->error = errno;
        }
        restore_signals(&old);
    }
    const int number = out->error;
    output_file_discard(out);
    return number ? report_fail_errno(error, number) : MICA_OK;
}

void output_file_discard(OutputFile *out)
{
    close_stream(out);
    if (out->temporary) {
        unlink(out->temporary);
        pending = 0;
    }
    free(out->temporary);
    free(out->path);
    memset(out, 0, sizeof *out);
}

void output_file_remove_left(const char *name, long process)
{
    const char *slash = strrchr(name, '/');
    const int folder = slash ? (int)(slash - name) + 1 : 0;
    char path[sizeof pending_path];
    /* The first name is free but for files that a process of the same number left before. */
    for (int attempt = 0; attempt < TEMPORARY_ATTEMPTS; attempt++)
        if ((size_t)snprintf(path, sizeof path, TEMPORARY, folder, name, process, attempt) >=
                sizeof path ||
            unlink(path) != 0)
            return;
}
