#include "tools/output/writer.h"

#include <string.h>
#include <strings.h>

const Writer *const writers[] = {&writer_png, &writer_jpeg, &writer_ppm, &writer_pgm,
                                 &writer_pnm, &writer_pam,  &writer_md5, NULL};

static const Writer *by_extension(const char *extension)
{
    for (const Writer *const *w = writers; *w; w++)
        for (const char *const *e = (*w)->extensions; *e; e++)
            if (strcasecmp(*e, extension) == 0)
                return *w;
    return NULL;
}

const Writer *output_by_name(const char *name)
{
    for (const Writer *const *w = writers; *w; w++)
        if (strcasecmp((*w)->name, name) == 0)
            return *w;
    return by_extension(name);
}

const Writer *output_by_file(const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *dot = strrchr(slash ? slash : file, '.');
    return dot ? by_extension(dot + 1) : NULL;
}
