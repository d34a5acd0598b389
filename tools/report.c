#include "tools/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Long enough for any path that can be opened (PATH_MAX is 4096) and a reason. */
#define LINE_SIZE 6144

const char *report_input_name(const char *file)
{
    return strcmp(file, "-") == 0 ? "standard input" : file;
}

const char *report_output_name(const char *file)
{
    return strcmp(file, "-") == 0 ? "standard output" : file;
}

/* One write for the whole line: lines of several processes that share stderr do not mix. */
static void print_line(const char *file, const char *text)
{
    char line[LINE_SIZE];
    if (file)
        snprintf(line, sizeof line - 1, "mica: %s: %s", file, text);
    else
        snprintf(line, sizeof line - 1, "mica: %s", text);
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < 32 || *p == 127)
            *p = '?';
    strcat(line, "\n");
    fflush(stdout);
    fputs(line, stderr);
}

static char last[sizeof((MicaError *)0)->text];

int report_error(const char *file, const MicaError *error)
{
    snprintf(last, sizeof last, "%s",
             error->text[0] ? error->text : mica_status_string(error->status));
    print_line(file, last);
    return EXIT_FAILED;
}

const char *report_last(void)
{
    return last;
}

int report_usage(const char *command, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < sizeof text)
        snprintf(text + length, sizeof text - (size_t)length, " (see 'mica %s%s--help')",
                 command ? command : "", command ? " " : "");
    print_line(command, text);
    return EXIT_USAGE;
}

void report_note(const char *file, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    print_line(file, text);
}

MicaStatus report_fail(MicaError *error, MicaStatus status, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
        error->status = status;
    }
    return status;
}

MicaStatus report_fail_errno(MicaError *error, int number)
{
    return report_fail(error, MICA_ERROR_IO, "%s", strerror(number));
}
