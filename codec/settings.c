#include "codec/settings.h"

#include <string.h>

#include "codec/base/cpu.h"
#include "codec/base/diag.h"

#define MAX_THREADS 256
#define MAX_TARGET_BPP 1000
#define MAX_TARGET_PSNR 1000

/* The fields that every version has had. */
#define MIN_SETTINGS_SIZE (sizeof(size_t) + sizeof(void *))

void mica_encode_defaults(MicaEncodeSettings *settings, size_t struct_size)
{
    if (!settings)
        return;
    const MicaEncodeSettings full = {.struct_size = struct_size,
                                     .quality = 50,
                                     .effort = 2,
                                     .cpu_mask = UINT32_MAX,
                                     .alpha_quality = 100};
    memcpy(settings, &full, struct_size < sizeof full ? struct_size : sizeof full);
}

void mica_decode_defaults(MicaDecodeSettings *settings, size_t struct_size)
{
    if (!settings)
        return;
    const MicaDecodeSettings full = {.struct_size = struct_size,
                                     .cpu_mask = UINT32_MAX,
                                     .max_pixels = (uint64_t)1 << 28,
                                     .scale = 1};
    memcpy(settings, &full, struct_size < sizeof full ? struct_size : sizeof full);
}

MicaStatus mica_settings_overlay(void *full, size_t full_size, const void *given, MicaError *error)
{
    if (!given)
        return MICA_OK;
    size_t size;
    memcpy(&size, given, sizeof size);
    if (size < MIN_SETTINGS_SIZE || size > 4096)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "struct_size is not set");
    memcpy(full, given, size < full_size ? size : full_size);
    return MICA_OK;
}

MicaStatus mica_check_threads(int threads, MicaError *error)
{
    if (threads < 0 || threads > MAX_THREADS)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "threads must be 0..%d", MAX_THREADS);
    return MICA_OK;
}

MicaStatus mica_encode_settings_read(const MicaEncodeSettings *given, MicaEncodeSettings *full,
                                     MicaError *error)
{
    mica_encode_defaults(full, sizeof *full);
    const MicaStatus status = mica_settings_overlay(full, sizeof *full, given, error);
    if (status != MICA_OK)
        return status;
    if (!(full->quality >= 0 && full->quality <= 100))
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "quality must be 0..100");
    if (full->effort < 1 || full->effort > 9)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "effort must be 1..9");
    if (full->alpha_quality < 0 || full->alpha_quality > 100)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "alpha_quality must be 0..100");
    if (full->segment != 0 && (full->segment < 32 || full->segment > MICA_MAX_DIMENSION))
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "segment must be 0 or 32..%d",
                         MICA_MAX_DIMENSION);
    if (!(full->target_bpp >= 0 && full->target_bpp <= MAX_TARGET_BPP))
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "target_bpp must be 0..%d",
                         MAX_TARGET_BPP);
    if (!(full->target_psnr >= 0 && full->target_psnr <= MAX_TARGET_PSNR))
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "target_psnr must be 0..%d",
                         MAX_TARGET_PSNR);
    if ((full->target_size > 0) + (full->target_bpp > 0) + (full->target_psnr > 0) > 1)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "only one target can be met");
    return mica_check_threads(full->threads, error);
}

MicaStatus mica_decode_settings_read(const MicaDecodeSettings *given, MicaDecodeSettings *full,
                                     MicaError *error)
{
    mica_decode_defaults(full, sizeof *full);
    const MicaStatus status = mica_settings_overlay(full, sizeof *full, given, error);
    if (status != MICA_OK)
        return status;
    if (full->depth != 0 && full->depth != 8 && full->depth != 16)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "depth must be 8 or 16, or 0");
    if (full->scale != 1 && full->scale != 2 && full->scale != 4 && full->scale != 8)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "scale must be 1, 2, 4 or 8");
    if (full->realism < 0 || full->realism > 100)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "realism must be 0..100");
    return mica_check_threads(full->threads, error);
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
