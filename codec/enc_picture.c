/* Encode one picture, a row of segments at a time: analysis, hyperprior, four context steps with
 * quantisation, entropy coding. */
#include "codec/enc_picture.h"

#include <string.h>

#include "codec/alpha.h"
#include "codec/base/cpu.h"
#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/chunks.h"
#include "codec/enc_rounding.h"
#include "codec/enc_search.h"
#include "codec/enc_segments.h"
#include "codec/enc_window.h"
#include "codec/prediction.h"
#include "codec/settings.h"
#include "codec/stream.h"
#include "models/condition.h"

/* Latents of scale indices below this (standard deviation 0.18 step) are not coded. Measured, with
 * distributions fitted to them: 5 costs 0.1 % more bits at equal PSNR, 6 0.3 %, 7 0.7 %, 8 1.3 %; 3
 * and 2 save 0.1 %, for as many symbols again. */
#define SKIP_SCALES 4

/* Side of a segment, in positions of y (16 pixels), that is aimed at, and how many positions a row
 * of segments may have: those are in memory together. Each border costs bits, because what is
 * beyond is not known; smaller segments make smaller regions cheap to decode, and contain damage.
 */
#define SEGMENT_SIDE 64
#define ROW_POSITIONS 65536

/* Cells each way in the middle of a segment that the strength of the restoration filter is chosen
 * by; from SEARCH_EFFORT on it is the whole segment. Without a choice it is the model's. */
#define MEASURED_SIDE 32
#define SEARCH_EFFORT 3
#define UNMEASURED_STRENGTH MICA_RESTORATION_UNIT

typedef struct Encoder {
    const MicaSession *session;
    const MicaImage *image, *prediction;
    const MicaEncodeSettings *settings;
    MicaStreamHeader header;
    MicaGrid grid;
    MicaRounding rounding;
    const MicaRatePoint *trial;
    MicaImage *decoded; /* NULL: nobody asks for it */
    MicaRunner runner;
    MicaCondition condition;
    MicaEncoderWindow window;
    MicaSegmentEncoder segments;
    MicaFeedback feedback;
    MicaRestorationGain gain;
    MicaWriter out, hyper, alpha;
    double hyper_ms, entropy_ms;
} Encoder;

/* Equal parts of about SEGMENT_SIDE, even. */
static int choose_side(int positions)
{
    const int parts = (positions + SEGMENT_SIDE / 2) / SEGMENT_SIDE;
    const int side = parts > 1 ? (positions + parts - 1) / parts : positions;
    return (side + 1) & ~1;
}

static void choose_segments(const MicaGeometry *g, int pixels, MicaStreamHeader *header)
{
    if (pixels > 0) {
        header->segment_width = header->segment_height = (pixels + 31) / 32 * 2;
        return;
    }
    const int most = ROW_POSITIONS / g->w16 & ~1;
    header->segment_width = choose_side(g->coded_w16);
    header->segment_height = choose_side(g->coded_h16);
    if (header->segment_height > most)
        header->segment_height = most;
}

static MicaStatus out_of_memory(MicaError *error)
{
    return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the encoder");
}

/* The search takes every segment by itself, as if nothing were around it: that costs more at the
 * borders of small ones than it gains. */
#define SEARCH_SIDE 16

static MicaSearchSchedule search_schedule(const Encoder *e)
{
    const MicaGrid *g = &e->grid;
    MicaSearchSchedule schedule = mica_search_schedule(e->settings->effort, e->prediction != NULL);
    if (g->columns * g->rows > 1 &&
        (g->segment_width < SEARCH_SIDE || g->segment_height < SEARCH_SIDE))
        schedule.iterations = schedule.sweeps = 0;
    return schedule;
}

static MicaStatus look_at_prediction(Encoder *e, MicaError *error)
{
    if (!e->prediction)
        return MICA_OK;
    double mark = mica_clock_ms();
    const MicaStatus status =
        mica_condition_create(&e->condition, &e->runner, e->prediction, e->header.quality, error);
    e->runner.condition = &e->condition;
    mica_lap(&mark, &e->hyper_ms);
    return status;
}

static MicaStatus setup(Encoder *e, MicaError *error)
{
    const MicaNetwork *network = e->session->network;
    const MicaGeometry g = mica_geometry(e->image->width, e->image->height);
    MicaStreamHeader *h = &e->header;
    memcpy(h->model_id, mica_model_id(e->session->model), MICA_MODEL_ID_SIZE);
    mica_stream_describe(h, e->image);
    h->quality = e->trial->quality;
    h->skip = SKIP_SCALES;
    h->passes = e->settings->progressive ? MICA_CONTEXT_STEPS : 1;
    choose_segments(&g, e->settings->segment, h);
    e->grid = mica_grid(&g, h->segment_width, h->segment_height);

    mica_rounding_init(&e->rounding, e->session->network->y_tables, h->skip, e->settings->effort,
                       e->trial->tune);
    MicaWindowLimit limit = mica_latents_limit(&e->grid, e->grid.columns);
    if (limit.rows < MICA_ENCODER_RUNNER_ROWS)
        limit.rows = MICA_ENCODER_RUNNER_ROWS;
    MicaStatus status = mica_runner_create(&e->runner, network, e->session->pool, &g, limit, error);
    if (status == MICA_OK)
        status = look_at_prediction(e, error);
    if (status != MICA_OK)
        return status;
    status =
        mica_encoder_window_create(&e->window, &e->runner, e->image, h->quality,
                                   mica_encoder_window_rows(mica_grid_most_rows(&e->grid)), error);
    if (status != MICA_OK)
        return status;
    status = mica_segment_encoder_create(&e->segments, e->session, &e->runner, &e->grid,
                                         &e->rounding, h->quality, h->passes, error);
    if (status != MICA_OK)
        return status;
    e->segments.search = (MicaSearchPlan){.image = e->image,
                                          .prediction = e->prediction,
                                          .schedule = search_schedule(e),
                                          .frugality = e->trial->tune};
    const int rounds = e->segments.search.schedule.rounds;
    if (rounds > 0) {
        status = mica_feedback_create(&e->feedback, &e->runner, &e->grid, e->image, rounds, error);
        e->segments.feedback = &e->feedback;
        if (network->config.restoration)
            e->segments.latents.restoration = UNMEASURED_STRENGTH;
    }
    return status;
}

static MicaStatus code_hyper(Encoder *e, MicaError *error)
{
    const MicaGeometry *g = &e->runner.geometry;
    const size_t count = (size_t)g->w64 * (size_t)g->h64 * (size_t)e->runner.network->config.hyper;
    int16_t *symbol = mica_alloc(count, sizeof *symbol);
    uint8_t *shape = mica_alloc(count, 1), *scale = mica_alloc(count, 1);
    MicaStatus status = MICA_ERROR_OUT_OF_MEMORY;
    if (symbol && shape && scale) {
        mica_hyper_symbols(&e->window.hyper_context, &e->window.z, symbol, shape, scale);
        status =
            mica_symbols_encode(e->runner.network->tables, symbol, shape, scale, count, &e->hyper);
    }
    mica_free(symbol);
    mica_free(shape);
    mica_free(scale);
    return status == MICA_OK ? status : out_of_memory(error);
}

static MicaStatus write_stream(Encoder *e, MicaError *error)
{
    MicaWriter latents = {0};
    mica_chunks_write(&latents, e->segments.chunk,
                      (size_t)e->header.passes * (size_t)e->grid.columns * (size_t)e->grid.rows);
    mica_stream_write_header(&e->out, &e->header);
    mica_stream_write_section(&e->out, MICA_SECTION_HYPER, e->hyper.data, e->hyper.size);
    mica_stream_write_section(&e->out, MICA_SECTION_LATENTS, latents.data, latents.size);
    if (e->alpha.size)
        mica_stream_write_section(&e->out, MICA_SECTION_ALPHA, e->alpha.data, e->alpha.size);
    mica_stream_write_metadata(&e->out, e->image);
    const int failed = latents.failed || e->hyper.failed || e->out.failed;
    mica_writer_free(&latents);
    return failed ? out_of_memory(error) : MICA_OK;
}

static MicaRect picture_cells(const MicaImage *image)
{
    return (MicaRect){0, 0, (image->width + 7) / 8, (image->height + 7) / 8};
}

static void measure_segment(Encoder *e, MicaRect cells)
{
    const int width = mica_rect_width(&cells), height = mica_rect_height(&cells);
    if (e->settings->effort < SEARCH_EFFORT && width > MEASURED_SIDE) {
        cells.x0 += (width - MEASURED_SIDE) / 2;
        cells.x1 = cells.x0 + MEASURED_SIDE;
    }
    if (e->settings->effort < SEARCH_EFFORT && height > MEASURED_SIDE) {
        cells.y0 += (height - MEASURED_SIDE) / 2;
        cells.y1 = cells.y0 + MEASURED_SIDE;
    }
    mica_synthesis_gain(&e->segments.latents, cells, &e->gain);
}

/* After a row of segments. Where the decoded picture is asked for, the first row decides. */
static void choose_restoration(Encoder *e, int row)
{
    if (!e->runner.network->config.restoration || (e->decoded && row > 0))
        return;
    e->header.restoration = UNMEASURED_STRENGTH;
    if (e->settings->effort >= 2) {
        const MicaRect known = mica_synthesis_known(&e->segments.latents, row + 1 == e->grid.rows,
                                                    picture_cells(e->image));
        for (int i = 0; i < e->grid.columns; i++) {
            MicaRect cells = mica_rect_scale(mica_grid_rect(&e->grid, i, i + 1, row), 2);
            cells.x1 = cells.x1 < known.x1 ? cells.x1 : known.x1;
            cells.y1 = cells.y1 < known.y1 ? cells.y1 : known.y1;
            if (cells.y0 < cells.y1)
                measure_segment(e, cells);
        }
        e->header.restoration = mica_restoration_strength(&e->gain);
    }
    e->segments.latents.restoration = e->header.restoration;
}

static MicaStatus encode(Encoder *e, MicaError *error)
{
    const MicaCanvas canvas = {e->decoded, 0, 0, 0};
    MicaRect cells = picture_cells(e->image);
    const MicaEncodeSettings *s = e->settings;
    for (int row = 0; row < e->grid.rows; row++) {
        if (s->progress && s->progress(s->progress_user, (double)row / e->grid.rows))
            return mica_fail(error, MICA_ERROR_CANCELLED, "cancelled by the caller");
        const MicaRect rect = mica_grid_rect(&e->grid, 0, e->grid.columns, row);
        mica_encoder_window_advance(&e->window, rect.y0, rect.y1);
        const MicaStatus status =
            mica_segment_encoder_row(&e->segments, row, &e->window.y, &e->window.z, error);
        if (status != MICA_OK)
            return status;
        choose_restoration(e, row);
        if (e->decoded)
            mica_synthesise_known(&e->segments.latents, row + 1 == e->grid.rows, &cells, &canvas);
    }
    double mark = mica_clock_ms();
    MicaStatus status = code_hyper(e, error);
    if (status == MICA_OK && e->image->channels % 2 == 0 &&
        mica_alpha_encode(e->image, e->settings->alpha_quality, e->session->pool, &e->alpha) !=
            MICA_OK)
        return out_of_memory(error);
    if (status == MICA_OK)
        status = write_stream(e, error);
    mica_lap(&mark, &e->entropy_ms);
    return status;
}

static void cleanup(Encoder *e)
{
    if (e->segments.session)
        mica_segment_encoder_free(&e->segments);
    mica_feedback_free(&e->feedback);
    mica_encoder_window_free(&e->window);
    mica_writer_free(&e->hyper);
    mica_writer_free(&e->alpha);
    mica_writer_free(&e->out);
    mica_condition_free(&e->condition);
    mica_runner_free(&e->runner);
}

/* Rows may go up or down in memory; where they overlap, the stride was forgotten. */
static int valid_stride(const MicaImage *image)
{
    const ptrdiff_t row = mica_image_row_bytes(image);
    return image->height == 1 || image->stride >= row || image->stride <= -row;
}

/* Sections have 32-bit sizes. */
static int valid_metadata(const MicaImage *image)
{
    const MicaBuffer *const blocks[] = {&image->icc, &image->exif, &image->xmp};
    for (int i = 0; i < 3; i++)
        if (blocks[i]->size > INT32_MAX || (blocks[i]->size && !blocks[i]->data))
            return 0;
    return 1;
}

/* Decoding is exact and quicker than to keep all latents for it. */
static MicaStatus measure(const MicaSession *session, const MicaImage *image, MicaRatePoint *point,
                          MicaError *error)
{
    MicaDecodeSettings s;
    mica_decode_defaults(&s, sizeof s);
    s.model = session->model;
    s.threads = mica_pool_threads(session->pool);
    s.cpu_mask = session->cpu_flags;
    s.max_pixels = UINT64_MAX;
    MicaImage decoded;
    const MicaStatus status =
        mica_image_decode(point->stream.data, point->stream.size, &s, &decoded, error);
    if (status != MICA_OK)
        return status;
    point->psnr = mica_image_psnr(image, &decoded);
    mica_image_free(&decoded);
    return MICA_OK;
}

MicaStatus mica_picture_encode_once(const MicaSession *session, const MicaImage *image,
                                    const MicaImage *prediction, const MicaEncodeSettings *settings,
                                    MicaRatePoint *point, MicaImage *decoded, MicaTimes *times,
                                    MicaError *error)
{
    point->stream = (MicaBuffer){0};
    if (!image || !image->data || image->width < 1 || image->height < 1 ||
        image->width > MICA_MAX_DIMENSION || image->height > MICA_MAX_DIMENSION ||
        image->channels < 1 || image->channels > 4 ||
        (image->depth != 0 && image->depth != 8 && image->depth != 16) ||
        (image->depth == 16 && (((uintptr_t)image->data | (uintptr_t)image->stride) & 1)) ||
        !valid_stride(image) || !valid_metadata(image))
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "not a valid picture");
    Encoder e = {.image = image,
                 .prediction = prediction,
                 .session = session,
                 .settings = settings,
                 .trial = point,
                 .gain = {.image = image},
                 .decoded = decoded};
    MicaStatus status = mica_prediction_check(prediction, session->network, image->width,
                                              image->height, image->channels, error);
    if (status == MICA_OK && prediction && settings->target_psnr > 0)
        status = mica_fail(error, MICA_ERROR_INVALID_ARGUMENT,
                           "a picture with a prediction cannot have a target of PSNR");
    if (status == MICA_OK)
        status = setup(&e, error);
    if (status == MICA_OK)
        status = encode(&e, error);
    if (status == MICA_OK) {
        point->bytes = e.out.size;
        point->stream = (MicaBuffer){.data = e.out.data, .size = e.out.size};
        e.out = (MicaWriter){0};
        times->analysis += e.window.analysis_ms;
        times->hyper += e.hyper_ms + e.window.hyper_ms + e.segments.hyper_ms;
        times->search += e.segments.search_ms;
        times->context += e.segments.context_ms;
        times->entropy += e.segments.entropy_ms + e.entropy_ms;
    }
    cleanup(&e);
    if (status == MICA_OK && settings->target_psnr > 0) {
        status = measure(session, image, point, error);
        if (status != MICA_OK)
            mica_buffer_free(&point->stream);
    }
    return status;
}

MicaStatus mica_image_encode(const MicaImage *image, const MicaEncodeSettings *settings,
                             MicaBuffer *out, MicaError *error)
{
    if (!out)
        return mica_fail(error, MICA_ERROR_INVALID_ARGUMENT, "no output buffer");
    *out = (MicaBuffer){0};
    MicaEncodeSettings s;
    MicaStatus status = mica_encode_settings_read(settings, &s, error);
    if (status != MICA_OK)
        return status;

    const double start = mica_clock_ms();
    MicaModel *own = NULL;
    if (!s.model) {
        status = mica_model_builtin(&own, "S", error);
        if (status != MICA_OK)
            return status;
    }
    MicaSession session;
    MicaTimes times;
    status = mica_session_open(&session, s.model ? s.model : own, s.threads, s.cpu_mask, error);
    if (status == MICA_OK)
        status = mica_picture_encode(&session, image, NULL, &s, out, NULL, &times, error);
    mica_session_close(&session);
    mica_model_unref(&own);
    if (status == MICA_OK && s.times) {
        *s.times = times;
        s.times->total = mica_clock_ms() - start;
    }
    return status;
}
