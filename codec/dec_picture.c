/* Decode one picture: hyperprior, four context steps with entropy decoding in between, synthesis.
 * Integers only. */
#include "codec/dec_picture.h"

#include <string.h>

#include "codec/alpha.h"
#include "codec/base/cpu.h"
#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "codec/segments.h"
#include "codec/settings.h"
#include "models/nets.h"

/* Work space of one thread. */
typedef struct Workspace {
    uint8_t *shape, *scale;
    uint32_t *element;
    int16_t *symbol;
} Workspace;

typedef struct Decoder {
    const MicaStream *stream;
    const MicaSession *session;
    MicaRunner runner;
    MicaLatents latents;
    int segment_count;
    MicaSymbolDecoder *segment;
    Workspace *workspace;
    int depth; /* of the result, 8 or 16 */
    MicaTimes times;
} Decoder;

static MicaStatus out_of_memory(MicaError *error)
{
    return mica_fail(error, MICA_ERROR_OUT_OF_MEMORY, "no memory for the decoder");
}

/* Split the latents section at its lengths and start a decoder on each segment. */
static MicaStatus open_segments(Decoder *d, MicaError *error)
{
    MicaReader r = mica_reader(d->stream->section[MICA_SECTION_LATENTS],
                               d->stream->section_size[MICA_SECTION_LATENTS]);
    /* Each length takes a byte: a short section cannot ask for many segments. */
    if ((size_t)d->segment_count > d->stream->section_size[MICA_SECTION_LATENTS] + 1)
        return mica_fail(error, MICA_ERROR_BITSTREAM, "the latents are too short");
    d->segment = mica_alloc_zero((size_t)d->segment_count, sizeof *d->segment);
    size_t *length = mica_alloc((size_t)d->segment_count, sizeof *length);
    if (!d->segment || !length) {
        mica_free(length);
        return out_of_memory(error);
    }
    size_t total = 0;
    for (int i = 0; i + 1 < d->segment_count; i++)
        total += length[i] = mica_read_varint(&r);
    MicaStatus status = MICA_OK;
    if (r.failed || total > mica_reader_left(&r))
        status = mica_fail(error, MICA_ERROR_BITSTREAM, "the segment lengths are damaged");
    else
        length[d->segment_count - 1] = mica_reader_left(&r) - total;
    for (int i = 0; i < d->segment_count && status == MICA_OK; i++) {
        const uint8_t *p = mica_read_bytes(&r, length[i]);
        status = mica_symbol_decoder_begin(&d->segment[i], d->session->tables, p, length[i]);
        if (status != MICA_OK)
            mica_fail(error, status, "segment %d of the latents is damaged", i);
    }
    mica_free(length);
    return status;
}

static MicaStatus setup(Decoder *d, MicaError *error)
{
    const MicaStreamHeader *h = &d->stream->header;
    const MicaGeometry g = mica_geometry(h->width, h->height);
    MicaStatus status =
        mica_runner_create(&d->runner, d->session->network, d->session->pool, &g, error);
    if (status != MICA_OK)
        return status;
    status = mica_latents_create(&d->latents, &d->runner, h->quality, error);
    if (status != MICA_OK)
        return status;
    d->segment_count = mica_segment_count(&g, h->segment_rows);
    const int threads = mica_pool_threads(d->session->pool);
    const size_t capacity = mica_segment_capacity(&d->latents, h->segment_rows);
    d->workspace = mica_alloc_zero((size_t)threads, sizeof *d->workspace);
    if (!d->workspace)
        return out_of_memory(error);
    for (int i = 0; i < threads; i++) {
        Workspace *w = &d->workspace[i];
        w->shape = mica_alloc(capacity, 1);
        w->scale = mica_alloc(capacity, 1);
        w->element = mica_alloc(capacity, sizeof *w->element);
        w->symbol = mica_alloc(capacity, sizeof *w->symbol);
        if (!w->shape || !w->scale || !w->element || !w->symbol)
            return out_of_memory(error);
    }
    return open_segments(d, error);
}

static MicaStatus decode_hyper(Decoder *d, MicaError *error)
{
    const MicaGeometry *g = &d->runner.geometry;
    const size_t count = (size_t)g->w64 * (size_t)g->h64 * (size_t)d->runner.network->config.hyper;
    uint8_t *shape = mica_alloc(count, 1), *scale = mica_alloc(count, 1);
    int16_t *z = mica_alloc(count, sizeof *z);
    MicaStatus status = MICA_OK;
    if (shape && scale && z) {
        mica_z_models(&d->runner, d->stream->header.quality, shape, scale);
        MicaSymbolDecoder symbols;
        status = mica_symbol_decoder_begin(&symbols, d->session->tables,
                                           d->stream->section[MICA_SECTION_HYPER],
                                           d->stream->section_size[MICA_SECTION_HYPER]);
        if (status == MICA_OK) {
            mica_symbol_decoder_run(&symbols, shape, scale, count, z);
            status = mica_symbol_decoder_finish(&symbols);
        }
        if (status != MICA_OK)
            mica_fail(error, status, "the hyper latents are damaged");
        else
            status = mica_prior(&d->latents, z, error);
    } else {
        status = out_of_memory(error);
    }
    mica_free(shape);
    mica_free(scale);
    mica_free(z);
    return status;
}

typedef struct SegmentJob {
    Decoder *decoder;
    int step;
} SegmentJob;

static void decode_segment(void *context, int index, int thread)
{
    const SegmentJob *j = context;
    Decoder *d = j->decoder;
    Workspace *w = &d->workspace[thread];
    const MicaStreamHeader *h = &d->stream->header;
    const size_t count = mica_segment_models(&d->latents, j->step, index, h->segment_rows, h->skip,
                                             w->shape, w->scale, w->element);
    mica_symbol_decoder_run(&d->segment[index], w->shape, w->scale, count, w->symbol);
    for (size_t i = 0; i < count; i++)
        d->latents.symbol[w->element[i]] = w->symbol[i];
}

static MicaStatus decode(Decoder *d, MicaImage *image, MicaError *error)
{
    const MicaStreamHeader *h = &d->stream->header;
    double mark = mica_clock_ms();
    MicaStatus status = decode_hyper(d, error);
    if (status != MICA_OK)
        return status;
    mica_lap(&mark, &d->times.hyper);
    for (int step = 0; step < MICA_CONTEXT_STEPS; step++) {
        mica_context(&d->latents, step);
        mica_lap(&mark, &d->times.context);
        memset(d->latents.symbol, 0, d->latents.step_count * sizeof *d->latents.symbol);
        SegmentJob job = {.decoder = d, .step = step};
        mica_pool_run(d->session->pool, d->segment_count, decode_segment, &job);
        mica_lap(&mark, &d->times.entropy);
        mica_dequantise(&d->latents, step);
        mica_lap(&mark, &d->times.context);
    }
    for (int i = 0; i < d->segment_count; i++) {
        status = mica_symbol_decoder_finish(&d->segment[i]);
        if (status != MICA_OK)
            return mica_fail(error, status, "segment %d of the latents is damaged", i);
    }
    status = mica_image_alloc_depth(image, h->width, h->height, h->channels, d->depth);
    if (status != MICA_OK)
        return out_of_memory(error);
    status = mica_synthesise(&d->latents, image, error);
    mica_lap(&mark, &d->times.synthesis);
    if (status == MICA_OK && h->channels % 2 == 0)
        status = mica_alpha_decode(d->stream->section[MICA_SECTION_ALPHA],
                                   d->stream->section_size[MICA_SECTION_ALPHA], h->width, h->height,
                                   h->depth, d->session->pool, image, 0, 0, error);
    mica_lap(&mark, &d->times.entropy);
    return status == MICA_OK ? mica_stream_copy_metadata(d->stream, image, error) : status;
}

static void cleanup(Decoder *d)
{
    for (int i = 0; d->workspace && i < mica_pool_threads(d->session->pool); i++) {
        mica_free(d->workspace[i].shape);
        mica_free(d->workspace[i].scale);
        mica_free(d->workspace[i].element);
        mica_free(d->workspace[i].symbol);
    }
    mica_free(d->workspace);
    mica_free(d->segment);
    mica_latents_free(&d->latents);
    mica_runner_free(&d->runner);
}

MicaStatus mica_picture_decode(const MicaSession *session, const MicaStream *stream,
                               const MicaDecodeSettings *settings, MicaImage *image,
                               MicaTimes *times, MicaError *error)
{
    memset(image, 0, sizeof *image);
    const double start = mica_clock_ms();
    Decoder d = {.stream = stream, .session = session};
    d.depth = settings->depth ? settings->depth : stream->header.depth;
    MicaStatus status = setup(&d, error);
    if (status == MICA_OK)
        status = decode(&d, image, error);
    if (status == MICA_OK) {
        *times = d.times;
        times->total = mica_clock_ms() - start;
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
    status = mica_stream_read(&stream, data, size, error);
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
        status = mica_picture_decode(&session, &stream, &s, image, &times, error);
    mica_session_close(&session);
    mica_model_unref(&own);
    if (status == MICA_OK && s.times) {
        *s.times = times;
        s.times->total = mica_clock_ms() - start;
    }
    return status;
}
