/*
 * Pictures in memory: interleaved samples of 8 or 16 bits, gray or RGB, with or without alpha, and
 * what belongs to a picture beside its samples: colour description, ICC profile, Exif, XMP.
 *
 * The library never converts colours: samples are coded in the colour space they come in, and the
 * description travels with them. Without a description or a profile a picture counts as sRGB.
 *
 * Memory: mica_image_alloc() and mica_image_decode() own the samples and the three blocks of
 * metadata; mica_image_free() releases all of them. A caller may also point `data` (and the blocks)
 * at its own bytes to encode them; then it must not call mica_image_free(). A zeroed struct with
 * width, height, channels, stride and data set is a valid picture of 8 bits without metadata.
 */
#ifndef MICA_IMAGE_H
#define MICA_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "mica/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MICA_MAX_DIMENSION 65535

/* Bytes that the library allocated; release with mica_buffer_free(). */
typedef struct MicaBuffer {
    uint8_t *data;
    size_t size;
} MicaBuffer;

/* Replace the contents of a buffer by a copy of `size` bytes; size 0 empties it.
 * MICA_ERROR_INVALID_ARGUMENT, MICA_ERROR_OUT_OF_MEMORY (the buffer is empty then). */
MICA_API MicaStatus mica_buffer_copy(MicaBuffer *buffer, const void *data, size_t size);

/* NULL and zeroed buffers are fine. */
MICA_API void mica_buffer_free(MicaBuffer *buffer);

/*
 * What the samples mean, in the code points of ITU-T H.273 (CICP), as in the cICP chunk of PNG.
 * Matrix coefficients are always 0: the samples are RGB or gray.
 */
typedef struct MicaColour {
    int described;      /* 0: nothing is said, the other fields are 0 */
    uint8_t primaries;  /* 1 BT.709 and sRGB, 9 BT.2020, 12 Display P3, ... */
    uint8_t transfer;   /* 1 BT.709, 8 linear, 13 sRGB, 16 PQ, 18 HLG, ... */
    uint8_t full_range; /* 1: samples use their whole range, 0: narrow range */
} MicaColour;

typedef struct MicaImage {
    int width;        /* pixels, 1..MICA_MAX_DIMENSION */
    int height;       /* pixels, 1..MICA_MAX_DIMENSION */
    int channels;     /* 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha */
    ptrdiff_t stride; /* bytes from one row to the next; negative: from the bottom up */
    /* Sample (x, y, c) is number x * channels + c of the row at data + y * stride: a byte, or a
     * uint16_t in the byte order of the machine (rows then start at even addresses). */
    uint8_t *data;
    int depth;         /* bits per sample: 8 or 16; 0 is taken as 8 */
    int premultiplied; /* 1: the colours are multiplied by alpha already */
    MicaColour colour;
    MicaBuffer icc;  /* ICC profile; it takes precedence over `colour`, except where `colour` says
                        PQ or HLG */
    MicaBuffer exif; /* Exif: a TIFF structure, without the "Exif\0\0" that JPEG puts before it */
    MicaBuffer xmp;  /* XMP packet, UTF-8 */
} MicaImage;

/* Allocate the samples of a picture of 8 bits per sample. MICA_ERROR_INVALID_ARGUMENT,
 * MICA_ERROR_OUT_OF_MEMORY. */
MICA_API MicaStatus mica_image_alloc(MicaImage *image, int width, int height, int channels);

/* The same with `depth` 8 or 16. */
MICA_API MicaStatus mica_image_alloc_depth(MicaImage *image, int width, int height, int channels,
                                           int depth);

/* Release samples and metadata; NULL and zeroed pictures are fine. */
MICA_API void mica_image_free(MicaImage *image);

#ifdef __cplusplus
}
#endif

#endif
