/* Options of decoding a part of a picture, a damaged one, or within limits. */
#ifndef MICA_TOOLS_DECODE_OPTIONS_H
#define MICA_TOOLS_DECODE_OPTIONS_H

#include <stdbool.h>

#include "mica/codec.h"
#include "tools/options.h"

typedef struct DecodeOptions {
    const char *region_text, *scale_text;
    double max_pixels; /* millions; 0: the library's limit */
    int max_memory;    /* MB; 0: any */
    double time_limit; /* seconds; 0: any */
    bool best_effort;
    int realism; /* 0..100 */
    /* Set by decode_options_check(): */
    MicaRegion region;
    int scale;
    double deadline; /* of the picture that is being decoded, on a clock of seconds */
} DecodeOptions;

#define OPTIONS_DECODE(options)                                                                    \
    {"region",                                                                                     \
     0,                                                                                            \
     OPTION_STRING,                                                                                \
     &(options).region_text,                                                                       \
     0,                                                                                            \
     0,                                                                                            \
     "WxH+X+Y",                                                                                    \
     "decode this part only, in pixels (of the smaller picture with --scale)"},                    \
        {"scale", 0, OPTION_STRING, &(options).scale_text,                                         \
         0,       0, "1/N",         "1/2, 1/4 or 1/8: decode a smaller picture"},                  \
        {"best-effort",                                                                            \
         0,                                                                                        \
         OPTION_FLAG,                                                                              \
         &(options).best_effort,                                                                   \
         0,                                                                                        \
         0,                                                                                        \
         NULL,                                                                                     \
         "decode what is intact of a damaged file; exit code 3"},                                  \
        {"realism", 0,   OPTION_INT, &(options).realism,                                           \
         0,         100, "N",        "0 (default) .. 100: noise in place of lost detail"},         \
        {"max-pixels", 0,                                                                          \
         OPTION_REAL,  &(options).max_pixels,                                                      \
         0.001,        4294,                                                                       \
         "M",          "refuse pictures of more than M million pixels, default 268"},              \
        {"max-memory",                                                                             \
         0,                                                                                        \
         OPTION_INT,                                                                               \
         &(options).max_memory,                                                                    \
         1,                                                                                        \
         1 << 30,                                                                                  \
         "MB",                                                                                     \
         "refuse pictures that need more memory"},                                                 \
    {                                                                                              \
        "time-limit", 0, OPTION_REAL, &(options).time_limit, 0.001, 1e6, "S",                      \
            "give up after S seconds"                                                              \
    }

/* OPTIONS_CONTINUE, or the exit code after a message. */
int decode_options_check(DecodeOptions *options, const char *command);

/* Fill in settings for one picture, and start its time. `options` outlives the decoding. */
void decode_options_apply(DecodeOptions *options, MicaDecodeSettings *settings);

#endif
