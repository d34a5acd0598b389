/*
 * Reading whole files and writing them all or nothing.
 *
 * An output file is written under a temporary name in the folder where it is to be and renamed at
 * the end, so that a failure, a signal or a full disk leaves neither half a file nor a damaged
 * older one. Devices and pipes are written in place. One output can be open at a time, because the
 * signal handlers know one temporary file.
 */
#ifndef MICA_TOOLS_FILES_H
#define MICA_TOOLS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "mica/status.h"

/* A file in memory. The block is exactly `size` bytes long, so that a checker sees every read past
 * its end. */
typedef struct FileBytes {
    uint8_t *data;
    size_t size;
    bool regular; /* an ordinary file, identified by: */
    dev_t device;
    ino_t inode;
} FileBytes;

/* Read a file, or standard input for "-"; at most 2 GiB. */
MicaStatus files_read(FileBytes *bytes, const char *name, MicaError *error);

void files_free(FileBytes *bytes);

/* Whether `name` ("-": standard output) is the ordinary file that was read. */
bool files_is_input(const char *name, const FileBytes *input);

typedef struct OutputFile {
    FILE *stream;
    char *path;      /* where the file will be, NULL if it is written in place */
    char *temporary; /* where it is until then */
    int error;       /* errno of the first write that failed */
} OutputFile;

/* Start to write a file, or standard output for "-". Refuses to overwrite `input` (which may be
 * NULL) and to write binary data to a terminal. */
MicaStatus output_file_open(OutputFile *out, const char *name, const FileBytes *input, bool binary,
                            MicaError *error);

/* False after the first failure; output_file_commit() then says what it was. */
bool output_file_write(OutputFile *out, const void *data, size_t size);

/* Finish: the file appears under its name, or, on failure, nothing does. The output is closed
 * either way. */
MicaStatus output_file_commit(OutputFile *out, MicaError *error);

/* Drop what was written. Zeroed and closed outputs are fine. */
void output_file_discard(OutputFile *out);

/* Remove what another process that was killed while it wrote `name` has left. */
void output_file_remove_left(const char *name, long process);

/* Have SIGINT, SIGTERM and SIGHUP remove the temporary file before they end the process, and broken
 * pipes and file size limits show up as write errors. */
void files_handle_signals(void);

#endif
