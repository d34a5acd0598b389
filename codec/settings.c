#include "codec/settings.h"

#include <string.h>

#include "codec/base/cpu.h"
#include "codec/base/diag.h"

#define MAX_THREADS 256

/* The fields that every version has had. */
#define MIN_SETTINGS_SIZE (sizeof(size_t) + sizeof(void *))

void mica_encode_defaults(MicaEncodeSettings *settings, size_t struct_size)
{
    const MicaEncodeSettings full = {
        .struct_size = struct_size, .quality = 50, .effort = 5, .cpu_mask = UINT32_MAX};
    memcpy(settings, &full, struct_size < sizeof full ? struct_size : sizeof full);
}

void mica_decode_defaults(MicaDecodeSettings *settings, size_t struct_size)
{
    const MicaDecodeSettings full = {
        .struct_size = struct_size, .cpu_mask = UINT32_MAX, .max_pixels = (uint64_t)1 << 28};
    memcpy(settings, &full, struct_size < sizeof full ? struct_size : sizeof full);
}

MicaStatus mica_encode_settings_read(const MicaEncodeSettings *given, MicaEncodeSettings *full,
                                     MicaError *error)
{
    mica_encode_defaults(full, sizeof *full);
    if (given) {
        if (given->struct_size < MIN_SETTINGS_SIZE || given->struct_size > 4096)
            return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "struct_size is not set");
        memcpy(full, given, given->struct_size < sizeof *full ? given->struct_size : sizeof *full);
    }
    if (!(full->quality >= 0 && full->quality <= 100))
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "quality must be 0..100");
    if (full->effort < 1 || full->effort > 9)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "effort must be 1..9");
    if (full->threads < 0 || full->threads > MAX_THREADS)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "threads must be 0..%d", MAX_THREADS);
    return MICA_OK;
}

MicaStatus mica_decode_settings_read(const MicaDecodeSettings *given, MicaDecodeSettings *full,
                                     MicaError *error)
{
    mica_decode_defaults(full, sizeof *full);
    if (given) {
        if (given->struct_size < MIN_SETTINGS_SIZE || given->struct_size > 4096)
            return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "struct_size is not set");
        memcpy(full, given, given->struct_size < sizeof *full ? given->struct_size : sizeof *full);
    }
    if (full->threads < 0 || full->threads > MAX_THREADS)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "threads must be 0..%d", MAX_THREADS);
    return MICA_OK;
}

int mica_threads_wanted(int threads)
{
    if (threads == 0)
        threads = mica_cpu_count();
    return threads < 1 ? 1 : threads > MAX_THREADS ? MAX_THREADS : threads;
}

void mica_lap(double *mark, double *stage)
{
    const double now = mica_clock_ms();
    *stage += now - *mark;
    *mark = now;
}
