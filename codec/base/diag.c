/* The parameter of MICA_PRINTF in attributes.h is called like the attribute that it expands to, so
 * diag.h does not compile with it as it stands; this goes when the header is corrected. */
#include "codec/base/attributes.h"
#if defined(__GNUC__) || defined(__clang__)
#undef MICA_PRINTF
#define MICA_PRINTF(text, first) __attribute__((format(printf, text, first)))
#endif
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
