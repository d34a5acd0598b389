#include "codec/dec_segments.h"

#include <string.h>

#include "codec/base/cpu.h"
#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/segments.h"
#include "codec/settings.h"
#include "entropy/symbol_coder.h"

/* A segment of the row that is being decoded. */
struct MicaSegmentColumn {
    MicaSymbolDecoder symbols;
    int open, damaged;
};

/* Work space of one thread. */
struct MicaSegmentWork {
    uint8_t *shape, *scale;
    uint32_t *element;
    int16_t *symbol;
};

#define WORK_BYTES (2 + sizeof(uint32_t) + sizeof(int16_t)) /* of one symbol */

size_t mica_segment_decoder_memory(const MicaGrid *grid, const MicaNetwork *network, int columns,
                                   int threads)
{
    return (size_t)columns * sizeof(MicaSegmentColumn) +
           (size_t)threads *
               (sizeof(MicaSegmentWork) + mica_segment_capacity(grid, network) * WORK_BYTES);
}

MicaStatus mica_segment_decoder_create(MicaSegmentDecoder *d, const MicaRunner *runner, int quality,
                                       MicaError *error)
{
    const MicaStatus status =
        mica_latents_create(&d->latents, runner, d->grid, mica_latents_limit(d->grid, d->columns),
                            quality, d->realism, error);
    if (status != MICA_OK)
        return status;
    const size_t threads = (size_t)mica_pool_threads(d->session->pool);
    const size_t capacity = mica_segment_capacity(d->grid, d->session->network);
    d->column = mica_alloc_zero((size_t)d->columns, sizeof *d->column);
    d->work = mica_alloc_zero(threads, sizeof *d->work);
    int failed = !d->column || !d->work;
    for (size_t i = 0; i < threads && !failed; i++) {
        MicaSegmentWork *w = &d->work[i];
        w->shape = mica_alloc(capacity, 1);
        w->scale = mica_alloc(capacity, 1);
        w->element = mica_alloc(capacity, sizeof *w->element);
        w->symbol = mica_alloc(capacity, sizeof *w->symbol);
        failed = !w->shape || !w->scale || !w->element || !w->symbol;
    }
    if (failed)
        return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the decoder");
    return MICA_OK;
}

void mica_segment_decoder_free(MicaSegmentDecoder *d)
{
    for (int i = 0; d->work && i < mica_pool_threads(d->session->pool); i++) {
        mica_free(d->work[i].shape);
        mica_free(d->work[i].scale);
        mica_free(d->work[i].element);
        mica_free(d->work[i].symbol);
    }
    mica_free(d->work);
    mica_free(d->column);
    mica_latents_free(&d->latents);
    d->work = NULL;
    d->column = NULL;
}

int mica_segment_decoder_damaged(const MicaSegmentDecoder *d, int column)
{
    return d->column[column].damaged;
}

static void open_chunk(MicaSegmentDecoder *d, int pass, int index)
{
    MicaSegmentColumn *c = &d->column[index];
    const MicaChunk *chunk =
        &d->chunk[(pass * d->grid->rows + d->row) * d->grid->columns + d->first_column + index];
    c->open = chunk->data && !c->damaged &&
              mica_symbol_decoder_begin(&c->symbols, d->session->network->y_tables, chunk->data,
                                        chunk->size) == MICA_OK;
    c->damaged |= !c->open;
}

static void close_chunk(MicaSegmentColumn *c)
{
    c->damaged |= c->open && mica_symbol_decoder_finish(&c->symbols) != MICA_OK;
    c->open = 0;
}

typedef struct StepJob {
    MicaSegmentDecoder *decoder;
    int step;
} StepJob;

static void decode_segment(void *context, int index, int thread)
{
    const StepJob *j = context;
    MicaSegmentDecoder *d = j->decoder;
    MicaSegmentColumn *c = &d->column[index];
    const MicaSegmentWork *w = &d->work[thread];
    const int each = d->passes > 1;
    if (each || j->step == 0)
        open_chunk(d, each ? j->step : 0, index);
    if (!c->open)
        return;
    const size_t count =
        mica_segment_models(&d->latents, j->step, index, d->skip, w->shape, w->scale, w->element);
    mica_symbol_decoder_run(&c->symbols, w->shape, w->scale, count, w->symbol);
    for (size_t i = 0; i < count; i++)
        d->latents.symbol[w->element[i]] = w->symbol[i];
    if (each || j->step + 1 == MICA_CONTEXT_STEPS)
        close_chunk(c);
}

MicaStatus mica_segment_decoder_row(MicaSegmentDecoder *d, int row, const MicaPlane *z,
                                    MicaError *error)
{
    MicaLatents *l = &d->latents;
    double mark = mica_clock_ms();
    d->row = row;
    for (int i = 0; i < d->columns; i++)
        d->column[i] = (MicaSegmentColumn){0};
    mica_latents_move(l, d->first_column, d->first_column + d->columns, row);
    mica_prior(l, z);
    mica_lap(&mark, &d->hyper_ms);
    for (int step = 0; step < MICA_CONTEXT_STEPS; step++) {
        mica_context(l, step);
        mica_lap(&mark, &d->context_ms);
        memset(l->symbol, 0, l->step_count * sizeof *l->symbol);
        StepJob job = {.decoder = d, .step = step};
        mica_pool_run(d->session->pool, d->columns, decode_segment, &job);
        mica_lap(&mark, &d->entropy_ms);
        mica_dequantise(l, step);
        mica_lap(&mark, &d->context_ms);
    }
    for (int i = 0; i < d->columns; i++) {
        if (d->column[i].damaged && d->suspect)
            mica_latents_clear(l, i);
        if (d->column[i].damaged && !d->tolerant)
            return mica_fail(error, MICA_ERROR_BITSTREAM, "segment %d of the latents is damaged",
                             row * d->grid->columns + d->first_column + i);
    }
    return MICA_OK;
}
