#include "mica/status.h"
#include "mica/codec.h"

const char *mica_status_string(MicaStatus status)
{
    switch (status) {
    case MICA_OK:
        return "success";
    case MICA_ERROR_AGAIN:
        return "more input or output is needed first";
    case MICA_ERROR_EOF:
        return "end of stream";
    case MICA_ERROR_INVALID_ARGUMENT:
        return "invalid argument";
    case MICA_ERROR_OUT_OF_MEMORY:
        return "out of memory";
    case MICA_ERROR_BITSTREAM:
        return "invalid or damaged stream";
    case MICA_ERROR_UNSUPPORTED_VERSION:
        return "unsupported stream version";
    case MICA_ERROR_UNSUPPORTED_FEATURE:
        return "unsupported stream feature";
    case MICA_ERROR_LIMIT:
        return "limit exceeded";
    case MICA_ERROR_MODEL_MISSING:
        return "model not available";
    case MICA_ERROR_MODEL_MISMATCH:
        return "wrong model for this stream";
    case MICA_ERROR_MODEL_CORRUPT:
        return "invalid or damaged model";
    case MICA_ERROR_IO:
        return "input or output error";
    case MICA_ERROR_CANCELLED:
        return "cancelled";
    case MICA_ERROR_INTERNAL:
        return "internal error";
    }
    /* Not a default label, so that the compiler reports a code without a text. */
    return "unknown status";
}

const char *mica_version(void)
{
    return MICA_VERSION_STRING;
}
