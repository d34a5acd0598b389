/*
 * Readers of picture formats. The format is told from the first bytes, never from the name, so that
 * pipes work and a wrong ending does no harm. A new format is one more entry of `readers`.
 *
 * Nothing is lost silently: what a MicaImage cannot hold (alpha, 16 bits, four colours) is refused,
 * with a switch for those cases where the loss may be wanted.
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

/* Find the reader and read. */
MicaStatus input_read(const uint8_t *data, size_t size, const ReadOptions *options,
                      MicaImage *image, MicaError *error);

/* Allocate a picture after a check of its size against the limits of the command. */
MicaStatus input_alloc(MicaImage *image, uint64_t width, uint64_t height, int channels,
                       MicaError *error);

/* Why a picture is refused; the same words for every format. */
MicaStatus input_refuse_alpha(MicaError *error);
MicaStatus input_refuse_depth(MicaError *error, int bits);

/* The orientation (1..8) in an Exif block that starts with its TIFF header; 1 if there is none. */
int input_exif_orientation(const uint8_t *data, size_t size);

/* Notes of --verbose about metadata that is dropped. */
void input_note_exif(const ReadOptions *options, const uint8_t *data, size_t size);
void input_note_icc(const ReadOptions *options);

#endif
