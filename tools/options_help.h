/*
 * The option tables as text for people and programs: help, manual page, shell completion. All come
 * from the same tables as the parser, so they cannot disagree with it.
 */
#ifndef MICA_TOOLS_OPTIONS_HELP_H
#define MICA_TOOLS_OPTIONS_HELP_H

#include "tools/options.h"

/* One of the commands, for the texts about all of them. */
typedef struct CommandSummary {
    const char *name, *summary;
} CommandSummary;

/*
 * Print the help of one command to stdout: "text"; "man", a manual page in roff; "bash", "zsh" or
 * "fish", the part of a completion script that is about this command. Returns the exit code.
 */
int options_print_help(const OptionSyntax *syntax, const char *format);

/* What stands before and after these parts. Formats as above; "commands" prints the names only.
 * Returns OPTIONS_CONTINUE if the parts are to follow, otherwise the exit code. */
int options_print_start(const CommandSummary *commands, int count, const char *format);
void options_print_end(const char *format);

#endif
