#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mica/codec.h"
#include "tools/commands.h"
#include "tools/files.h"
#include "tools/options.h"
#include "tools/options_help.h"
#include "tools/report.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
#ifdef MICA_HAVE_ENCODER
    {"encode", cmd_encode, "encode a picture"},
#endif
    {"decode", cmd_decode, "decode a picture"},
    {"info", cmd_info, "show what a mica file holds"},
    {"compare", cmd_compare, "measure how far two pictures are apart"},
    {"model", cmd_model, "list, describe and check models"},
#ifdef MICA_HAVE_ENCODER
    {"eval", cmd_eval, "compare size, quality and speed with other codecs"},
    {"bench", cmd_bench, "measure the speed of every stage"},
#endif
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

/* For programs too: mica --help=bash prints a completion script, made from the option tables of all
 * commands. */
static int print_help(const char *format)
{
    CommandSummary summaries[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        summaries[i] = (CommandSummary){commands[i].name, commands[i].summary};
    int code = options_print_start(summaries, COMMAND_COUNT, format);
    if (code != OPTIONS_CONTINUE)
        return code;
    char option[32];
    snprintf(option, sizeof option, "--help=%s", format);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s", commands[i].name);
        code = commands[i].run(2, (char *[]){name, option, NULL});
        if (code != EXIT_DONE)
            return code;
    }
    options_print_end(format);
    return EXIT_DONE;
}

static int print_version(void)
{
    char flags[128];
    mica_cpu_flags_text(mica_cpu_flags(), flags, sizeof flags);
    printf("mica %s\ninstruction sets: %s\n", mica_version(), flags);
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    if (argc < 2)
        return report_usage(NULL, "a command is missing");
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0)
        return print_help("text");
    if (strncmp(word, "--help=", 7) == 0)
        return print_help(word + 7);
    if (strcmp(word, "--version") == 0)
        return print_version();

    const char *names[COMMAND_COUNT + 1] = {NULL};
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(word, commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
        names[i] = commands[i].name;
    }
    const char *kind = word[0] == '-' ? "option" : "command";
    const char *similar = options_similar(word, names);
    if (similar)
        return report_usage(NULL, "unknown %s '%s', did you mean '%s'?", kind, word, similar);
    return report_usage(NULL, "unknown %s '%s'", kind, word);
}

/* Where a standard stream is closed, the next file opened would take its number and, for example,
 * receive the error messages. */
static void occupy_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) != fd)
            _exit(EXIT_FAILED);
}

int main(int argc, char **argv)
{
    occupy_standard_streams();
    files_handle_signals();
    int code = run(argc, argv);
    const int failed = ferror(stdout);
    errno = 0;
    if ((fclose(stdout) != 0 || failed) && code == EXIT_DONE) {
        MicaError error;
        report_fail_errno(&error, errno ? errno : EIO);
        code = report_error(report_output_name("-"), &error);
    }
    return code;
}
