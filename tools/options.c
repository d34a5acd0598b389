#include "tools/options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/options_help.h"
#include "tools/report.h"

#define MAX_OPTIONS 32
#define MAX_WORD 31 /* longer words are nobody's typing error */

/* Number of letters to insert, delete or change to get from a to b. */
static int edit_distance(const char *a, const char *b)
{
    const size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > MAX_WORD || b_length > MAX_WORD)
        return INT_MAX;
    int row[MAX_WORD + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_length];
}

const char *options_similar(const char *word, const char *const *names)
{
    const char *found = NULL;
    int least = 3; /* at most two typing errors */
    for (; *names; names++) {
        const int distance = edit_distance(word, *names);
        if (distance < least && (size_t)distance < strlen(*names) / 2 + 1) {
            least = distance;
            found = *names;
        }
    }
    return found;
}

static int unknown_option(const OptionSyntax *syntax, const char *word, size_t length)
{
    const char *names[MAX_OPTIONS + 1] = {NULL};
    int count = 0;
    for (const Option *o = syntax->options; o->name && count < MAX_OPTIONS; o++)
        names[count++] = o->name;
    char name[MAX_WORD + 1];
    snprintf(name, sizeof name, "%.*s", (int)(length < MAX_WORD ? length : MAX_WORD), word);
    const char *similar = options_similar(name, names);
    if (similar)
        return report_usage(syntax->command, "unknown option '--%s', did you mean '--%s'?", name,
                            similar);
    return report_usage(syntax->command, "unknown option '--%s'", name);
}

static int set_value(const OptionSyntax *syntax, const Option *o, const char *text)
{
    if (o->type == OPTION_STRING) {
        *(const char **)o->value = text;
        return OPTIONS_CONTINUE;
    }
    /* strtod() and strtol() also take leading blanks, "nan" and hexadecimal numbers. */
    const bool plain = *text && text[strspn(text, "+-.0123456789eE")] == 0;
    char *end = NULL;
    errno = 0;
    if (o->type == OPTION_INT) {
        const long value = plain ? strtol(text, &end, 10) : 0;
        if (!plain || *end || errno)
            return report_usage(syntax->command, "--%s: '%s' is not a whole number", o->name, text);
        if ((double)value < o->min || (double)value > o->max)
            return report_usage(syntax->command, "--%s: %s is not in %.0f..%.0f", o->name, text,
                                o->min, o->max);
        *(int *)o->value = (int)value;
    } else {
        const double value = plain ? strtod(text, &end) : 0;
        if (!plain || *end || !isfinite(value))
            return report_usage(syntax->command, "--%s: '%s' is not a number", o->name, text);
        if (value < o->min || value > o->max)
            return report_usage(syntax->command, "--%s: %s is not in %g..%g", o->name, text, o->min,
                                o->max);
        *(double *)o->value = value;
    }
    return OPTIONS_CONTINUE;
}

static const Option *find_option(const OptionSyntax *syntax, const char *name, size_t length)
{
    for (const Option *o = syntax->options; o->name; o++)
        if (strlen(o->name) == length && memcmp(o->name, name, length) == 0)
            return o;
    return NULL;
}

static const Option *find_letter(const OptionSyntax *syntax, char letter)
{
    for (const Option *o = syntax->options; o->name; o++)
        if (o->letter && o->letter == letter)
            return o;
    return NULL;
}

/* Take the option at argv[*index] and, where it is the next word, its value. */
static int parse_option(const OptionSyntax *syntax, int argc, char **argv, int *index)
{
    const char *word = argv[*index];
    const Option *o;
    const char *value = NULL; /* the part of the same word */
    if (word[1] == '-') {
        const char *name = word + 2;
        const size_t length = strcspn(name, "=");
        o = find_option(syntax, name, length);
        if (!o)
            return unknown_option(syntax, name, length);
        if (name[length] == '=')
            value = name + length + 1;
        if (value && o->type == OPTION_FLAG)
            return report_usage(syntax->command, "--%s takes no value", o->name);
    } else {
        o = find_letter(syntax, word[1]);
        if (!o || (o->type == OPTION_FLAG && word[2]))
            return report_usage(syntax->command, "unknown option '%s'", word);
        if (word[2])
            value = word + 2;
    }
    if (o->type == OPTION_FLAG) {
        *(bool *)o->value = true;
        return OPTIONS_CONTINUE;
    }
    if (!value) {
        if (*index + 1 >= argc)
            return report_usage(syntax->command, "--%s needs a value", o->name);
        value = argv[++*index];
    }
    return set_value(syntax, o, value);
}

int options_parse(const OptionSyntax *syntax, int argc, char **argv, const char **arguments)
{
    int count = 0;
    bool options_end = false;
    for (int i = 0; i < syntax->max_arguments; i++)
        arguments[i] = NULL;

    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (!options_end && strcmp(word, "--") == 0) {
            options_end = true;
        } else if (!options_end && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            return options_print_help(syntax, "text");
        } else if (!options_end && strncmp(word, "--help=", 7) == 0) {
            return options_print_help(syntax, word + 7);
        } else if (!options_end && word[0] == '-' && word[1]) {
            const int result = parse_option(syntax, argc, argv, &i);
            if (result != OPTIONS_CONTINUE)
                return result;
        } else if (count < syntax->max_arguments) {
            arguments[count++] = word;
        } else {
            return report_usage(syntax->command, "too many arguments: '%s'", word);
        }
    }
    if (count < syntax->min_arguments)
        return report_usage(syntax->command, "%s",
                            count ? "an argument is missing" : "arguments are missing");
    return OPTIONS_CONTINUE;
}
