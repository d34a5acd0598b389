#include "codec/enc_window.h"

#include <string.h>

#include "codec/base/cpu.h"
#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/settings.h"

/* Rows of z that are computed at a time. */
#define HYPER_ROWS ((MICA_ENCODER_RUNNER_ROWS - 6) / 4)

/* How far the hyper nets reach beyond the rows that are coded: 14 rows below (z for the prior, and
 * what z is computed from), 3 above. */
#define REACH 18

int mica_encoder_window_rows(int rows)
{
    return rows + REACH;
}

MicaStatus mica_encoder_window_create(MicaEncoderWindow *window, const MicaRunner *runner,
                                      const MicaImage *image, int quality, int rows,
                                      MicaError *error)
{
    const MicaGeometry *g = &runner->geometry;
    const MicaNetworkConfig *c = &runner->network->config;
    const int limit = rows < g->h16 ? rows : g->h16;
    *window = (MicaEncoderWindow){.runner = runner, .image = image, .quality = quality};
    mica_hyper_context_init(&window->hyper_context, runner->network, quality);
    window->y.stride = c->latents;
    window->y.rect = (MicaRect){0, 0, g->w16, 0};
    window->y.data = mica_alloc((size_t)g->w16 * (size_t)limit, (size_t)c->latents * 2);
    window->rows = limit;
    window->z.stride = c->hyper;
    window->z.rect = (MicaRect){0, 0, g->w64, g->h64};
    window->z.data = mica_alloc((size_t)g->w64 * (size_t)g->h64, (size_t)c->hyper * 2);
    if (!window->y.data || !window->z.data) {
        mica_encoder_window_free(window);
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the latents");
    }
    return MICA_OK;
}

void mica_encoder_window_free(MicaEncoderWindow *window)
{
    mica_free(window->y.data);
    mica_free(window->z.data);
    memset(window, 0, sizeof *window);
}

/* Drop the rows above `first`. */
static void drop_rows(MicaPlane *y, int first)
{
    const size_t row = (size_t)mica_rect_width(&y->rect) * (size_t)y->stride;
    memmove(y->data, mica_plane_at(y, 0, first), (size_t)(y->rect.y1 - first) * row * 2);
    y->rect.y0 = first;
}

void mica_encoder_window_advance(MicaEncoderWindow *window, int first, int last)
{
    const MicaGeometry *g = &window->runner->geometry;
    const int z_last = mica_prior_rows_needed(g, last);
    int y_last = mica_hyper_rows_needed(z_last);
    if (y_last < last)
        y_last = last;
    if (y_last > g->h16)
        y_last = g->h16;
    double mark = mica_clock_ms();
    MicaPlane *y = &window->y;
    const int before = mica_hyper_rows_before(window->z_rows);
    if (before < first)
        first = before;
    if (y_last - y->rect.y0 > window->rows && first > y->rect.y0)
        drop_rows(y, first);
    if (y_last > y->rect.y1) {
        MicaPlane fresh = {.stride = y->stride, .rect = {0, y->rect.y1, g->w16, y_last}};
        fresh.data = mica_plane_at(y, 0, y->rect.y1);
        mica_analyse(window->runner, window->image, 0, window->quality, &fresh);
        y->rect.y1 = y_last;
    }
    mica_lap(&mark, &window->analysis_ms);
    while (window->z_rows < z_last) {
        const int end = z_last - window->z_rows > HYPER_ROWS ? window->z_rows + HYPER_ROWS : z_last;
        mica_hyper_analyse(window->runner, y, window->quality, window->z_rows, end, &window->z);
        mica_hyper_quantise(&window->hyper_context, &window->z, window->z_rows, end);
        window->z_rows = end;
    }
    mica_lap(&mark, &window->hyper_ms);
}
