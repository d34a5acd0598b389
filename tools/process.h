/* Running other programs, without a shell in between. */
#ifndef MICA_TOOLS_PROCESS_H
#define MICA_TOOLS_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "mica/status.h"

/* The path of a program: `name` itself if it has a slash, otherwise looked for in PATH. */
bool process_find(const char *name, char *path, size_t size);

typedef struct ProcessTime {
    double wall_ms;
    double cpu_ms; /* of all its threads, in the program and in the system for it */
} ProcessTime;

/* Run argv[0] (a path) to its end. Its output goes to the file `log`. Fills in the times. Fails
 * unless the program ends with exit code 0; *error then has the last line of its output. */
MicaStatus process_run(const char *const argv[], const char *log, ProcessTime *time,
                       MicaError *error);

/* The most memory that one of the programs run by this process so far had at once, in KiB. */
long process_peak_memory(void);

/* Between these two, SIGINT, SIGTERM and SIGHUP reach the programs that are run, but this process
 * only afterwards, when it has tidied up. */
void process_hold_signals(sigset_t *before);
void process_release_signals(const sigset_t *before);

/* Make a folder that only this user can read, in TMPDIR or /tmp; *path is to be freed. */
MicaStatus process_make_folder(char **path, MicaError *error);

/* Delete the folder and the files in it. */
void process_remove_folder(const char *path);

#endif
