#include "codec/enc_segments.h"

#include <string.h>

#include "codec/base/cpu.h"
#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/enc_rounding.h"
#include "codec/segments.h"
#include "codec/settings.h"
#include "entropy/symbol_coder.h"

/* Symbols of a segment, gathered before coding because rANS codes the last one first. */
struct MicaSegmentSymbols {
    int16_t *symbol;
    uint8_t *shape, *scale;
    size_t count;
    MicaStatus status;
};

static MicaStatus out_of_memory(MicaError *error)
{
    return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the encoder");
}

MicaStatus mica_segment_encoder_create(MicaSegmentEncoder *e, const MicaSession *session,
                                       const MicaRunner *runner, const MicaGrid *grid,
                                       const MicaRounding *rounding, int quality, int passes,
                                       MicaError *error)
{
    *e = (MicaSegmentEncoder){
        .session = session, .grid = grid, .rounding = rounding, .passes = passes};
    mica_rounding_init(&e->plain, session->network->y_tables, rounding->skip, 1, 1);
    MicaStatus status = mica_latents_create(
        &e->latents, runner, grid, mica_latents_limit(grid, grid->columns), quality, 0, error);
    if (status != MICA_OK)
        return status;
    const size_t columns = (size_t)grid->columns;
    e->capacity = mica_segment_capacity(grid, session->network);
    e->segment = mica_alloc_zero(columns, sizeof *e->segment);
    e->chunk = mica_alloc_zero(columns * (size_t)grid->rows, (size_t)passes * sizeof *e->chunk);
    e->element =
        mica_alloc((size_t)mica_pool_threads(session->pool), e->capacity * sizeof *e->element);
    if (!e->segment || !e->element || !e->chunk)
        return out_of_memory(error);
    const size_t steps = (size_t)(MICA_CONTEXT_STEPS / passes);
    for (size_t i = 0; i < columns; i++) {
        MicaSegmentSymbols *s = &e->segment[i];
        s->symbol = mica_alloc(e->capacity, steps * sizeof *s->symbol);
        s->shape = mica_alloc(e->capacity, steps);
        s->scale = mica_alloc(e->capacity, steps);
        if (!s->symbol || !s->shape || !s->scale)
            return out_of_memory(error);
    }
    return MICA_OK;
}

void mica_segment_encoder_free(MicaSegmentEncoder *e)
{
    for (int i = 0; e->segment && i < e->grid->columns; i++) {
        mica_free(e->segment[i].symbol);
        mica_free(e->segment[i].shape);
        mica_free(e->segment[i].scale);
    }
    mica_free(e->segment);
    for (int i = 0; e->chunk && i < e->grid->columns * e->grid->rows * e->passes; i++)
        mica_writer_free(&e->chunk[i]);
    mica_free(e->chunk);
    mica_free(e->element);
    mica_latents_free(&e->latents);
    memset(e, 0, sizeof *e);
}

typedef struct RowJob {
    MicaSegmentEncoder *encoder;
    int step;
    MicaWriter *chunk; /* of the first segment of the row */
} RowJob;

static void gather_segment(void *context, int index, int thread)
{
    const RowJob *j = context;
    MicaSegmentEncoder *e = j->encoder;
    MicaSegmentSymbols *s = &e->segment[index];
    uint32_t *element = e->element + (size_t)thread * e->capacity;
    const size_t count = mica_segment_models(&e->latents, j->step, index, e->rounding->skip,
                                             s->shape + s->count, s->scale + s->count, element);
    int16_t *symbol = s->symbol + s->count;
    for (size_t i = 0; i < count; i++)
        symbol[i] = e->latents.symbol[element[i]];
    s->count += count;
}

static void code_segment(void *context, int index, int thread)
{
    const RowJob *j = context;
    MicaSegmentSymbols *s = &j->encoder->segment[index];
    (void)thread;
    s->status = mica_symbols_encode(j->encoder->session->network->y_tables, s->symbol, s->shape,
                                    s->scale, s->count, &j->chunk[index]);
    s->count = 0;
}

static MicaStatus code_row(MicaSegmentEncoder *e, int row, int pass, MicaError *error)
{
    const int columns = e->grid->columns;
    RowJob job = {.encoder = e, .chunk = e->chunk + (pass * e->grid->rows + row) * columns};
    mica_pool_run(e->session->pool, columns, code_segment, &job);
    for (int i = 0; i < columns; i++)
        if (e->segment[i].status != MICA_OK || job.chunk[i].failed)
            return out_of_memory(error);
    return MICA_OK;
}

static void quantise_step(MicaSegmentEncoder *e, int step, const MicaPlane *y,
                          const MicaRounding *rounding)
{
    mica_context(&e->latents, step);
    mica_quantise(&e->latents, step, y, rounding);
    mica_dequantise(&e->latents, step);
}

static void feed_back(MicaSegmentEncoder *e, const MicaPlane *y)
{
    mica_feedback_begin(e->feedback, &e->latents, y);
    for (int round = 0; round < e->search.schedule.rounds; round++) {
        for (int step = 0; step < MICA_CONTEXT_STEPS; step++)
            quantise_step(e, step, y, e->rounding);
        mica_feedback_round(e->feedback, &e->latents, y);
    }
}

MicaStatus mica_segment_encoder_row(MicaSegmentEncoder *e, int row, const MicaPlane *y,
                                    const MicaPlane *z, MicaError *error)
{
    double mark = mica_clock_ms();
    mica_latents_move(&e->latents, 0, e->grid->columns, row);
    mica_prior(&e->latents, z);
    mica_lap(&mark, &e->hyper_ms);
    if (e->feedback)
        feed_back(e, y);
    const int searched = !mica_search_is_idle(e->search.schedule);
    if (searched) {
        const MicaStatus status = mica_search_latents(e->session, &e->latents, &e->search,
                                                      e->rounding->skip, y, z, error);
        if (status != MICA_OK)
            return status;
    }
    mica_lap(&mark, &e->search_ms);
    for (int step = 0; step < MICA_CONTEXT_STEPS; step++) {
        quantise_step(e, step, y, searched ? &e->plain : e->rounding);
        RowJob job = {.encoder = e, .step = step};
        mica_pool_run(e->session->pool, e->grid->columns, gather_segment, &job);
        mica_lap(&mark, &e->context_ms);
        if (e->passes > 1 || step + 1 == MICA_CONTEXT_STEPS) {
            const MicaStatus status = code_row(e, row, e->passes > 1 ? step : 0, error);
            mica_lap(&mark, &e->entropy_ms);
            if (status != MICA_OK)
                return status;
        }
    }
    return MICA_OK;
}
