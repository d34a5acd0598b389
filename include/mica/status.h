/* Status codes. Every call that can fail returns one; the values never change. */
#ifndef MICA_STATUS_H
#define MICA_STATUS_H

#include "mica/export.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum MicaStatus {
    MICA_OK = 0,
    MICA_ERROR_AGAIN = -1,            /* call the other half of a send/receive pair first */
    MICA_ERROR_EOF = -2,              /* no more output */
    MICA_ERROR_INVALID_ARGUMENT = -3, /* a NULL, a range or a struct_size that makes no sense */
    MICA_ERROR_OUT_OF_MEMORY = -4,
    MICA_ERROR_BITSTREAM = -5,           /* not a mica stream, truncated, or damaged */
    MICA_ERROR_UNSUPPORTED_VERSION = -6, /* written by a newer mica */
    MICA_ERROR_UNSUPPORTED_FEATURE = -7, /* a critical section that this version does not know */
    MICA_ERROR_LIMIT = -8,               /* more pixels or memory than the caller allows */
    MICA_ERROR_MODEL_MISSING = -9,       /* the stream needs a model that was not supplied */
    MICA_ERROR_MODEL_MISMATCH = -10,     /* the model supplied is not the one of the stream */
    MICA_ERROR_MODEL_CORRUPT = -11,
    MICA_ERROR_IO = -12,
    MICA_ERROR_INTERNAL = -13,
    MICA_ERROR_CANCELLED = -14 /* a callback asked to stop */
} MicaStatus;

/* A short English description; never NULL. */
MICA_API const char *mica_status_string(MicaStatus status);

/* What went wrong, in one line without a trailing newline; filled by the call that failed. */
typedef struct MicaError {
    MicaStatus status;
    char text[252];
} MicaError;

#ifdef __cplusplus
}
#endif

#endif
