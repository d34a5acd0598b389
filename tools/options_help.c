#include "tools/options_help.h"

#include <stdio.h>
#include <string.h>

#include "mica/codec.h"
#include "tools/report.h"

typedef struct Format {
    const char *name;
    void (*start)(const CommandSummary *commands, int count);
    void (*command)(const OptionSyntax *syntax);
    void (*end)(void);
} Format;

/* What may follow an option, read off what the help calls its value. */
typedef enum ValueKind { VALUE_NONE, VALUE_FILE, VALUE_OTHER } ValueKind;

/* "FILE", "OUT.png", ... */
static bool is_file_word(const char *word, size_t length)
{
    static const char *const words[] = {"FILE", "DIR", "FOLDER", "OUT", "IN"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strncmp(word, words[i], strlen(words[i])) == 0 &&
            (strlen(words[i]) == length || word[strlen(words[i])] == '.'))
            return true;
    return false;
}

static ValueKind value_kind(const Option *o)
{
    if (o->type == OPTION_FLAG || !o->argument)
        return VALUE_NONE;
    for (const char *p = o->argument; *p; p += strcspn(p, "|"), p += *p == '|')
        if (is_file_word(p, strcspn(p, "|")))
            return VALUE_FILE;
    return VALUE_OTHER;
}

/* Print the choices of a value like S|S-perceptual|FILE, separated by blanks. Returns their number.
 */
static int print_choices(const Option *o)
{
    int count = 0;
    if (!o->argument || !strchr(o->argument, '|'))
        return 0;
    for (const char *p = o->argument; *p; p += strcspn(p, "|"), p += *p == '|') {
        const size_t length = strcspn(p, "|");
        if (!is_file_word(p, length))
            printf("%s%.*s", count++ ? " " : "", (int)length, p);
    }
    return count;
}

/* Print a text with `escape` before each of the characters in `special`. */
static void print_escaped(const char *text, const char *special, const char *escape)
{
    for (; *text; text++) {
        if (strchr(special, *text))
            fputs(escape, stdout);
        putchar(*text);
    }
}

/* Plain text. */

static void text_start(const CommandSummary *commands, int count)
{
    printf("usage: mica COMMAND [options] ...\n\ncommands:\n");
    for (int i = 0; i < count; i++)
        printf("  %-10s %s\n", commands[i].name, commands[i].summary);
    printf("\n'mica COMMAND --help' lists the options of a command, 'mica --version' shows the "
           "version.\n");
}

static void text_command(const OptionSyntax *syntax)
{
    printf("usage: mica %s %s\n\n%s\n\noptions:\n", syntax->command, syntax->usage,
           syntax->description);
    for (const Option *o = syntax->options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
                 o->argument ? " " : "", o->argument ? o->argument : "");
        printf("  %-28s %s\n", left, o->help);
    }
    printf("      %-24s %s\n", "--help", "print this");
}

/* Manual pages, with the classic man macros. */

/* Text of a manual page: '-' is to stay a minus sign that can be copied, and a line must not start
 * like a request. */
static void man_text(const char *text)
{
    bool line_start = true;
    for (; *text; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\'')
            fputs("\\(aq", stdout);
        else
            putchar(*text);
        line_start = *text == '\n';
    }
}

static void man_head(const char *command, const char *summary)
{
    char title[64];
    size_t length = 0;
    for (const char *p = command; *p && length + 1 < sizeof title; p++)
        title[length++] = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
    title[length] = 0;
    /* No date: the page is to be the same whenever it is made. */
    printf(".TH %s 1 \"\" \"mica %s\" \"User Commands\"\n.SH NAME\n", title, mica_version());
    man_text(command);
    fputs(" \\- ", stdout);
    man_text(summary);
    putchar('\n');
}

static void man_exit_codes(void)
{
    printf(".SH EXIT STATUS\n.TP\n.B 0\nDone.\n.TP\n.B 1\nBad input, or reading or writing failed; "
           "one line on standard error says why. No partial file is left.\n.TP\n.B 2\nUsage.\n");
}

static void man_start(const CommandSummary *commands, int count)
{
    man_head("mica", "learned picture codec");
    printf(".SH SYNOPSIS\n.B mica\n.I COMMAND\n[options] ...\n.br\n.B mica \\-\\-help\n|\n"
           ".B \\-\\-version\n.SH DESCRIPTION\nEncodes pictures into\n.I *.mica\nfiles and decodes "
           "them. A file decodes to the same pixels on every machine.\n.PP\n"
           "Options and arguments come in any order.\n.BR \\-\\-name=value ,\n"
           ".BR \"\\-\\-name value\" ,\n.B \\-q value\nand\n.B \\-qvalue\nare the same;\n"
           ".B \\-\\-\nends the options;\n.B \\-\nas a file is standard input or output.\n"
           ".SH COMMANDS\n");
    for (int i = 0; i < count; i++)
        printf(".TP\n.BR mica\\-%s (1)\n%s.\n", commands[i].name, commands[i].summary);
    man_exit_codes();
    printf(".SH EXAMPLES\n.nf\nmica encode \\-q 50 photo.png photo.mica\nmica decode photo.mica "
           "photo.png\nmica compare photo.png photo.mica\n.fi\n.SH SEE ALSO\n");
    for (int i = 0; i < count; i++)
        printf(".BR mica\\-%s (1)%s\n", commands[i].name, i + 1 < count ? "," : "");
}

static void man_command(const OptionSyntax *syntax)
{
    char name[64], summary[128];
    snprintf(name, sizeof name, "mica-%s", syntax->command);
    const int length = (int)strcspn(syntax->description, ".:,;(\n");
    snprintf(summary, sizeof summary, "%c%.*s", syntax->description[0] | 32, length - 1,
             syntax->description + 1);
    man_head(name, summary);
    printf(".SH SYNOPSIS\n.B mica %s\n", syntax->command);
    man_text(syntax->usage);
    printf("\n.SH DESCRIPTION\n");
    man_text(syntax->description);
    printf("\n.SH OPTIONS\n");
    for (const Option *o = syntax->options; o->name; o++) {
        printf(".TP\n");
        if (o->letter)
            printf("\\fB\\-%c\\fR, ", o->letter);
        fputs("\\fB\\-\\-", stdout);
        man_text(o->name);
        fputs("\\fR", stdout);
        if (o->argument) {
            fputs(" \\fI", stdout);
            man_text(o->argument);
            fputs("\\fR", stdout);
        }
        putchar('\n');
        man_text(o->help);
        putchar('\n');
    }
    printf(".TP\n\\fB\\-\\-help\\fR\nprint a summary of the options\n");
    man_exit_codes();
    printf(".SH SEE ALSO\n.BR mica (1)\n");
}

/* bash: where the function offers nothing, readline's own completion of file names follows. */

static void bash_start(const CommandSummary *commands, int count)
{
    printf("# bash completion for mica; made by 'mica --help=bash'\n"
           "_mica()\n{\n    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD"
           " - 1]} options= values=\n"
           "    [[ $current == = ]] && current=\n"
           "    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD - 2]}\n    COMPREPLY=()\n"
           "    if ((COMP_CWORD == 1)); then\n        COMPREPLY=($(compgen -W '");
    for (int i = 0; i < count; i++)
        printf("%s ", commands[i].name);
    printf("--help --version' -- \"$current\"))\n        return\n    fi\n"
           "    case ${COMP_WORDS[1]} in\n");
}

static void bash_command(const OptionSyntax *syntax)
{
    printf("    %s)\n        options='", syntax->command);
    for (const Option *o = syntax->options; o->name; o++)
        printf("--%s ", o->name);
    printf("--help'\n        case $before in\n");
    for (const Option *o = syntax->options; o->name; o++) {
        if (o->type == OPTION_FLAG)
            continue;
        printf("        --%s", o->name);
        if (o->letter)
            printf(" | -%c", o->letter);
        fputs(") options= values='", stdout);
        print_choices(o);
        printf("' ;;\n");
    }
    printf("        esac\n        ;;\n");
}

static void bash_end(void)
{
    printf("    esac\n"
           "    if [[ $values ]]; then\n"
           "        COMPREPLY=($(compgen -W \"$values\" -- \"$current\"))\n"
           "    elif [[ $current == -* ]]; then\n"
           "        COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
           "    fi\n}\ncomplete -o default -F _mica mica\n");
}

/* zsh: specifications for _arguments. */

static void zsh_start(const CommandSummary *commands, int count)
{
    printf("#compdef mica\n# made by 'mica --help=zsh'\nlocal -a commands\nif (( CURRENT == 2 )); "
           "then\n    commands=(\n");
    for (int i = 0; i < count; i++) {
        printf("        '%s:", commands[i].name);
        print_escaped(commands[i].summary, ":\\", "\\");
        printf("'\n");
    }
    printf("    )\n    _describe -t commands command commands\n    _arguments : "
           "'--help[print a list of the commands]' '--version[print the version]'\n    return\n"
           "fi\nlocal command=$words[2]\nshift words\n(( CURRENT-- ))\ncase $command in\n");
}

/* A text inside single quotes and brackets. */
static void zsh_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\'", stdout);
        else if (strchr("[]:\\", *text))
            putchar('\\');
        putchar(*text);
    }
}

static void zsh_command(const OptionSyntax *syntax)
{
    printf("%s)\n    _arguments -s : \\\n", syntax->command);
    for (const Option *o = syntax->options; o->name; o++) {
        const char *sign = o->type == OPTION_FLAG ? "" : "=";
        if (o->letter)
            printf("        '(-%c --%s)'{-%c%s,--%s%s}'[", o->letter, o->name, o->letter,
                   *sign ? "+" : "", o->name, sign);
        else
            printf("        '--%s%s[", o->name, sign);
        zsh_text(o->help);
        putchar(']');
        if (o->type != OPTION_FLAG) {
            putchar(':');
            zsh_text(o->argument ? o->argument : "value");
            if (value_kind(o) == VALUE_FILE) {
                fputs(":_files", stdout);
            } else {
                fputs(":(", stdout);
                print_choices(o);
                putchar(')');
            }
        }
        printf("' \\\n");
    }
    printf("        '--help[print the options]' '*:file:_files'\n    ;;\n");
}

static void zsh_end(void)
{
    printf("esac\n");
}

/* fish: one line per option. */

static void fish_text(const char *text)
{
    putchar('\'');
    print_escaped(text, "'\\", "\\");
    putchar('\'');
}

static void fish_start(const CommandSummary *commands, int count)
{
    printf(
        "# fish completion for mica; made by 'mica --help=fish'\n"
        "complete -c mica -n __fish_use_subcommand -f -l help -d 'print a list of the commands'\n"
        "complete -c mica -n __fish_use_subcommand -f -l version -d 'print the version'\n");
    for (int i = 0; i < count; i++) {
        printf("complete -c mica -n __fish_use_subcommand -f -a %s -d ", commands[i].name);
        fish_text(commands[i].summary);
        putchar('\n');
    }
}

static void fish_option(const OptionSyntax *syntax, const char *name, char letter)
{
    printf("complete -c mica -n '__fish_seen_subcommand_from %s' -l %s", syntax->command, name);
    if (letter)
        printf(" -s %c", letter);
}

static void fish_command(const OptionSyntax *syntax)
{
    for (const Option *o = syntax->options; o->name; o++) {
        fish_option(syntax, o->name, o->letter);
        if (value_kind(o) == VALUE_FILE)
            fputs(" -r", stdout);
        else if (o->type != OPTION_FLAG)
            fputs(" -x", stdout);
        if (o->argument && strchr(o->argument, '|')) {
            fputs(" -a '", stdout);
            print_choices(o);
            putchar('\'');
        }
        fputs(" -d ", stdout);
        fish_text(o->help);
        putchar('\n');
    }
    fish_option(syntax, "help", 0);
    printf(" -d 'print the options'\n");
}

static void fish_end(void)
{
}

static const Format formats[] = {
    {"text", text_start, text_command, NULL},     {"man", man_start, man_command, NULL},
    {"bash", bash_start, bash_command, bash_end}, {"zsh", zsh_start, zsh_command, zsh_end},
    {"fish", fish_start, fish_command, fish_end},
};

static const Format *find_format(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}

static int unknown_format(const char *command, const char *name)
{
    return report_usage(command, "--help: '%s' is not one of text, man, bash, zsh and fish", name);
}

int options_print_help(const OptionSyntax *syntax, const char *format)
{
    const Format *f = find_format(format);
    if (!f)
        return unknown_format(syntax->command, format);
    f->command(syntax);
    return EXIT_DONE;
}

int options_print_start(const CommandSummary *commands, int count, const char *format)
{
    if (strcmp(format, "commands") == 0) {
        for (int i = 0; i < count; i++)
            printf("%s\n", commands[i].name);
        return EXIT_DONE;
    }
    const Format *f = find_format(format);
    if (!f)
        return unknown_format(NULL, format);
    f->start(commands, count);
    return f->end ? OPTIONS_CONTINUE : EXIT_DONE;
}

void options_print_end(const char *format)
{
    const Format *f = find_format(format);
    if (f && f->end)
        f->end();
}
