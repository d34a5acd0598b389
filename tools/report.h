/*
 * Messages of the command: one line each on stderr, "mica: FILE: reason".
 *
 * Functions that can fail fill the MicaError of their caller and return its status; only the
 * command that started the work prints it. Control characters in names and reasons are shown as
 * '?', so that one error stays one line.
 */
#ifndef MICA_TOOLS_REPORT_H
#define MICA_TOOLS_REPORT_H

#include "mica/status.h"

#ifdef __GNUC__
#define TOOL_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define TOOL_PRINTF(text, first)
#endif

/* Exit codes of the command. */
#define EXIT_DONE 0
#define EXIT_FAILED 1
#define EXIT_USAGE 2
#define EXIT_DAMAGED 3 /* done, but a part of the input was lost (--best-effort) */

/* What to call a file argument in a message: "-" is standard input or standard output. */
const char *report_input_name(const char *file);
const char *report_output_name(const char *file);

/* Print an error about a file; returns EXIT_FAILED. */
int report_error(const char *file, const MicaError *error);

/* The reason in the last line that report_error() printed, for logs; empty if there was none. */
const char *report_last(void);

/* Print a usage error of a command (NULL: of mica itself) with a hint at its help; returns
 * EXIT_USAGE. */
int report_usage(const char *command, const char *format, ...) TOOL_PRINTF(2, 3);

/* Print a line that is no error (--verbose). */
void report_note(const char *file, const char *format, ...) TOOL_PRINTF(2, 3);

/* Fill *error (which may be NULL) and return the status. */
MicaStatus report_fail(MicaError *error, MicaStatus status, const char *format, ...)
    TOOL_PRINTF(3, 4);

/* MICA_ERROR_IO with the text of an errno value. */
MicaStatus report_fail_errno(MicaError *error, int number);

#endif
