/* Encode one picture at the quality asked for, or at the one that meets a target. */
#include <string.h>

#include "codec/base/cpu.h"
#include "codec/enc_picture.h"
#include "models/gains.h"

/* What the search for a quality calls back with. */
typedef struct Task {
    const MicaSession *session;
    const MicaImage *image, *prediction;
    const MicaEncodeSettings *settings;
    MicaImage *decoded;
    MicaTimes *times;
} Task;

static MicaStatus encode_point(void *context, MicaRatePoint *point, MicaError *error)
{
    const Task *t = context;
    t->times->encodes++;
    return mica_picture_encode_once(t->session, t->image, t->prediction, t->settings, point,
                                    t->decoded, t->times, error);
}

/* The highest effort without a search. */
#define CHEAP_EFFORT 2

/* With a high effort the cheap one finds the neighbourhood first: its sizes are a few per cent
 * larger, and its slope is that of the other. */
static MicaStatus encode_target(const Task *task, MicaRateTarget *target, MicaBuffer *out,
                                MicaError *error)
{
    MicaRatePoint best;
    Task t = *task;
    if (task->settings->effort > CHEAP_EFFORT) {
        MicaEncodeSettings cheap = *task->settings;
        cheap.effort = CHEAP_EFFORT;
        t.settings = &cheap;
        MicaRateTarget rough = *target;
        rough.rough = 1;
        const MicaStatus status =
            mica_rate_search(&rough, encode_point, &t, &best, NULL, &target->slope, error);
        /* Out of reach for the cheap effort may be in reach for the other. */
        if (status != MICA_OK && status != MICA_ERROR_LIMIT)
            return status;
        target->start = status == MICA_OK                 ? best.quality
                        : target->goal == MICA_RATE_BYTES ? 0
                                                          : MICA_MAX_QUALITY;
        mica_buffer_free(&best.stream);
        t.settings = task->settings;
    }
    const MicaStatus status = mica_rate_search(target, encode_point, &t, &best, NULL, NULL, error);
    if (status == MICA_OK)
        *out = best.stream;
    return status;
}

MicaStatus mica_picture_encode(const MicaSession *session, const MicaImage *image,
                               const MicaImage *prediction, const MicaEncodeSettings *settings,
                               MicaBuffer *out, MicaImage *decoded, MicaTimes *times,
                               MicaError *error)
{
    *out = (MicaBuffer){0};
    memset(times, 0, sizeof *times);
    const double start = mica_clock_ms();
    const double pixels = image ? (double)image->width * image->height : 0;
    const Task task = {.session = session,
                       .image = image,
                       .prediction = prediction,
                       .settings = settings,
                       .decoded = decoded,
                       .times = times};
    MicaStatus status;
    if (settings->target_size > 0 || settings->target_bpp > 0 || settings->target_psnr > 0) {
        MicaRateTarget target = {.goal = MICA_RATE_BYTES, .start = -1, .pixels = pixels, .unit = 1};
        if (settings->target_psnr > 0) {
            target.goal = MICA_RATE_PSNR;
            target.value = settings->target_psnr;
            target.measure = "dB";
        } else if (settings->target_bpp > 0) {
            target.value = settings->target_bpp * pixels / 8;
            target.measure = "bits per pixel";
            target.unit = pixels / 8;
        } else {
            target.value = (double)settings->target_size;
            target.measure = "bytes";
        }
        status = encode_target(&task, &target, out, error);
    } else {
        MicaRatePoint point = {.quality = mica_quality_step(settings->quality), .tune = 1};
        status = encode_point((void *)(uintptr_t)&task, &point, error);
        *out = point.stream;
    }
    times->total = mica_clock_ms() - start;
    return status;
}
