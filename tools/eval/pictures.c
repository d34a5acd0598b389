#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tools/eval/eval.h"
#include "tools/files.h"
#include "tools/input/reader.h"
#include "tools/report.h"

static MicaStatus add_picture(Eval *eval, const char *folder, const char *name, MicaError *error)
{
    EvalPicture *const pictures =
        realloc(eval->pictures, (size_t)(eval->picture_count + 1) * sizeof *pictures);
    const size_t size = (folder ? strlen(folder) + 1 : 0) + strlen(name) + 1;
    char *const path = malloc(size);
    if (pictures)
        eval->pictures = pictures;
    if (!pictures || !path) {
        free(path);
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    }
    snprintf(path, size, "%s%s%s", folder ? folder : "", folder ? "/" : "", name);
    EvalPicture *const picture = &pictures[eval->picture_count++];
    picture->path = path;

    FileBytes bytes;
    const MicaStatus status = files_read(&bytes, path, error);
    if (status != MICA_OK)
        return status;
    picture->hash = hash_bytes(HASH_START, bytes.data, bytes.size);
    const bool known = input_probe(bytes.data, bytes.size, error) != NULL;
    files_free(&bytes);
    return known ? MICA_OK : MICA_ERROR_BITSTREAM;
}

static int is_picture(const struct dirent *entry)
{
    static const char *const endings[] = {"png", "jpg", "jpeg", "ppm", "pgm", "pnm", "pam"};
    const char *dot = strrchr(entry->d_name, '.');
    for (size_t i = 0; dot && entry->d_name[0] != '.' && i < sizeof endings / sizeof endings[0];
         i++)
        if (strcasecmp(dot + 1, endings[i]) == 0)
            return 1;
    return 0;
}

static MicaStatus add_folder(Eval *eval, const char *path, MicaError *error)
{
    struct dirent **entries;
    const int count = scandir(path, &entries, is_picture, alphasort);
    if (count < 0)
        return report_fail_errno(error, errno);
    MicaStatus status =
        count ? MICA_OK : report_fail(error, MICA_ERROR_IO, "the folder has no pictures");
    for (int i = 0; i < count; i++) {
        if (status == MICA_OK) {
            MicaError reason = {MICA_OK, ""};
            status = add_picture(eval, path, entries[i]->d_name, &reason);
            if (status != MICA_OK)
                report_fail(error, status, "%.80s: %.160s", entries[i]->d_name, reason.text);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

MicaStatus eval_find_pictures(Eval *eval, const char *const *paths, MicaError *error)
{
    MicaStatus status = MICA_OK;
    for (; *paths && status == MICA_OK; paths++) {
        MicaError reason = {MICA_OK, ""};
        struct stat info;
        status = stat(*paths, &info) == 0 && S_ISDIR(info.st_mode)
                     ? add_folder(eval, *paths, &reason)
                     : add_picture(eval, NULL, *paths, &reason);
        if (status != MICA_OK)
            report_fail(error, status, "%.80s: %.160s", *paths, reason.text);
    }
    return status;
}

MicaStatus eval_read_picture(const char *path, MicaImage *image, MicaError *error)
{
    FileBytes bytes;
    MicaStatus status = files_read(&bytes, path, error);
    if (status != MICA_OK)
        return status;
    const ReadOptions options = {.file = path, .depth8 = true};
    status = input_read(bytes.data, bytes.size, &options, image, error);
    files_free(&bytes);
    return status;
}

MicaStatus eval_make_tasks(Eval *eval, const double *qualities, int quality_count, MicaError *error)
{
    const size_t most = (size_t)eval->picture_count * (size_t)eval->codec_count * BD_MAX_POINTS;
    eval->tasks = calloc(most, sizeof *eval->tasks);
    if (!eval->tasks)
        return report_fail(error, MICA_ERROR_OUT_OF_MEMORY, "out of memory");
    for (int c = 0; c < eval->codec_count; c++) {
        const double *list = qualities ? qualities : eval->codecs[c].codec->qualities;
        for (int q = 0; quality_count ? q < quality_count : list[q] >= 0; q++) {
            const uint64_t fingerprint = codec_fingerprint(&eval->codecs[c], list[q]);
            for (int p = 0; p < eval->picture_count; p++) {
                EvalTask *const task = &eval->tasks[eval->task_count++];
                task->picture = p;
                task->codec = c;
                task->quality = list[q];
                task->fingerprint = fingerprint;
            }
        }
    }
    return MICA_OK;
}

void eval_free(Eval *eval)
{
    for (int i = 0; i < eval->picture_count; i++)
        free(eval->pictures[i].path);
    free(eval->pictures);
    free(eval->tasks);
    free(eval->codecs);
    memset(eval, 0, sizeof *eval);
}
