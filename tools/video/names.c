#include <string.h>
#include <strings.h>

#include "tools/report.h"
#include "tools/video/video.h"

static const char *const containers[] = {"nut", "mov", "mkv", "avi"};

static const char *ending(const char *name)
{
    const char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash : name, '.');
    return dot ? dot + 1 : "";
}

static bool is_container(const char *word)
{
    for (size_t i = 0; i < sizeof containers / sizeof containers[0]; i++)
        if (strcasecmp(word, containers[i]) == 0)
            return true;
    return false;
}

bool video_is_container(const char *name)
{
    return is_container(ending(name));
}

bool video_is_raw(const char *name)
{
    return strcasecmp(ending(name), "y4m") == 0;
}

bool video_is_format(const char *format)
{
    return format && (is_container(format) || strcasecmp(format, "y4m") == 0);
}

int video_read_preset(VideoEncodeJob *job, const char *command)
{
    job->preset = MICA_PRESET_MAIN;
    if (!job->preset_name)
        return OPTIONS_CONTINUE;
    if (job->predicted_name)
        return report_usage(command, "--preset chooses a model, and so does --predicted-model");
    if (strcasecmp(job->preset_name, "fast") == 0)
        job->preset = MICA_PRESET_FAST;
    else if (strcasecmp(job->preset_name, "main") != 0)
        return report_usage(command, "--preset: '%s' is not one of main and fast",
                            job->preset_name);
    return OPTIONS_CONTINUE;
}
