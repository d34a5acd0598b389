#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tools/batch.h"
#include "tools/report.h"

static MicaStatus no_memory(MicaError *error)
{
    return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
}

/* "a/b", or "b" if there is no a. */
static char *join(const char *a, const char *b)
{
    const size_t length = a ? strlen(a) : 0;
    const bool slash = length && a[length - 1] != '/';
    char *const path = malloc(length + slash + strlen(b) + 1);
    if (path)
        sprintf(path, "%s%s%s", length ? a : "", slash ? "/" : "", b);
    return path;
}

/* The ending without its dot; empty if there is none. */
static const char *ending(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    return dot && dot[1] ? dot + 1 : path + strlen(path);
}

static bool has_ending(const char *name, const char *const *endings)
{
    for (; *endings; endings++)
        if (strcasecmp(ending(name), *endings) == 0)
            return true;
    return false;
}

/* Takes over `input` and `name`, the path that the output keeps. */
static MicaStatus add(BatchList *list, char *input, char *name, MicaError *error)
{
    if (input && name && list->count == list->capacity) {
        const size_t capacity = list->capacity ? 2 * list->capacity : 64;
        BatchItem *const items = realloc(list->items, capacity * sizeof *items);
        if (items) {
            list->items = items;
            list->capacity = capacity;
        }
    }
    if (!input || !name || list->count == list->capacity) {
        free(input);
        free(name);
        return no_memory(error);
    }
    list->items[list->count++] = (BatchItem){.input = input, .name = name};
    return MICA_OK;
}

static int no_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static MicaStatus add_folder(BatchList *list, const char *path, const char *name,
                             const BatchWork *work, MicaError *error);

static MicaStatus add_entry(BatchList *list, const char *folder, const char *folder_name,
                            const char *entry, const BatchWork *work, MicaError *error)
{
    char *const path = join(folder, entry), *const name = join(folder_name, entry);
    if (!path || !name) {
        free(path);
        free(name);
        return no_memory(error);
    }
    struct stat info;
    MicaStatus status = MICA_OK;
    /* Links to folders are not followed: they may lead round in circles. */
    if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode))
        status = add_folder(list, path, name, work, error);
    else if (has_ending(entry, work->endings) && stat(path, &info) == 0 && S_ISREG(info.st_mode))
        return add(list, path, name, error);
    free(path);
    free(name);
    return status;
}

static MicaStatus add_folder(BatchList *list, const char *path, const char *name,
                             const BatchWork *work, MicaError *error)
{
    struct dirent **entries;
    const int count = scandir(path, &entries, no_hidden, NULL);
    if (count < 0)
        return report_fail(error, MICA_ERROR_IO, "%.200s: %s", path, strerror(errno));
    MicaStatus status = MICA_OK;
    for (int i = 0; i < count; i++) {
        if (status == MICA_OK)
            status = add_entry(list, path, name, entries[i]->d_name, work, error);
        free(entries[i]);
    }
    free(entries);
    return status;
}

/* The last part of a path, as a new string; empty for "/", "." and "..". */
static char *last_part(const char *path)
{
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    if (end - start <= 2 && strspn(path + start, ".") >= end - start)
        start = end;
    char *const part = malloc(end - start + 1);
    if (part) {
        memcpy(part, path + start, end - start);
        part[end - start] = 0;
    }
    return part;
}

static MicaStatus add_argument(BatchList *list, const char *path, bool several,
                               const BatchWork *work, MicaError *error)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return report_fail(error, MICA_ERROR_IO, "%.200s: %s", path, strerror(errno));
    char *name = last_part(path);
    if (!S_ISDIR(info.st_mode))
        return add(list, join(NULL, path), name, error);
    /* Several folders must not fall into one. */
    if (name && !several)
        *name = 0;
    const MicaStatus status = name ? add_folder(list, path, name, work, error) : no_memory(error);
    free(name);
    return status;
}

static int by_output(const void *a, const void *b)
{
    return strcmp(((const BatchItem *)a)->output, ((const BatchItem *)b)->output);
}

static int by_output_and_input(const void *a, const void *b)
{
    const int order = by_output(a, b);
    return order ? order : strcmp(((const BatchItem *)a)->input, ((const BatchItem *)b)->input);
}

/* Sort, and mark the items that have the same output as another. */
static bool mark_clashes(BatchList *list)
{
    bool any = false;
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, by_output_and_input);
    for (size_t i = 0; i < list->count; i++) {
        const bool before = i > 0 && by_output(&list->items[i - 1], &list->items[i]) == 0;
        const bool after =
            i + 1 < list->count && by_output(&list->items[i], &list->items[i + 1]) == 0;
        list->items[i].clash = before || after;
        any |= before || after;
    }
    return any;
}

/* The output for a name: ".mica" in the place of the ending or, with `keep`, after it. */
static MicaStatus set_output(BatchItem *item, const char *folder, const BatchWork *work, bool keep,
                             MicaError *error)
{
    free(item->output);
    item->output = join(folder, item->name);
    const size_t room = strlen(work->output_ending) + 2;
    char *const longer = item->output ? realloc(item->output, strlen(item->output) + room) : NULL;
    if (!longer)
        return no_memory(error);
    item->output = longer;
    char *const old = longer + strlen(longer) - strlen(ending(longer));
    char *const end = keep || !*old ? longer + strlen(longer) : old - 1;
    snprintf(end, room, ".%s", work->output_ending);
    return MICA_OK;
}

/* Give every item its output. Which of them clash depends on the whole list, never on the shard. */
static MicaStatus name_outputs(BatchList *list, const char *folder, const BatchWork *work,
                               MicaError *error)
{
    MicaStatus status = MICA_OK;
    for (size_t i = 0; i < list->count && status == MICA_OK; i++)
        status = set_output(&list->items[i], folder, work, false, error);
    if (status != MICA_OK || !mark_clashes(list))
        return status;
    for (size_t i = 0; i < list->count && status == MICA_OK; i++)
        if (list->items[i].clash)
            status = set_output(&list->items[i], folder, work, true, error);
    if (status != MICA_OK || !mark_clashes(list))
        return status;
    for (const BatchItem *item = list->items;; item++)
        if (item->clash)
            return report_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                               "%.100s would be written from two inputs, %.100s is one",
                               item->output, item->input);
}

MicaStatus batch_list_make(BatchList *list, const char *const *paths, const char *output_folder,
                           const BatchWork *work, MicaError *error)
{
    memset(list, 0, sizeof *list);
    MicaStatus status = MICA_OK;
    for (const char *const *path = paths; *path && status == MICA_OK; path++)
        status = add_argument(list, *path, paths[1] != NULL, work, error);
    if (status == MICA_OK && list->count == 0)
        status = report_fail(error, MICA_ERROR_IO, "no files to %s", work->command);
    if (status == MICA_OK)
        status = name_outputs(list, output_folder, work, error);
    if (status != MICA_OK)
        batch_list_free(list);
    return status;
}

void batch_list_free(BatchList *list)
{
    for (size_t i = 0; i < list->count; i++) {
        free(list->items[i].input);
        free(list->items[i].name);
        free(list->items[i].output);
    }
    free(list->items);
    memset(list, 0, sizeof *list);
}

MicaStatus batch_make_folders(const char *file, MicaError *error)
{
    char *const path = join(NULL, file);
    if (!path)
        return no_memory(error);
    MicaStatus status = MICA_OK;
    for (char *slash = strchr(path + 1, '/'); slash && status == MICA_OK;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        /* Another process may be making it as well. */
        if (mkdir(path, 0777) != 0 && errno != EEXIST)
            status = report_fail(error, MICA_ERROR_IO, "%.200s: %s", path, strerror(errno));
        *slash = '/';
    }
    free(path);
    return status;
}
