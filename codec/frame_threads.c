#include "codec/frame_threads.h"

#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/prediction.h"
#include "codec/settings.h"

/* More frames at once would need memory without end and help nobody. */
#define MAX_FRAME_THREADS 64

static MicaStatus open_worker(MicaFrameWorker *w, const MicaVideoInfo *info, const MicaModel *model,
                              int threads, uint32_t cpu_mask, int with_image, MicaError *error)
{
    MicaStatus status = mica_session_open(&w->session, model, threads, cpu_mask, error);
    if (status == MICA_OK)
        status = mica_prediction_check_kind(w->session.network, 0, error);
    if (status != MICA_OK)
        return status;
    status = mica_yuv_create(&w->yuv, info, mica_pool_threads(w->session.pool));
    if (status == MICA_OK && with_image)
        status =
            mica_image_alloc(&w->image, info->width, info->height, mica_yuv_channels(info->format));
    return status == MICA_OK ? status : mica_fail(error, status, "no memory for a frame");
}

MicaStatus mica_frame_threads_open(MicaFrameThreads *t, const MicaVideoInfo *info,
                                   const MicaModel *model, int threads, int frame_threads,
                                   uint32_t cpu_mask, int with_image, MicaError *error)
{
    const int all = mica_threads_wanted(threads);
    t->count = frame_threads ? frame_threads : all;
    if (t->count > MAX_FRAME_THREADS)
        t->count = MAX_FRAME_THREADS;
    t->worker = mica_alloc_zero((size_t)t->count, sizeof *t->worker);
    if (!t->worker)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the threads");
    const int share = all > t->count ? all / t->count : 1;
    MicaStatus status = MICA_OK;
    for (int i = 0; i < t->count && status == MICA_OK; i++)
        status = open_worker(&t->worker[i], info, model, share, cpu_mask, with_image, error);
    return status;
}

void mica_frame_threads_close(MicaFrameThreads *t)
{
    for (int i = 0; t->worker && i < t->count; i++) {
        mica_session_close(&t->worker[i].session);
        mica_yuv_free(&t->worker[i].yuv);
        mica_image_free(&t->worker[i].image);
    }
    mica_free(t->worker);
    memset(t, 0, sizeof *t);
}

size_t mica_frame_bytes(const MicaVideoInfo *info)
{
    size_t bytes = 0;
    for (int p = 0; p < mica_pixel_planes(info->format); p++)
        bytes += mica_pixel_row_bytes(info->format, info->width, p) *
                 (size_t)mica_pixel_rows(info->format, info->height, p);
    return bytes;
}

void mica_frame_place(const MicaVideoInfo *info, uint8_t *block, MicaVideoFrame *frame)
{
    for (int p = 0; p < MICA_PLANES; p++) {
        const size_t row = mica_pixel_row_bytes(info->format, info->width, p);
        frame->data[p] = row ? block : NULL;
        frame->stride[p] = (ptrdiff_t)row;
        block += row * (size_t)mica_pixel_rows(info->format, info->height, p);
    }
}

void mica_frame_copy(const MicaVideoInfo *info, uint8_t *block, MicaVideoFrame *frame)
{
    const MicaVideoFrame from = *frame;
    mica_frame_place(info, block, frame);
    for (int p = 0; p < mica_pixel_planes(info->format); p++)
        for (int y = 0; y < mica_pixel_rows(info->format, info->height, p); y++)
            memcpy(frame->data[p] + y * frame->stride[p], from.data[p] + y * from.stride[p],
                   (size_t)frame->stride[p]);
}
