/*
 * Loading arbitrary model files. One that is accepted must also be safe to use: the loader promises
 * that no accumulator overflows and no index leaves its table, whatever the weights are, and the
 * sanitizers watch a small picture go through both directions.
 *
 * The first byte says whether the rest is a file or a script of edits, and of what: mostly of a
 * file with a few small tensors, which the parser takes and the networks do not; for a sample of
 * the inputs, since that takes a millisecond, of the small models of the tests, of pictures or of
 * predicted frames.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/base/sha256.h"
#include "codec/dec_picture.h"
#include "codec/enc_picture.h"
#include "entropy/shared_tables.h"
#include "fuzz.h"
#include "models/model.h"
#include "models/model_values.h"

#define DIGEST 32
#define SAMPLE 128
#define TENSORS 5
#define MOST_SYMBOLS 512

/* The symbols of a file's values, which follow each other in one string. */
typedef struct Symbols {
    int16_t symbol[MOST_SYMBOLS];
    uint8_t shape[MOST_SYMBOLS], scale[MOST_SYMBOLS];
    size_t count;
} Symbols;

static void put(Symbols *s, size_t count, int shape, int scale, int value)
{
    fuzz_require(s->count + count <= MOST_SYMBOLS, "room for the symbols");
    for (size_t i = 0; i < count; i++, s->count++) {
        s->symbol[s->count] = (int16_t)value;
        s->shape[s->count] = (uint8_t)shape;
        s->scale[s->count] = (uint8_t)scale;
    }
}

/* A model file of every kind of tensor and code, a few values each. */
static MicaBuffer make_base(void)
{
    static const struct {
        const char *name;
        MicaTensorType type;
        int rows, columns; /* rows 0: one dimension */
        MicaValueCode code;
        int value; /* of all symbols */
    } list[TENSORS] = {
        {"stem.weight",
         MICA_TENSOR_S8,
         3,
         8,
         {.shape = 5, .base = 30, .row_scale = 9, .column_scale = 9},
         -3},
        {"stem.shift",
         MICA_TENSOR_U8,
         0,
         9,
         {.shape = 8, .base = 10, .column_scale = MICA_NO_COLUMNS, .offset = 7},
         0},
        {"y_gain",
         MICA_TENSOR_S16,
         4,
         6,
         {.shape = 4,
          .order = 2,
          .low_bytes = 1,
          .base = 20,
          .column_scale = MICA_NO_COLUMNS,
          .offset = -500},
         1},
        {"stem.bias",
         MICA_TENSOR_S32,
         0,
         5,
         {.shape = 15, .low_bytes = 2, .base = 40, .column_scale = 3},
         2},
        {"y_shape",
         MICA_TENSOR_U8,
         2,
         4,
         {.shape = 0, .order = 1, .base = 63, .column_scale = MICA_NO_COLUMNS},
         0},
    };
    enum { INDEX_SHAPE = 8 }; /* of scale indices, docs/models.md */
    MicaWriter w = {0}, coded = {0};
    Symbols s = {.count = 0};
    size_t low_bytes = 0;
    mica_write_bytes(&w, "MICAMODL", 8);
    mica_write16(&w, MICA_MODEL_FORMAT_VERSION);
    mica_write16(&w, MICA_ARCHITECTURE_PICTURE);
    mica_write8(&w, 4);
    mica_write_bytes(&w, "base", 4);
    for (int i = 0; i < 7; i++)
        mica_write16(&w, i < 3 ? 32 << (i == 1) : 1);
    mica_write16(&w, TENSORS);
    for (int i = 0; i < TENSORS; i++) {
        const MicaValueCode *const c = &list[i].code;
        const int rows = list[i].rows ? list[i].rows : 1;
        mica_write8(&w, (uint32_t)strlen(list[i].name));
        mica_write_bytes(&w, list[i].name, strlen(list[i].name));
        mica_write8(&w, list[i].type);
        mica_write8(&w, list[i].rows ? 2 : 1);
        if (list[i].rows)
            mica_write32(&w, (uint32_t)list[i].rows);
        mica_write32(&w, (uint32_t)list[i].columns);
        const uint8_t code[] = {c->shape, c->order,     c->low_bytes,
                                c->base,  c->row_scale, c->column_scale};
        mica_write_bytes(&w, code, sizeof code);
        mica_write32(&w, (uint32_t)c->offset);
        low_bytes += (size_t)(rows * list[i].columns) * c->low_bytes;
        if (c->column_scale != MICA_NO_COLUMNS)
            put(&s, (size_t)list[i].columns, INDEX_SHAPE, c->column_scale, 0);
        for (int row = 0; row < rows; row++) {
            if (rows > 1)
                put(&s, 1, INDEX_SHAPE, c->row_scale, 0);
            put(&s, (size_t)list[i].columns, c->shape, c->base, list[i].value);
        }
    }
    for (size_t i = 0; i < low_bytes; i++)
        mica_write8(&w, (uint32_t)i & 255);
    /* Never released: no input shall have to build them. */
    const MicaSymbolTables *const tables = mica_shared_tables_acquire();
    fuzz_require(tables != NULL, "tables");
    fuzz_require(mica_symbols_encode(tables, s.symbol, s.shape, s.scale, s.count, &coded) ==
                     MICA_OK,
                 "encode");
    mica_write_bytes(&w, coded.data, coded.size);
    mica_writer_free(&coded);
    uint8_t digest[DIGEST];
    mica_sha256(w.data, w.size, digest);
    mica_write_bytes(&w, digest, DIGEST);
    fuzz_require(!w.failed, "memory");
    MicaModelFile file;
    fuzz_require(mica_model_file_parse(&file, w.data, w.size, 1, NULL) == MICA_OK, "the base");
    fuzz_require(file.tensor_count == TENSORS, "all tensors");
    mica_model_file_free(&file);
    return (MicaBuffer){.data = w.data, .size = w.size};
}

static void use_predicted(const MicaModel *model, uint32_t seed)
{
    const int channels = seed & 1 ? 1 : 3;
    MicaImage image = fuzz_picture(17, 9, channels, 8, seed & 0xffff), back;
    MicaImage prediction = fuzz_picture(17, 9, channels, 8, seed >> 8 & 0xffff);
    MicaSession session;
    MicaTimes times;
    MicaEncodeSettings settings;
    mica_encode_defaults(&settings, sizeof settings);
    settings.quality = seed % 101;
    settings.effort = 1;
    MicaBuffer coded;
    fuzz_require(mica_session_open(&session, model, 1, UINT32_MAX, NULL) == MICA_OK, "session");
    fuzz_require(mica_picture_encode(&session, &image, &prediction, &settings, &coded, NULL, &times,
                                     NULL) == MICA_OK,
                 "a loaded model encodes");
    mica_session_close(&session);
    MicaStream stream;
    MicaDecodeSettings decoder;
    mica_decode_defaults(&decoder, sizeof decoder);
    fuzz_require(mica_stream_read(&stream, coded.data, coded.size, NULL) == MICA_OK, "a stream");
    fuzz_require(mica_session_open(&session, model, 1, seed & 2 ? 0 : UINT32_MAX, NULL) == MICA_OK,
                 "session");
    fuzz_require(mica_picture_decode(&session, &stream, &prediction, &decoder, &back, &times,
                                     NULL) == MICA_OK,
                 "and decodes");
    mica_session_close(&session);
    fuzz_require(back.width == image.width && back.channels == channels, "dimensions");
    mica_image_free(&back);
    mica_image_free(&image);
    mica_image_free(&prediction);
    mica_buffer_free(&coded);
}

static void use(const MicaModel *model, uint32_t seed)
{
    MicaModelInfo info;
    mica_model_info(model, &info);
    fuzz_require(memchr(info.name, 0, sizeof info.name) != NULL, "the name ends");
    /* A model may ask for much memory and time within its limits; such are only loaded. */
    if (info.parameters > 400000)
        return;
    if (info.condition) {
        use_predicted(model, seed);
        return;
    }
    MicaImage image = fuzz_picture(17, 9, seed & 1 ? 1 : 3, 8, seed & 0xffff), back;
    MicaEncodeSettings settings;
    mica_encode_defaults(&settings, sizeof settings);
    settings.model = model;
    settings.quality = seed % 101;
    settings.threads = 1;
    settings.effort = 1;
    MicaBuffer coded;
    const MicaStatus status = mica_image_encode(&image, &settings, &coded, NULL);
    fuzz_require(status == MICA_OK, "a loaded model encodes");
    MicaDecodeSettings decoder;
    mica_decode_defaults(&decoder, sizeof decoder);
    decoder.model = model;
    decoder.threads = 1;
    decoder.cpu_mask = seed & 2 ? 0 : UINT32_MAX; /* what one level wrote, another reads */
    fuzz_require(mica_image_decode(coded.data, coded.size, &decoder, &back, NULL) == MICA_OK,
                 "and decodes");
    fuzz_require(back.width == image.width && back.height == image.height, "dimensions");
    mica_image_free(&back);
    mica_image_free(&image);
    mica_buffer_free(&coded);
}

static void check_error(MicaStatus status, const MicaError *error)
{
    fuzz_require(error->status == status && error->text[0] && !strchr(error->text, '\n'),
                 "one line that says why");
    fuzz_require(status != MICA_ERROR_INTERNAL, "no internal error");
}

/* What the parser promises of a file that it takes. */
static void check_file(const MicaModelFile *file)
{
    static volatile uint8_t sink;
    fuzz_require(memchr(file->name, 0, sizeof file->name) != NULL, "the name ends");
    for (int i = 0; i < file->tensor_count; i++) {
        const MicaTensor *const t = &file->tensors[i];
        const size_t element = t->type == MICA_TENSOR_S32 ? 4 : t->type == MICA_TENSOR_S16 ? 2 : 1;
        size_t count = 1;
        for (int d = 0; d < t->ndim; d++)
            count *= t->dims[d];
        fuzz_require(count == t->count && count > 0, "the count of a tensor");
        for (size_t k = 0; k < count * element; k += 1 + count / 64)
            sink = ((const uint8_t *)t->data)[k];
        if (t->ndim <= 2)
            fuzz_require(mica_model_file_find(file, t->name, t->type, t->dims[0],
                                              t->ndim > 1 ? t->dims[1] : 0) == t,
                         "a tensor by its name");
    }
    (void)sink;
}

static void load_table(const uint8_t *data, size_t size, int verify)
{
    MicaModelFile file;
    MicaError error = {0};
    const MicaStatus status = mica_model_file_parse(&file, data, size, verify, &error);
    if (status != MICA_OK) {
        check_error(status, &error);
        return;
    }
    check_file(&file);
    MicaNetwork *network;
    const MicaStatus built = mica_network_create(&network, &file, 0, &error);
    if (built == MICA_OK)
        mica_network_destroy(&network);
    else
        check_error(built, &error);
    mica_model_file_free(&file);
}

static void load_model(const uint8_t *data, size_t size, int verify, int used, uint32_t seed)
{
    MicaModel *model = NULL;
    MicaError error = {0};
    const MicaStatus status = verify ? mica_model_load(&model, data, size, &error)
                                     : mica_model_load_trusted(&model, data, size, &error);
    if (status == MICA_OK) {
        if (used)
            use(model, seed);
        mica_model_unref(&model);
    } else {
        fuzz_require(model == NULL, "no model on failure");
        check_error(status, &error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t input_size)
{
    static MicaBuffer small;
    if (!small.data)
        small = make_base();
    if (input_size < 2)
        return 0;
    const int mode = input[0], whole = fuzz_sampled(input, input_size, SAMPLE);
    const uint32_t seed = input[1] * 2654435761u;
    size_t size = input_size - 2, base_size = small.size;
    const uint8_t *const base = !whole             ? small.data
                                : (mode >> 6) == 2 ? fuzz_predicted_file(&base_size)
                                : (mode >> 6) == 3 ? fuzz_complete_file(&base_size)
                                                   : fuzz_tiny_file(&base_size);
    uint8_t *const data =
        mode & 1 ? fuzz_copy(input + 2, size) : fuzz_edit(base, base_size, input + 2, size, &size);
    /* The digest is skipped most times, or nothing behind it would be reached. */
    const int verify = !(mode & 6);
    if (verify && mode & 8 && size > DIGEST)
        mica_sha256(data, size - DIGEST, data + size - DIGEST);
    if (whole)
        load_model(data, size, verify, !(mode & 16), seed);
    if (!whole || fuzz_check_all)
        load_table(data, size, verify);
    free(data);
    return 0;
}
