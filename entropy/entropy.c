/* The public interface: checks, and the choice of a coder for a model. */
#include "mica/entropy.h"

#include "codec/base/mem.h"
#include "entropy/mixture_coder.h"
#include "entropy/shared_tables.h"
#include "entropy/static_tables.h"
#include "entropy/symbol_tables.h"

#define SKIP_MAX 19
#define BLOCK 256

struct MicaEntropyCoder {
    const MicaSymbolTables *symbols; /* zero-mean distributions */
    MicaMixtureDsp dsp;
    MicaMixtureTables mixtures;
    uint8_t coarse[256]; /* scale index of symbol_coder.h nearest to one of the fine grid */
};

struct MicaEntropyDecoder {
    const MicaEntropyCoder *coder;
    uint32_t skip;
    MicaRansDecoder rans;
    MicaMixtureBlock block;
};

typedef enum Kind { KIND_INVALID, KIND_STATIC, KIND_ZERO_MEAN, KIND_MIXTURE } Kind;

MicaStatus mica_entropy_create(MicaEntropyCoder **out, uint32_t cpu_flags)
{
    if (!out)
        return MICA_ERROR_INVALID_ARGUMENT;
    *out = NULL;
    MicaEntropyCoder *coder = mica_alloc_zero(1, sizeof(*coder));
    if (!coder)
        return MICA_ERROR_OUT_OF_MEMORY;
    coder->symbols = mica_shared_tables_acquire();
    if (!coder->symbols) {
        mica_entropy_destroy(&coder);
        return MICA_ERROR_OUT_OF_MEMORY;
    }
    mica_mixture_dsp_init(&coder->dsp, cpu_flags);
    mica_mixture_tables_init(&coder->mixtures);
    for (int i = 0; i < 256; i++) {
        /* Index i is log2(sigma / 0.11) = i / 16 octaves; the coarse grid has 63 steps in 11.184466
         * octaves. */
        int fine = i < MICA_ENTROPY_SCALES ? i : MICA_ENTROPY_SCALES - 1;
        int coarse = (int)(((int64_t)fine * 63 * 1000000 / 16 + 5592233) / 11184466);
        coder->coarse[i] = (uint8_t)(coarse < MICA_SCALE_COUNT ? coarse : MICA_SCALE_COUNT - 1);
    }
    *out = coder;
    return MICA_OK;
}

void mica_entropy_destroy(MicaEntropyCoder **coder)
{
    if (!coder || !*coder)
        return;
    mica_shared_tables_release(&(*coder)->symbols);
    mica_free(*coder);
    *coder = NULL;
}

static Kind model_kind(const MicaEntropyModel *model, size_t count)
{
    if (!model || model->struct_size < sizeof(*model))
        return KIND_INVALID;
    if (model->tables)
        return model->classes || !count ? KIND_STATIC : KIND_INVALID;
    if (model->components < 1 || model->components > MICA_ENTROPY_COMPONENTS_MAX)
        return KIND_INVALID;
    for (int k = 0; k < model->components && count; k++) {
        if (!model->scales[k] || (k + 1 < model->components && !model->weights[k]))
            return KIND_INVALID;
        if (!model->means[k] && model->components > 1)
            return KIND_INVALID;
    }
    return model->components == 1 && !model->means[0] ? KIND_ZERO_MEAN : KIND_MIXTURE;
}

static uint32_t skip_slots(int skip)
{
    return skip ? MICA_RANS_SLOTS - (MICA_RANS_SLOTS >> skip) : MICA_RANS_SLOTS;
}

/* Which elements of a block are coded, with shape and coarse scale, or (in `scales`) with their
 * class. */
typedef struct Coded {
    uint8_t *shapes, *scales;
    uint16_t *elements;
} Coded;

static uint32_t zero_slots(const MicaEntropyCoder *coder, const MicaEntropyModel *model,
                           const Coded *coded, size_t i)
{
    if (model->tables)
        return mica_static_table(model->tables, coded->scales[i])->zero;
    return mica_symbol_model(coder->symbols, coded->shapes[i], coded->scales[i])->zero;
}

/* Fills in the lists of the elements `begin` and after; returns their length. */
static size_t find_coded(const MicaEntropyCoder *coder, const MicaEntropyModel *model,
                         uint32_t skip, size_t begin, size_t count, const Coded *coded)
{
    if (model->tables) {
        memcpy(coded->scales, model->classes + begin, count);
    } else {
        for (size_t i = 0; i < count; i++)
            coded->scales[i] = coder->coarse[model->scales[0][begin + i]];
        if (model->shapes)
            memcpy(coded->shapes, model->shapes + begin, count);
        else
            memset(coded->shapes, MICA_ENTROPY_NORMAL, count);
    }
    if (skip == MICA_RANS_SLOTS)
        return count;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        int keep = zero_slots(coder, model, coded, i) <= skip;
        coded->shapes[n] = coded->shapes[i];
        coded->scales[n] = coded->scales[i];
        coded->elements[n] = (uint16_t)i;
        n += (size_t)keep;
    }
    return n;
}

/* Models with ready tables: gather what is to be coded, then code it. */
static MicaStatus encode_tables(const MicaEntropyCoder *coder, const MicaEntropyModel *model,
                                uint32_t skip, const int16_t *symbols, size_t count,
                                MicaWriter *writer)
{
    uint8_t *shapes = mica_alloc(count, 1), *scales = mica_alloc(count, 1);
    int16_t *kept = mica_alloc(count, sizeof(*kept));
    MicaStatus status = shapes && scales && kept ? MICA_OK : MICA_ERROR_OUT_OF_MEMORY;
    size_t n = 0;
    for (size_t begin = 0; begin < count && status == MICA_OK; begin += BLOCK) {
        uint16_t elements[BLOCK];
        size_t size = count - begin < BLOCK ? count - begin : BLOCK;
        Coded coded = {shapes + n, scales + n, elements};
        size_t found = find_coded(coder, model, skip, begin, size, &coded);
        if (found == size)
            memcpy(kept + n, symbols + begin, size * sizeof(*kept));
        for (size_t i = 0; i < found && found < size; i++)
            kept[n + i] = symbols[begin + elements[i]];
        n += found;
    }
    if (status == MICA_OK && model->tables)
        status = mica_static_encode(model->tables, kept, scales, n, writer);
    else if (status == MICA_OK)
        status = mica_symbols_encode(coder->symbols, kept, shapes, scales, n, writer);
    mica_free(shapes);
    mica_free(scales);
    mica_free(kept);
    return status;
}

static void decode_tables(MicaEntropyDecoder *decoder, const MicaEntropyModel *model,
                          int16_t *symbols, size_t count)
{
    uint8_t shapes[BLOCK], scales[BLOCK];
    uint16_t elements[BLOCK];
    int16_t kept[BLOCK];
    Coded coded = {shapes, scales, elements};
    for (size_t begin = 0; begin < count; begin += BLOCK) {
        size_t size = count - begin < BLOCK ? count - begin : BLOCK;
        size_t n = find_coded(decoder->coder, model, decoder->skip, begin, size, &coded);
        int16_t *out = n == size ? symbols + begin : kept;
        if (model->tables)
            mica_static_decode(model->tables, &decoder->rans, scales, n, out);
        else
            mica_symbols_decode(decoder->coder->symbols, &decoder->rans, shapes, scales, n, out);
        if (n == size)
            continue;
        memset(symbols + begin, 0, size * sizeof(*symbols));
        for (size_t i = 0; i < n; i++)
            symbols[begin + elements[i]] = kept[i];
    }
}

MicaStatus mica_entropy_encode(const MicaEntropyCoder *coder, const MicaEntropyModel *model,
                               int skip, const int16_t *symbols, size_t count, uint8_t **data,
                               size_t *size)
{
    Kind kind = model_kind(model, count);
    if (!coder || kind == KIND_INVALID || skip < 0 || skip > SKIP_MAX || (count && !symbols) ||
        !data || !size)
        return MICA_ERROR_INVALID_ARGUMENT;
    MicaWriter writer = {0};
    mica_write8(&writer, (uint32_t)skip);
    MicaStatus status;
    if (kind == KIND_MIXTURE)
        status = mica_mixture_encode(&coder->mixtures, &coder->dsp, model, skip_slots(skip),
                                     symbols, count, &writer);
    else
        status = encode_tables(coder, model, skip_slots(skip), symbols, count, &writer);
    if (status != MICA_OK) {
        mica_writer_free(&writer);
        return status;
    }
    *data = writer.data;
    *size = writer.size;
    return MICA_OK;
}

void mica_entropy_free(uint8_t *data)
{
    MicaWriter writer = {.data = data};
    mica_writer_free(&writer);
}

static MicaStatus begin(MicaEntropyDecoder *decoder, const MicaEntropyCoder *coder,
                        const uint8_t *data, size_t size)
{
    decoder->coder = coder;
    if (size < 1 || data[0] > SKIP_MAX)
        return MICA_ERROR_BITSTREAM;
    decoder->skip = skip_slots(data[0]);
    return mica_rans_begin(&decoder->rans, data + 1, size - 1);
}

MicaStatus mica_entropy_decoder_open(MicaEntropyDecoder **out, const MicaEntropyCoder *coder,
                                     const uint8_t *data, size_t size)
{
    if (!out || !coder || (!data && size))
        return MICA_ERROR_INVALID_ARGUMENT;
    *out = NULL;
    MicaEntropyDecoder *decoder = mica_alloc_zero(1, sizeof(*decoder));
    if (!decoder)
        return MICA_ERROR_OUT_OF_MEMORY;
    MicaStatus status = begin(decoder, coder, data, size);
    if (status != MICA_OK) {
        mica_free(decoder);
        return status;
    }
    *out = decoder;
    return MICA_OK;
}

MicaStatus mica_entropy_decoder_run(MicaEntropyDecoder *decoder, const MicaEntropyModel *model,
                                    int16_t *symbols, size_t count)
{
    Kind kind = model_kind(model, count);
    if (!decoder || kind == KIND_INVALID || (count && !symbols))
        return MICA_ERROR_INVALID_ARGUMENT;
    if (kind == KIND_MIXTURE)
        mica_mixture_decode(&decoder->coder->mixtures, &decoder->coder->dsp, model, decoder->skip,
                            &decoder->rans, &decoder->block, symbols, count);
    else
        decode_tables(decoder, model, symbols, count);
    return decoder->rans.failed ? MICA_ERROR_BITSTREAM : MICA_OK;
}

MicaStatus mica_entropy_decoder_finish(const MicaEntropyDecoder *decoder)
{
    return decoder ? mica_rans_finish(&decoder->rans) : MICA_ERROR_INVALID_ARGUMENT;
}

void mica_entropy_decoder_close(MicaEntropyDecoder **decoder)
{
    if (!decoder)
        return;
    mica_free(*decoder);
    *decoder = NULL;
}

MicaStatus mica_entropy_decode(const MicaEntropyCoder *coder, const MicaEntropyModel *model,
                               const uint8_t *data, size_t size, int16_t *symbols, size_t count)
{
    MicaEntropyDecoder *decoder;
    MicaStatus status = mica_entropy_decoder_open(&decoder, coder, data, size);
    if (status != MICA_OK)
        return status;
    status = mica_entropy_decoder_run(decoder, model, symbols, count);
    if (status == MICA_OK)
        status = mica_entropy_decoder_finish(decoder);
    mica_entropy_decoder_close(&decoder);
    return status;
}
