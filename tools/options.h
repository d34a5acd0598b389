/*
 * Command line parser, driven by one table per command, which also prints the help.
 *
 * Options and arguments come in any order. "--name=value", "--name value", "-q value" and "-qvalue"
 * mean the same, "--" ends the options and "-" alone is an argument. Names are not abbreviated, so
 * that adding an option never breaks a script. The last one of several equal options counts.
 */
#ifndef MICA_TOOLS_OPTIONS_H
#define MICA_TOOLS_OPTIONS_H

#include <stdbool.h>

typedef enum OptionType {
    OPTION_FLAG,   /* bool, takes no value */
    OPTION_STRING, /* const char *, points into argv */
    OPTION_INT,    /* int in min..max */
    OPTION_REAL    /* double in min..max */
} OptionType;

typedef struct Option {
    const char *name; /* without the dashes */
    char letter;      /* one-letter form, or 0 */
    OptionType type;
    void *value;
    double min, max;
    const char *argument; /* what the help calls the value, NULL for flags */
    const char *help;
} Option;

typedef struct OptionSyntax {
    const char *command;     /* "encode" */
    const char *usage;       /* "[options] IN OUT.mica" */
    const char *description; /* a paragraph for the help */
    const Option *options;   /* ends with a NULL name */
    int min_arguments, max_arguments;
} OptionSyntax;

#define OPTIONS_CONTINUE (-1)

/* Parse argv[1..]; arguments[] has room for max_arguments and is filled up with NULL. Returns
 * OPTIONS_CONTINUE, or the exit code of the command if it is to end here (help printed, or a usage
 * error reported). */
int options_parse(const OptionSyntax *syntax, int argc, char **argv, const char **arguments);

/* Of the NULL-terminated names, the one that a mistyped word may have meant, or NULL. */
const char *options_similar(const char *word, const char *const *names);

#endif
