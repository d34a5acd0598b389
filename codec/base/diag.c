#include "codec/base/diag.h"

#include <stdarg.h>
#include <stdio.h>

MicaStatus mica_fail(MicaError *error, MicaStatus status, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->status = status;
        error->text[0] = '\0';
        /* A text that is too long is cut, which beats none. */
        (void)vsnprintf(error->text, sizeof(error->text), format, arguments);
        va_end(arguments);
    }
    return status;
}
