/*
 * Many files at once: the options, list and workers of "mica encode DIR... -o OUTDIR" and of
 * decode.
 *
 * One process per picture: a crash or lack of memory is a failure of that picture only, and each
 * process removes its own temporary file when a signal ends it. The parent starts them, counts,
 * writes the log and goes on after failures.
 */
#ifndef MICA_TOOLS_BATCH_H
#define MICA_TOOLS_BATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "mica/image.h"
#include "tools/options.h"

typedef struct BatchOptions {
    const char *output; /* folder; NULL: not a batch */
    const char *log;    /* file for JSON lines, or NULL */
    const char *shard;  /* "I/N" or NULL */
    int jobs;           /* processes; 0: one per processor */
    bool resume;        /* skip outputs that are there and whole */
} BatchOptions;

#define OPTIONS_BATCH(batch)                                                                       \
    {                                                                                              \
        "output",                                                                                  \
        'o',                                                                                       \
        OPTION_STRING,                                                                             \
        &(batch).output,                                                                           \
        0,                                                                                         \
        0,                                                                                         \
        "DIR",                                                                                     \
        "write there: all arguments are then files or folders to read"},                           \
        {"jobs",     'j',                                                                          \
         OPTION_INT, &(batch).jobs,                                                                \
         0,          256,                                                                          \
         "N",        "with -o: pictures at the same time; 0: one per processor (default)"},        \
        {"resume",    0,                                                                           \
         OPTION_FLAG, &(batch).resume,                                                             \
         0,           0,                                                                           \
         NULL,        "with -o: skip what is done already, whole and newer than its input"},       \
        {"shard", 0, OPTION_STRING, &(batch).shard,                                                \
         0,       0, "I/N",         "with -o: only the I-th of N parts of the list, I = 1..N"},    \
    {                                                                                              \
        "log", 0, OPTION_STRING, &(batch).log, 0, 0, "FILE",                                       \
            "with -o: append one line of JSON for every picture"                                   \
    }

/* What a command does with one file. */
typedef struct BatchWork {
    const char *command;
    /* Endings of files to take from folders, without the dot; ends with NULL. */
    const char *const *endings;
    const char *output_ending; /* replaces that of the input */
    bool writes_mica;          /* the outputs are the mica files, otherwise the inputs */
    /* Do the work of one file and report what goes wrong; returns the exit code. *width and *height
     * are filled if they are known. */
    int (*run)(void *context, const char *input, const char *output, int *width, int *height);
    /* Is this file a whole output? */
    bool (*is_whole)(const char *output);
    void *context;
    bool verbose;
} BatchWork;

/* Check the options and number of arguments: OPTIONS_CONTINUE, or the exit code after a message.
 * Without --output there must be min..max arguments. */
int batch_check(const BatchOptions *options, const char *command, const char *const *arguments,
                int min, int max);

/* Run; `paths` ends with NULL. Returns the exit code. */
int batch_run(const BatchOptions *options, const BatchWork *work, const char *const *paths);

/* One file of a batch. */
typedef struct BatchItem {
    char *input;  /* path */
    char *name;   /* below the folder that was named */
    char *output; /* path */
    bool clash;   /* another input has the same output */
} BatchItem;

typedef struct BatchList {
    BatchItem *items;
    size_t count, capacity;
} BatchList;

/* Find the files, sorted, with a name for the output of each. Folders are searched with all that is
 * in them and keep their structure. Two inputs that differ in nothing but the ending keep it:
 * a.png.mica, a.jpg.mica. */
MicaStatus batch_list_make(BatchList *list, const char *const *paths, const char *output_folder,
                           const BatchWork *work, MicaError *error);
void batch_list_free(BatchList *list);

/* Make the folders that lead to a file. */
MicaStatus batch_make_folders(const char *file, MicaError *error);

#endif
