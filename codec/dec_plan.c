#include "codec/dec_plan.h"

#include "codec/base/diag.h"
#include "codec/chunks.h"
#include "codec/dec_segments.h"
#include "codec/segments.h"
#include "models/condition.h"

static MicaStatus choose_region(MicaDecodePlan *plan, const MicaStreamHeader *h,
                                const MicaDecodeSettings *s, MicaError *error)
{
    const int scale = s->scale;
    const int width = (h->width + scale - 1) / scale, height = (h->height + scale - 1) / scale;
    MicaRegion r = s->region;
    if (r.width == 0 && r.height == 0)
        r = (MicaRegion){0, 0, width, height};
    if (r.width < 1 || r.height < 1 || r.x < 0 || r.y < 0 || r.x > width - r.width ||
        r.y > height - r.height)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                         "the region %dx%d+%d+%d is not in the picture of %dx%d", r.width, r.height,
                         r.x, r.y, width, height);
    const int side = 8 / scale;
    while (1 << plan->log2_scale < scale)
        plan->log2_scale++;
    plan->region = r;
    plan->cells = (MicaRect){r.x / side, r.y / side, (r.x + r.width + side - 1) / side,
                             (r.y + r.height + side - 1) / side};
    return MICA_OK;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

MicaStatus mica_decode_plan(MicaDecodePlan *plan, const MicaStreamHeader *header,
                            const MicaDecodeSettings *settings, const MicaNetwork *network,
                            int threads, MicaError *error)
{
    *plan = (MicaDecodePlan){.geometry = mica_geometry(header->width, header->height)};
    const MicaStatus status = choose_region(plan, header, settings, error);
    if (status != MICA_OK)
        return status;
    plan->depth = settings->depth ? settings->depth : header->depth;
    plan->grid = mica_grid(&plan->geometry, header->segment_width, header->segment_height);
    const MicaGrid *grid = &plan->grid;
    /* The last segments reach beyond the coded positions, into the padding. */
    const MicaRect y = mica_synthesis_latents(network, &plan->geometry, plan->cells);
    plan->first_column = smaller(y.x0 / grid->segment_width, grid->columns - 1);
    plan->first_row = smaller(y.y0 / grid->segment_height, grid->rows - 1);
    plan->last_column =
        smaller((y.x1 + grid->segment_width - 1) / grid->segment_width, grid->columns);
    plan->last_row = smaller((y.y1 + grid->segment_height - 1) / grid->segment_height, grid->rows);
    plan->limit = mica_latents_limit(grid, plan->last_column - plan->first_column);

    const size_t z = (size_t)plan->geometry.w64 * (size_t)plan->geometry.h64 *
                     (size_t)network->config.hyper * sizeof(int16_t);
    const size_t chunks = (size_t)grid->columns * (size_t)grid->rows * (size_t)header->passes;
    plan->memory =
        (size_t)plan->region.width * (size_t)plan->region.height * (size_t)header->channels *
            (size_t)(plan->depth / 8) +
        mica_runner_memory(network, &plan->geometry, plan->limit, threads) +
        mica_latents_memory(network, plan->limit, settings->realism) + z +
        mica_chunks_memory(chunks) + mica_condition_memory(network, &plan->geometry) +
        mica_segment_decoder_memory(grid, network, plan->last_column - plan->first_column, threads);
    return MICA_OK;
}
