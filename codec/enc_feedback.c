#include "codec/enc_feedback.h"

#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/enc_picture.h"

/* Share of the way that y goes to where the decoded picture says it should be. Neighbours go as
 * well, so all of it would be too far. */
#define SHARE_SIXTEENTHS 12

#define ANALYSED_ROWS 32 /* of y at a time */

MicaStatus mica_feedback_create(MicaFeedback *feedback, const MicaRunner *runner,
                                const MicaGrid *grid, const MicaImage *image, int rounds,
                                MicaError *error)
{
    const size_t row = (size_t)runner->geometry.w16 * (size_t)runner->network->config.latents;
    const int rows = mica_grid_most_rows(grid);
    const int most = 8 * (2 * rows + 2 * mica_analysis_reach(&runner->network->config));
    const int height = most < image->height ? most : image->height;
    *feedback = (MicaFeedback){.image = image};
    feedback->decoded = (MicaImage){.width = image->width,
                                    .channels = image->channels,
                                    .depth = image->depth,
                                    .stride = mica_image_row_bytes(image)};
    feedback->decoded.data = mica_alloc((size_t)height, (size_t)feedback->decoded.stride);
    if (rounds > 1)
        feedback->found = mica_alloc((size_t)rows, row * sizeof *feedback->found);
    feedback->again = mica_alloc(ANALYSED_ROWS, row * sizeof *feedback->again);
    if (!feedback->decoded.data || (rounds > 1 && !feedback->found) || !feedback->again)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the decoded picture");
    return MICA_OK;
}

void mica_feedback_free(MicaFeedback *feedback)
{
    mica_free(feedback->decoded.data);
    mica_free(feedback->found);
    mica_free(feedback->again);
    memset(feedback, 0, sizeof *feedback);
}

void mica_feedback_begin(MicaFeedback *feedback, const MicaLatents *latents, const MicaPlane *y)
{
    const MicaRect *rect = &latents->rect;
    if (!feedback->found)
        return;
    memcpy(feedback->found, mica_plane_at(y, rect->x0, rect->y0),
           mica_rect_area(rect) * (size_t)y->stride * sizeof *y->data);
}

/* The rows of the picture that the analysis of the row of segments looks at, decoded as far as they
 * can be. Returns the first of them. */
static int decode(MicaFeedback *feedback, const MicaLatents *latents)
{
    const MicaRunner *runner = latents->runner;
    const MicaGeometry *g = &runner->geometry;
    MicaImage *decoded = &feedback->decoded;
    const MicaRect picture = {0, 0, (g->width + 7) / 8, (g->height + 7) / 8};
    const MicaRect cells = mica_rect_grow(mica_rect_scale(latents->rect, 2), 0, picture);
    const MicaRect seen =
        mica_rect_grow(cells, mica_analysis_reach(&runner->network->config), picture);
    const int top = 8 * seen.y0, bottom = 8 * seen.y1 < g->height ? 8 * seen.y1 : g->height;
    decoded->height = bottom - top;
    for (int y = top; y < bottom; y++)
        memcpy(decoded->data + (y - top) * decoded->stride,
               feedback->image->data + y * feedback->image->stride, (size_t)decoded->stride);
    const MicaRect known = mica_synthesis_known(latents, latents->rect.y1 >= g->h16, cells);
    const MicaCanvas canvas = {decoded, 0, top, 0};
    if (known.y0 < known.y1)
        mica_synthesise(latents, known, &canvas);
    return top;
}

typedef struct CorrectJob {
    const MicaFeedback *feedback;
    const MicaLatents *latents;
    const MicaPlane *y, *again;
} CorrectJob;

static void correct_row(void *context, int index, int thread)
{
    const CorrectJob *j = context;
    const MicaRect *rect = &j->latents->rect;
    const MicaNetworkConfig *config = &j->latents->runner->network->config;
    const int row = j->again->rect.y0 + index, channels = config->latents;
    const MicaPlane found = {j->feedback->found, channels, *rect};
    (void)thread;
    for (int x = rect->x0; x < rect->x1; x++) {
        int16_t *y = mica_plane_at(j->y, x, row);
        const int16_t *first = found.data ? mica_plane_at(&found, x, row) : y;
        const int16_t *coded = mica_plane_at(&j->latents->features, x, row) + config->prior;
        const int16_t *again = mica_plane_at(j->again, x, row);
        for (int c = 0; c < channels; c++) {
            const int missing = first[c] - y[c] + coded[c] - again[c];
            y[c] = (int16_t)mica_clamp16(y[c] + ((SHARE_SIXTEENTHS * missing + 8) >> 4));
        }
    }
}

void mica_feedback_round(MicaFeedback *feedback, MicaLatents *latents, const MicaPlane *y)
{
    const MicaRunner *runner = latents->runner;
    const MicaRect *rect = &latents->rect;
    const int top = decode(feedback, latents);
    MicaPlane again = {feedback->again, runner->network->config.latents, *rect};
    for (again.rect.y1 = rect->y0; again.rect.y1 < rect->y1;) {
        again.rect.y0 = again.rect.y1;
        again.rect.y1 += ANALYSED_ROWS;
        if (again.rect.y1 > rect->y1)
            again.rect.y1 = rect->y1;
        mica_analyse(runner, &feedback->decoded, top, latents->quality, &again);
        CorrectJob job = {feedback, latents, y, &again};
        mica_pool_run(runner->pool, mica_rect_height(&again.rect), correct_row, &job);
    }
    for (int i = 0; i < latents->segments; i++)
        mica_latents_clear(latents, i);
}
