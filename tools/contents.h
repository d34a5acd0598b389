/* Options for what a picture holds beside its 8-bit colours, and what they do to it. */
#ifndef MICA_TOOLS_CONTENTS_H
#define MICA_TOOLS_CONTENTS_H

#include "mica/codec.h"
#include "tools/options.h"
#include "tools/output/writer.h"

typedef struct EncodeContents {
    int alpha_quality;
    bool premultiplied, orient, srgb, strip;
} EncodeContents;

#define ENCODE_CONTENTS_DEFAULTS                                                                   \
    {                                                                                              \
        .alpha_quality = 100                                                                       \
    }

#define OPTIONS_CONTENTS_ENCODE(c)                                                                 \
    {"alpha-quality",                                                                              \
     0,                                                                                            \
     OPTION_INT,                                                                                   \
     &(c).alpha_quality,                                                                           \
     0,                                                                                            \
     100,                                                                                          \
     "Q",                                                                                          \
     "0 (2 levels) .. 100 (exact, default)"},                                                      \
        {"premultiplied",                                                                          \
         0,                                                                                        \
         OPTION_FLAG,                                                                              \
         &(c).premultiplied,                                                                       \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         "the colours of the input are multiplied by alpha"},                                      \
        {"auto-orient",                                                                            \
         0,                                                                                        \
         OPTION_FLAG,                                                                              \
         &(c).orient,                                                                              \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         "turn the picture as its Exif orientation says"},                                         \
        {"srgb", 0, OPTION_FLAG, &(c).srgb,                                                        \
         0,      0, NULL,        "convert the colours to sRGB, from the ICC profile or cICP"},     \
    {                                                                                              \
        "strip", 0, OPTION_FLAG, &(c).strip, 0, 0, NULL,                                           \
            "leave out Exif and XMP; the orientation is applied"                                   \
    }

/* Change a picture that was read as the options say. */
MicaStatus contents_before_encoding(const EncodeContents *contents, MicaImage *image,
                                    MicaError *error);

typedef struct DecodeContents {
    int depth; /* 0: that of the encoded picture */
    bool orient, strip;
} DecodeContents;

#define OPTIONS_CONTENTS_DECODE(c)                                                                 \
    {"depth", 0,  OPTION_INT, &(c).depth,                                                          \
     8,       16, "N",        "8 or 16 bits per sample; default: as the encoded picture"},         \
        {"auto-orient",                                                                            \
         0,                                                                                        \
         OPTION_FLAG,                                                                              \
         &(c).orient,                                                                              \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         "turn the picture as its Exif orientation says"},                                         \
    {                                                                                              \
        "strip", 0, OPTION_FLAG, &(c).strip, 0, 0, NULL, "do not write Exif and XMP"               \
    }

/* Bits per sample to decode for a writer; 0 as in MicaDecodeSettings. */
int contents_depth(const DecodeContents *contents, const Writer *writer);

/* Change a decoded picture as the options and the writer want it; `name` is the output, for notes.
 */
MicaStatus contents_before_writing(const DecodeContents *contents, const Writer *writer,
                                   const char *name, MicaImage *image, MicaError *error);

#endif
