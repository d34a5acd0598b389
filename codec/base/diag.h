/* Reporting: fills the caller's MicaError (which may be NULL) and returns the status, so that a
 * function fails in one statement: return mica_fail(error, MICA_ERROR_BITSTREAM, "section %s is %zu
 * bytes long", ...). */
#ifndef MICA_BASE_DIAG_H
#define MICA_BASE_DIAG_H

#include "codec/base/attributes.h"
#include "mica/status.h"

MicaStatus mica_fail(MicaError *error, MicaStatus status, const char *format, ...)
    MICA_PRINTF(3, 4);

#endif
