/*
 * Readers of picture formats. The format is told from the first bytes, never from the name, so that
 * pipes work and a wrong ending does no harm. A new format is one more entry of `readers`.
 *
 * Readers give everything that is in a file: alpha, 16 bits, and ICC, Exif and XMP as they are.
 * What a command cannot use is refused, not dropped (input_read()).
 */
#ifndef MICA_TOOLS_INPUT_READER_H
#define MICA_TOOLS_INPUT_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mica/codec.h"
#include "mica/image.h"
#include "mica/status.h"

typedef struct ReadOptions {
    const char *file;                   /* for notes */
    bool depth8;                        /* round samples of more than 8 bits */
    bool everything;                    /* the command takes alpha and 16 bits */
    bool strip;                         /* do not care about metadata that cannot be kept */
    bool verbose;                       /* print notes about what is not carried over */
    const MicaDecodeSettings *settings; /* for mica streams; NULL: the defaults */
} ReadOptions;

typedef struct Reader {
    const char *name;
    bool (*probe)(const uint8_t *data, size_t size);
    /* Fills *image, to be released with mica_image_free(); leaves it zeroed on failure. */
    MicaStatus (*read)(const uint8_t *data, size_t size, const ReadOptions *options,
                       MicaImage *image, MicaError *error);
} Reader;

extern const Reader reader_png, reader_jpeg, reader_pnm, reader_mica;
extern const Reader *const readers[]; /* ends with NULL */

/* The reader of these bytes, or NULL with *error filled. */
const Reader *input_probe(const uint8_t *data, size_t size, MicaError *error);

/* Find the reader and read. Without options->everything, pictures that are not opaque and those of
 * 16 bits are refused, alpha that says nothing is left out, and metadata is dropped. */
MicaStatus input_read(const uint8_t *data, size_t size, const ReadOptions *options,
                      MicaImage *image, MicaError *error);

/* Allocate a picture after a check of its size against the limits of the command. */
MicaStatus input_alloc(MicaImage *image, uint64_t width, uint64_t height, int channels, int depth,
                       MicaError *error);

/* mica_buffer_copy() with a message. */
MicaStatus input_keep(MicaBuffer *buffer, const void *data, size_t size, MicaError *error);

#endif
