/*
 * Writers of picture formats, chosen by the ending of the file name or by --output-format. A new
 * format is one more entry of `writers`.
 */
#ifndef MICA_TOOLS_OUTPUT_WRITER_H
#define MICA_TOOLS_OUTPUT_WRITER_H

#include <stdbool.h>

#include "mica/image.h"
#include "tools/files.h"

typedef struct WriteOptions {
    int jpeg_quality; /* 1..100 */
} WriteOptions;

typedef struct Writer {
    const char *name;              /* for --output-format */
    const char *const *extensions; /* without the dot, ends with NULL */
    bool binary;                   /* not for terminals */
    int depth;                     /* most bits per sample that it can write */
    bool profiles_only;            /* colours are what an ICC profile says, or sRGB */
    /* Colours must not be premultiplied. Metadata goes along where the format has a place for it.
     * Write errors of `out` are left to output_file_commit(). */
    MicaStatus (*write)(OutputFile *out, const MicaImage *image, const WriteOptions *options,
                        MicaError *error);
} Writer;

extern const Writer writer_png, writer_jpeg, writer_ppm, writer_pgm, writer_pnm, writer_pam,
    writer_md5;
extern const Writer *const writers[]; /* ends with NULL */

/* The writer of this name or of one of its endings; NULL if there is none. */
const Writer *output_by_name(const char *name);

/* The writer for the ending of a file name; NULL if there is none. */
const Writer *output_by_file(const char *file);

#endif
