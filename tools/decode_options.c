#include "tools/decode_options.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/report.h"

/* Reads digits at *text and the character behind them; -1 if they are not there. */
static int read_number(const char **text, char behind)
{
    if (**text < '0' || **text > '9')
        return -1;
    char *end;
    const long value = strtol(*text, &end, 10);
    if (*end != behind || value > MICA_MAX_DIMENSION)
        return -1;
    *text = behind ? end + 1 : end;
    return (int)value;
}

static bool read_region(const char *text, MicaRegion *r)
{
    r->width = read_number(&text, 'x');
    if (r->width < 1)
        return false;
    r->height = read_number(&text, '+');
    if (r->height < 1)
        return false;
    r->x = read_number(&text, '+');
    if (r->x < 0)
        return false;
    r->y = read_number(&text, '\0');
    return r->y >= 0;
}

int decode_options_check(DecodeOptions *options, const char *command)
{
    static const char *const scales[] = {"1", "1/2", "1/4", "1/8"};
    options->region = (MicaRegion){0, 0, 0, 0};
    if (options->region_text && !read_region(options->region_text, &options->region))
        return report_usage(command, "--region: '%s' is not WIDTHxHEIGHT+X+Y",
                            options->region_text);
    options->scale = 1;
    if (options->scale_text) {
        int i = 0;
        while (i < 4 && strcmp(options->scale_text, scales[i]) != 0)
            i++;
        if (i == 4)
            return report_usage(command, "--scale: '%s' is not one of 1, 1/2, 1/4 and 1/8",
                                options->scale_text);
        options->scale = 1 << i;
    }
    return OPTIONS_CONTINUE;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int time_is_over(void *user, double done)
{
    const DecodeOptions *options = user;
    return done < 1 && seconds() > options->deadline;
}

void decode_options_apply(DecodeOptions *options, MicaDecodeSettings *settings)
{
    settings->region = options->region;
    settings->scale = options->scale;
    settings->best_effort = options->best_effort;
    settings->realism = options->realism;
    if (options->max_pixels > 0)
        settings->max_pixels = (uint64_t)(options->max_pixels * 1e6);
    settings->max_memory = (uint64_t)options->max_memory * 1000000;
    if (options->time_limit > 0) {
        options->deadline = seconds() + options->time_limit;
        settings->progress = time_is_over;
        settings->progress_user = options;
    }
}
