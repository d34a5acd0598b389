#include "models/model_values.h"

#include <string.h>

#include "codec/base/diag.h"
#include "codec/base/mem.h"
#include "entropy/shared_tables.h"

#define SCALE_SHAPE 8 /* of the distribution of scale indices: between Laplace's and the normal */

/* What decoding one tensor needs, with room for one row of the widest. */
typedef struct Rows {
    MicaSymbolDecoder *decoder;
    const uint8_t *low; /* plain bytes not yet used */
    size_t columns;
    int16_t *symbols;        /* one row */
    int16_t *column_indices; /* relative to the row's */
    uint8_t *shapes, *scales;
    void *memory;
} Rows;

int mica_value_code_read(MicaReader *r, MicaValueCode *code)
{
    code->shape = mica_read8(r);
    code->order = mica_read8(r);
    code->low_bytes = mica_read8(r);
    code->base = mica_read8(r);
    code->row_scale = mica_read8(r);
    code->column_scale = mica_read8(r);
    code->offset = (int32_t)mica_read32(r);
    return !r->failed && code->shape < MICA_SHAPE_COUNT && code->order <= 2 &&
           code->low_bytes <= 2 && code->base < MICA_SCALE_COUNT &&
           code->row_scale < MICA_SCALE_COUNT &&
           (code->column_scale < MICA_SCALE_COUNT || code->column_scale == MICA_NO_COLUMNS);
}

static size_t rows_of(const MicaTensor *t)
{
    return t->ndim > 1 ? t->dims[0] : 1;
}

static uint8_t clamp_scale(int v)
{
    return (uint8_t)(v < 0 ? 0 : v >= MICA_SCALE_COUNT ? MICA_SCALE_COUNT - 1 : v);
}

/* `count` scale indices, all of one distribution. */
static void take_indices(Rows *rows, int scale, size_t count, int16_t *out)
{
    memset(rows->shapes, SCALE_SHAPE, count);
    memset(rows->scales, scale, count);
    mica_symbol_decoder_run(rows->decoder, rows->shapes, rows->scales, count, out);
}

static void take_row(Rows *rows, const MicaValueCode *code, int row_index)
{
    const int base = code->base + row_index;
    if (code->column_scale == MICA_NO_COLUMNS)
        memset(rows->scales, clamp_scale(base), rows->columns);
    else
        for (size_t i = 0; i < rows->columns; i++)
            rows->scales[i] = clamp_scale(base + rows->column_indices[i]);
    mica_symbol_decoder_run(rows->decoder, rows->shapes, rows->scales, rows->columns,
                            rows->symbols);
}

static const uint8_t *take_low(Rows *rows, int bytes)
{
    const uint8_t *p = rows->low;
    rows->low += (size_t)bytes * rows->columns;
    return p;
}

/* Any element of the file's types, as the arithmetic of the prediction needs it. */
static int64_t load(const MicaTensor *t, size_t i)
{
    switch (t->type) {
    case MICA_TENSOR_S8:
        return ((const int8_t *)t->data)[i];
    case MICA_TENSOR_U8:
        return ((const uint8_t *)t->data)[i];
    case MICA_TENSOR_S16:
        return ((const int16_t *)t->data)[i];
    default:
        return ((const int32_t *)t->data)[i];
    }
}

/* 0 if v is no value of the type. */
static int store(const MicaTensor *t, uint8_t *values, size_t i, int64_t v)
{
    switch (t->type) {
    case MICA_TENSOR_S8:
        ((int8_t *)values)[i] = (int8_t)v;
        return v >= INT8_MIN && v <= INT8_MAX;
    case MICA_TENSOR_U8:
        values[i] = (uint8_t)v;
        return v >= 0 && v <= UINT8_MAX;
    case MICA_TENSOR_S16:
        ((int16_t *)(void *)values)[i] = (int16_t)v;
        return v >= INT16_MIN && v <= INT16_MAX;
    default:
        ((int32_t *)(void *)values)[i] = (int32_t)v;
        return v >= INT32_MIN && v <= INT32_MAX;
    }
}

static int64_t predict(const MicaTensor *t, const MicaValueCode *code, size_t row, size_t columns,
                       size_t i)
{
    if (row == 0 || code->order == 0)
        return code->offset;
    const int64_t above = load(t, i - columns);
    return row == 1 || code->order == 1 ? above : 2 * above - load(t, i - 2 * columns);
}

/* The row's symbols are int8 as they stand: most of a model. */
static int store_weights(const int16_t *symbols, size_t columns, int8_t *values)
{
    int outside = 0;
    for (size_t i = 0; i < columns; i++) {
        values[i] = (int8_t)symbols[i];
        outside |= symbols[i] != (int8_t)symbols[i];
    }
    return !outside;
}

static int store_row(const MicaTensor *t, const MicaValueCode *code, uint8_t *values, size_t row,
                     const int16_t *symbols, const uint8_t *low, size_t columns)
{
    const size_t first = row * columns;
    if (t->type == MICA_TENSOR_S8 && !code->order && !code->low_bytes && !code->offset)
        return store_weights(symbols, columns, (int8_t *)values + first);
    const int bytes = code->low_bytes;
    for (size_t i = 0; i < columns; i++) {
        const uint32_t rest = bytes == 0 ? 0 : bytes == 1 ? low[i] : mica_load16(low + 2 * i);
        const int64_t v = (int64_t)symbols[i] * (1 << 8 * bytes) + rest;
        if (!store(t, values, first + i, predict(t, code, row, columns, first + i) + v))
            return 0;
    }
    return 1;
}

static int decode_tensor(Rows *rows, const MicaTensor *t, const MicaValueCode *code,
                         uint8_t *values)
{
    const size_t count = rows_of(t);
    rows->columns = t->count / count;
    if (code->column_scale != MICA_NO_COLUMNS)
        take_indices(rows, code->column_scale, rows->columns, rows->column_indices);
    for (size_t row = 0; row < count; row++) {
        int16_t index = 0;
        if (count > 1)
            take_indices(rows, code->row_scale, 1, &index);
        memset(rows->shapes, code->shape, rows->columns);
        take_row(rows, code, index);
        if (!store_row(t, code, values, row, rows->symbols, take_low(rows, code->low_bytes),
                       rows->columns))
            return 0;
    }
    return 1;
}

static MicaStatus open_rows(Rows *rows, const MicaSymbolTables **tables, const MicaTensor *tensors,
                            int count)
{
    size_t widest = 1;
    for (int i = 0; i < count; i++) {
        const size_t columns = tensors[i].count / rows_of(&tensors[i]);
        widest = columns > widest ? columns : widest;
    }
    *tables = mica_shared_tables_acquire();
    rows->memory = mica_alloc(widest, 2 * sizeof(int16_t) + 2);
    if (!*tables || !rows->memory)
        return MICA_ERROR_OUT_OF_MEMORY;
    rows->symbols = rows->memory;
    rows->column_indices = rows->symbols + widest;
    rows->shapes = (uint8_t *)(rows->column_indices + widest);
    rows->scales = rows->shapes + widest;
    return MICA_OK;
}

MicaStatus mica_values_decode(MicaReader *r, const MicaTensor *tensors, const MicaValueCode *codes,
                              int count, MicaError *error)
{
    size_t low_bytes = 0;
    for (int i = 0; i < count; i++)
        low_bytes += tensors[i].count * (size_t)codes[i].low_bytes;
    Rows rows = {.low = mica_read_bytes(r, low_bytes)};
    const size_t coded = mica_reader_left(r);
    const uint8_t *segment = mica_read_bytes(r, coded);
    const MicaSymbolTables *tables = NULL;
    MicaSymbolDecoder decoder;
    MicaStatus status = rows.low && segment ? MICA_OK : MICA_ERROR_MODEL_CORRUPT;
    if (status == MICA_OK)
        status = open_rows(&rows, &tables, tensors, count);
    if (status == MICA_OK && mica_symbol_decoder_begin(&decoder, tables, segment, coded) != MICA_OK)
        status = MICA_ERROR_MODEL_CORRUPT;
    rows.decoder = &decoder;
    for (int i = 0; i < count && status == MICA_OK; i++)
        if (!decode_tensor(&rows, &tensors[i], &codes[i], (uint8_t *)(uintptr_t)tensors[i].data))
            status = MICA_ERROR_MODEL_CORRUPT;
    if (status == MICA_OK && mica_symbol_decoder_finish(&decoder) != MICA_OK)
        status = MICA_ERROR_MODEL_CORRUPT;
    mica_free(rows.memory);
    mica_shared_tables_release(&tables);
    if (status == MICA_ERROR_OUT_OF_MEMORY)
        return mica_fail(error, status, "no memory for the model");
    return status == MICA_OK ? MICA_OK
                             : mica_fail(error, status, "model file is damaged: tensor values");
}
