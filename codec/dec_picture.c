/* Decode one picture, a row of segments at a time: hyperprior, four context steps with entropy
 * decoding in between, synthesis of the pixels that are complete. Integers only. */
#include "codec/dec_picture.h"

#include <string.h>

#include "codec/base/cpu.h"
#include "codec/base/crc32c.h"
#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/dec_alpha.h"
#include "codec/dec_plan.h"
#include "codec/dec_segments.h"
#include "codec/prediction.h"
#include "codec/settings.h"
#include "models/condition.h"
#include "models/hyper_context.h"

typedef struct Decoder {
    const MicaSession *session;
    const MicaStream *stream;
    const MicaImage *prediction;
    const MicaDecodeSettings *settings;
    MicaDecodePlan plan;
    MicaRunner runner;
    MicaCondition condition;
    MicaPlane z;
    MicaChunk *chunks;
    MicaSegmentDecoder segments;
    MicaImage *image;
    size_t damaged_cells; /* of 8x8 pixels */
    int damaged_segments, alpha_damaged;
    double hyper_ms, synthesis_ms;
} Decoder;

static MicaStatus out_of_memory(MicaError *error)
{
    return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the decoder");
}

/* A predicted picture is decoded as a whole, and as 8 bits. */
static MicaStatus check_prediction(const Decoder *d, MicaError *error)
{
    const MicaStreamHeader *h = &d->stream->header;
    const MicaDecodePlan *plan = &d->plan;
    const MicaStatus status = mica_prediction_check(d->prediction, d->session->network, h->width,
                                                    h->height, h->channels, error);
    if (status == MICA_OK && d->prediction &&
        (plan->log2_scale > 0 || plan->region.width != h->width ||
         plan->region.height != h->height || plan->depth != 8))
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                         "a picture with a prediction has no regions, scales or depths");
    return status;
}

static MicaStatus look_at_prediction(Decoder *d, MicaError *error)
{
    if (!d->prediction)
        return MICA_OK;
    double mark = mica_clock_ms();
    const MicaStatus status = mica_condition_create(&d->condition, &d->runner, d->prediction,
                                                    d->stream->header.quality, error);
    d->runner.condition = &d->condition;
    mica_lap(&mark, &d->hyper_ms);
    return status;
}

static MicaStatus setup(Decoder *d, MicaError *error)
{
    const MicaStreamHeader *h = &d->stream->header;
    const MicaDecodePlan *plan = &d->plan;
    const MicaNetwork *network = d->session->network;
    MicaStatus status = mica_decode_plan(&d->plan, h, d->settings, network,
                                         mica_pool_threads(d->session->pool), error);
    if (status == MICA_OK)
        status = check_prediction(d, error);
    if (status != MICA_OK)
        return status;
    if (d->settings->max_memory && plan->memory > d->settings->max_memory)
        return mica_fail(error, MICA_ERROR_LIMIT, "needs %zu MB of memory, more than the limit",
                         (plan->memory >> 20) + 1);
    const size_t chunks = (size_t)plan->grid.columns * (size_t)plan->grid.rows * (size_t)h->passes;
    status =
        mica_chunks_read(&d->chunks, chunks, d->stream->section[MICA_SECTION_LATENTS],
                         d->stream->section_size[MICA_SECTION_LATENTS], d->stream->damaged, error);
    if (status != MICA_OK)
        return status;
    status = mica_runner_create(&d->runner, network, d->session->pool, &plan->geometry, plan->limit,
                                error);
    if (status == MICA_OK)
        status = look_at_prediction(d, error);
    if (status != MICA_OK)
        return status;
    d->segments = (MicaSegmentDecoder){.session = d->session,
                                       .grid = &plan->grid,
                                       .chunk = d->chunks,
                                       .passes = h->passes,
                                       .skip = h->skip,
                                       .tolerant = d->stream->tolerant,
                                       .realism = d->settings->realism,
                                       .first_column = plan->first_column,
                                       .columns = plan->last_column - plan->first_column};
    if (h->restoration && !network->config.restoration)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the model has no restoration filter");
    status = mica_segment_decoder_create(&d->segments, &d->runner, h->quality, error);
    d->segments.latents.restoration = h->restoration;
    return status;
}

/* z from one string of the coder, which must end as it should. */
static MicaStatus decode_z(Decoder *d, const uint8_t *data, size_t size)
{
    const MicaNetwork *const n = d->session->network;
    const int channels = n->config.hyper;
    int16_t decoded[MICA_HYPER_VALUES];
    MicaHyperContext context;
    MicaHyperModels models;
    MicaHyperGroup group;
    MicaSymbolDecoder symbols;
    mica_hyper_context_init(&context, n, d->stream->header.quality);
    MicaHyperWalk walk = mica_hyper_walk(&context, &d->z, 0, d->z.rect.y1);
    const MicaStatus status = mica_symbol_decoder_begin(&symbols, n->tables, data, size);
    while (mica_hyper_next(&walk, &group)) {
        mica_hyper_context(&context, &d->z, &group, &models);
        mica_symbol_decoder_run(&symbols, models.shape, models.scale,
                                (size_t)(group.count * channels), decoded);
        for (int i = 0; i < group.count; i++) {
            int16_t *const z = mica_hyper_group_at(&group, &d->z, i);
            for (int c = 0, k = i * channels; c < channels; c++, k++)
                z[c] = mica_hyper_latent(decoded[k], models.mean[k]);
        }
    }
    return status == MICA_OK ? mica_symbol_decoder_finish(&symbols) : status;
}

/* Undo the damage to a single byte, which the checksum locates and the coder's end proves. What was
 * tried last stays in z: the symbols before the damage are right in any case. */
static MicaStatus repair_z(Decoder *d)
{
    const uint8_t *const section = d->stream->section[MICA_SECTION_HYPER];
    const size_t size = d->stream->section_size[MICA_SECTION_HYPER];
    size_t position;
    uint8_t change;
    if (mica_crc32c_locate(d->stream->hyper_difference, size, &position, &change) != 1)
        return MICA_ERROR_BITSTREAM;
    uint8_t *const copy = mica_alloc(size, 1);
    if (!copy)
        return MICA_ERROR_OUT_OF_MEMORY;
    memcpy(copy, section, size);
    copy[size - 1 - position] ^= change;
    const MicaStatus status = decode_z(d, copy, size);
    mica_free(copy);
    return status;
}

static MicaStatus decode_hyper(Decoder *d, MicaError *error)
{
    const MicaGeometry *g = &d->runner.geometry;
    const int channels = d->session->network->config.hyper;
    const size_t count = (size_t)g->w64 * (size_t)g->h64 * (size_t)channels;
    double mark = mica_clock_ms();
    d->z = (MicaPlane){mica_alloc(count, sizeof *d->z.data), channels, {0, 0, g->w64, g->h64}};
    MicaStatus status = MICA_OK;
    if (d->z.data) {
        status = decode_z(d, d->stream->section[MICA_SECTION_HYPER],
                          d->stream->section_size[MICA_SECTION_HYPER]);
        if (status == MICA_ERROR_BITSTREAM && d->stream->hyper_damaged) {
            status = repair_z(d);
            d->segments.suspect = status == MICA_ERROR_BITSTREAM;
        }
        if (status == MICA_ERROR_OUT_OF_MEMORY)
            out_of_memory(error);
        else if (status != MICA_OK && !d->segments.suspect)
            mica_fail(error, status, "the hyper latents are damaged");
        else
            status = MICA_OK;
    } else {
        status = out_of_memory(error);
    }
    mica_lap(&mark, &d->hyper_ms);
    return status;
}

/* Adds what is missing of the row of segments, as far as it is part of the region. */
static void count_damage(Decoder *d, int row)
{
    const MicaDecodePlan *plan = &d->plan;
    const MicaRect cells = plan->cells;
    for (int i = 0; i < d->segments.columns; i++) {
        if (!mica_segment_decoder_damaged(&d->segments, i))
            continue;
        const int column = plan->first_column + i;
        const MicaRect r = mica_rect_scale(mica_grid_rect(&plan->grid, column, column + 1, row), 2);
        const MicaRect common = {
            r.x0 > cells.x0 ? r.x0 : cells.x0, r.y0 > cells.y0 ? r.y0 : cells.y0,
            r.x1 < cells.x1 ? r.x1 : cells.x1, r.y1 < cells.y1 ? r.y1 : cells.y1};
        d->damaged_segments++;
        if (common.x0 < common.x1 && common.y0 < common.y1)
            d->damaged_cells += mica_rect_area(&common);
    }
}

/* How much of the work is done, 0..1; MICA_ERROR_CANCELLED if the caller has had enough. */
static MicaStatus report_progress(const Decoder *d, int row, MicaError *error)
{
    const MicaDecodeSettings *s = d->settings;
    const double all = d->plan.last_row - d->plan.first_row;
    if (s->progress && s->progress(s->progress_user, (row - d->plan.first_row) / all))
        return mica_fail(error, MICA_ERROR_CANCELLED, "cancelled by the caller");
    return MICA_OK;
}

static void make_opaque(MicaImage *image)
{
    const int bytes = image->depth / 8, step = image->channels * bytes;
    for (int y = 0; y < image->height; y++) {
        uint8_t *alpha = image->data + y * image->stride + step - bytes;
        for (int x = 0; x < image->width; x++, alpha += step)
            memset(alpha, 255, (size_t)bytes);
    }
}

static MicaStatus decode_alpha(Decoder *d, MicaError *error)
{
    const MicaStream *s = d->stream;
    if (s->header.channels % 2 != 0)
        return MICA_OK;
    double mark = mica_clock_ms();
    MicaStatus status = MICA_ERROR_BITSTREAM;
    if (s->section[MICA_SECTION_ALPHA])
        status = mica_decode_alpha(s, &d->plan, d->session->pool, d->image, error);
    if (status == MICA_ERROR_BITSTREAM && s->tolerant) {
        make_opaque(d->image);
        d->alpha_damaged = 1;
        status = MICA_OK;
    }
    mica_lap(&mark, &d->segments.entropy_ms);
    return status;
}

static MicaStatus decode(Decoder *d, MicaError *error)
{
    const MicaDecodePlan *plan = &d->plan;
    MicaStatus status = decode_hyper(d, error);
    if (status != MICA_OK)
        return status;
    const MicaCanvas canvas = {d->image, plan->region.x, plan->region.y, plan->log2_scale};
    status = mica_image_alloc_depth(d->image, plan->region.width, plan->region.height,
                                    d->stream->header.channels, plan->depth);
    if (status != MICA_OK)
        return out_of_memory(error);
    MicaRect cells = plan->cells;
    for (int row = plan->first_row; row < plan->last_row; row++) {
        status = report_progress(d, row, error);
        if (status == MICA_OK)
            status = mica_segment_decoder_row(&d->segments, row, &d->z, error);
        if (status != MICA_OK)
            return status;
        count_damage(d, row);
        double mark = mica_clock_ms();
        mica_synthesise_known(&d->segments.latents, row + 1 == plan->last_row, &cells, &canvas);
        mica_lap(&mark, &d->synthesis_ms);
    }
    status = decode_alpha(d, error);
    if (status == MICA_OK)
        status = mica_stream_copy_metadata(d->stream, d->image, error);
    return status == MICA_OK ? report_progress(d, plan->last_row, error) : status;
}

static void report_damage(const Decoder *d, MicaDamage *damage)
{
    const MicaDecodePlan *plan = &d->plan;
    damage->found = d->stream->damaged || d->damaged_segments > 0 || d->alpha_damaged;
    damage->segments =
        (plan->last_row - plan->first_row) * (plan->last_column - plan->first_column);
    damage->damaged_segments = d->damaged_segments;
    damage->damaged_area = (double)d->damaged_cells / (double)mica_rect_area(&plan->cells);
}

static void cleanup(Decoder *d)
{
    if (d->segments.session)
        mica_segment_decoder_free(&d->segments);
    mica_free(d->chunks);
    mica_free(d->z.data);
    mica_condition_free(&d->condition);
    mica_runner_free(&d->runner);
}

MicaStatus mica_picture_decode(const MicaSession *session, const MicaStream *stream,
                               const MicaImage *prediction, const MicaDecodeSettings *settings,
                               MicaImage *image, MicaTimes *times, MicaError *error)
{
    memset(image, 0, sizeof *image);
    const double start = mica_clock_ms();
    Decoder d = {.stream = stream,
                 .session = session,
                 .prediction = prediction,
                 .settings = settings,
                 .image = image};
    MicaStatus status = setup(&d, error);
    if (status == MICA_OK)
        status = decode(&d, error);
    if (status == MICA_OK) {
        *times = (MicaTimes){.hyper = d.hyper_ms + d.segments.hyper_ms,
                             .context = d.segments.context_ms,
                             .entropy = d.segments.entropy_ms,
                             .synthesis = d.synthesis_ms,
                             .total = mica_clock_ms() - start};
        if (settings->damage)
            report_damage(&d, settings->damage);
    } else {
        mica_image_free(image);
    }
    cleanup(&d);
    return status;
}

MicaStatus mica_image_decode(const void *data, size_t size, const MicaDecodeSettings *settings,
                             MicaImage *image, MicaError *error)
{
    if (!image)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no place for the picture");
    memset(image, 0, sizeof *image);
    const double start = mica_clock_ms();
    MicaDecodeSettings s;
    MicaStatus status = mica_decode_settings_read(settings, &s, error);
    if (status != MICA_OK)
        return status;
    MicaStream stream;
    status =
        (s.best_effort ? mica_stream_read_tolerant : mica_stream_read)(&stream, data, size, error);
    if (status != MICA_OK)
        return status;
    const MicaStreamHeader *h = &stream.header;
    if ((uint64_t)h->width * (uint64_t)h->height > s.max_pixels)
        return mica_fail(error, MICA_ERROR_LIMIT, "%dx%d pixels are more than the limit", h->width,
                         h->height);
    MicaModel *own = NULL;
    if (!s.model) {
        status = mica_model_builtin_by_id(&own, h->model_id, error);
        if (status != MICA_OK)
            return status;
    } else if (memcmp(mica_model_id(s.model), h->model_id, MICA_MODEL_ID_SIZE) != 0) {
        return mica_fail(error, MICA_ERROR_MODEL_MISMATCH,
                         "the file was written with another model");
    }
    MicaSession session;
    MicaTimes times;
    status = mica_session_open(&session, s.model ? s.model : own, s.threads, s.cpu_mask, error);
    if (status == MICA_OK)
        status = mica_picture_decode(&session, &stream, NULL, &s, image, &times, error);
    mica_session_close(&session);
    mica_model_unref(&own);
    if (status == MICA_OK && s.times) {
        *s.times = times;
        s.times->total = mica_clock_ms() - start;
    }
    return status;
}
