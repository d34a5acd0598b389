#include "entropy/symbol_tables.h"

#include "codec/base/mem.h"
#include "entropy/escape.h"

#define PAIRS (MICA_RANS_SLOTS / 2)

/* A at the lower border of magnitude m, m - 1/2. */
static uint32_t border(const MicaHalfCdf *row, MicaReciprocal reciprocal, int m)
{
    return mica_half_cdf(row, mica_half_cdf_t((uint32_t)(32 * m - 16), reciprocal));
}

static int hint_shift(const MicaSymbolModel *model, uint32_t first)
{
    int shift = 0;
    while ((PAIRS - 1 - first) >> shift > (uint32_t)model->width)
        shift++;
    return shift;
}

static void fill_model(MicaSymbolTables *tables, const MicaSymbolModel *model,
                       const MicaHalfCdf *row, MicaReciprocal reciprocal)
{
    uint32_t *c = tables->cumulatives + model->cumulative;
    uint16_t *starts = tables->starts + model->starts;
    uint32_t reserved = (uint32_t)model->width + 1;

    /* Every magnitude gets one pair; the probabilities share out the rest. */
    c[0] = 0;
    for (int m = 1; m <= model->width + 1; m++) {
        uint32_t a = border(row, reciprocal, m);
        c[m] = a - (uint32_t)(((uint64_t)a * reserved) >> 19) + (uint32_t)(m - 1);
    }
    c[model->width + 2] = PAIRS;

    int m = 1;
    for (uint32_t i = 0; i <= (PAIRS - 1 - c[1]) >> model->shift; i++) {
        while (c[m + 1] <= c[1] + (i << model->shift))
            m++;
        starts[i] = (uint16_t)m;
    }
}

/* 256 log2(1 + i / 256) by repeated squaring. */
static void fill_log2(uint16_t *fraction)
{
    for (uint32_t i = 0; i <= 256; i++) {
        uint64_t x = (uint64_t)(256 + i) << 22;
        uint32_t bits = 0;
        for (int k = 0; k < 10; k++) {
            int over = x >= (uint64_t)1 << 31;
            bits = bits << 1 | (uint32_t)over;
            x >>= over;
            x = x * x >> 30;
        }
        fraction[i] = (uint16_t)((bits + 1) >> 1);
    }
}

MicaStatus mica_symbol_tables_create(MicaSymbolTables **out, uint32_t cpu_flags)
{
    (void)cpu_flags;
    if (!out)
        return MICA_ERROR_INVALID_ARGUMENT;
    *out = NULL;
    MicaSymbolTables *tables = mica_alloc_zero(1, sizeof(*tables));
    MicaHalfCdf *rows = mica_alloc(MICA_SHAPE_COUNT, sizeof(*rows));
    if (!tables || !rows)
        goto fail;

    uint32_t cumulatives = 0, starts = 0;
    for (int i = 0; i < MICA_SHAPE_COUNT * MICA_SCALE_COUNT; i++) {
        const MicaHalfCdf *row = rows + i / MICA_SCALE_COUNT;
        MicaReciprocal reciprocal = mica_reciprocals[i % MICA_SCALE_COUNT];
        if (i % MICA_SCALE_COUNT == 0)
            mica_half_cdf_init(rows + i / MICA_SCALE_COUNT, i / MICA_SCALE_COUNT);

        MicaSymbolModel *model = tables->models + i;
        model->width = (uint16_t)mica_half_cdf_width(row, reciprocal);
        uint32_t a = border(row, reciprocal, 1);
        uint32_t first = a - (uint32_t)(((uint64_t)a * (model->width + 1u)) >> 19);
        model->zero = 2 * first;
        model->shift = (uint8_t)hint_shift(model, first);
        model->escape_order = (uint8_t)mica_escape_order(model->width);
        model->cumulative = cumulatives;
        model->starts = starts;
        cumulatives += model->width + 3u;
        starts += ((PAIRS - 1 - first) >> model->shift) + 1;
    }

    tables->cumulatives = mica_alloc(cumulatives, sizeof(*tables->cumulatives));
    tables->starts = mica_alloc(starts, sizeof(*tables->starts));
    if (!tables->cumulatives || !tables->starts)
        goto fail;
    for (int i = 0; i < MICA_SHAPE_COUNT * MICA_SCALE_COUNT; i++)
        fill_model(tables, tables->models + i, rows + i / MICA_SCALE_COUNT,
                   mica_reciprocals[i % MICA_SCALE_COUNT]);
    fill_log2(tables->log2_fraction);
    mica_free(rows);
    *out = tables;
    return MICA_OK;
fail:
    mica_free(rows);
    mica_symbol_tables_destroy(&tables);
    return MICA_ERROR_OUT_OF_MEMORY;
}

MicaStatus mica_symbol_tables_select(MicaSymbolTables **out, const MicaSymbolTables *base,
                                     const uint8_t shape[MICA_SHAPE_COUNT * MICA_SCALE_COUNT],
                                     const uint8_t scale[MICA_SHAPE_COUNT * MICA_SCALE_COUNT])
{
    MicaSymbolTables *tables = mica_alloc(1, sizeof *tables);
    *out = tables;
    if (!tables)
        return MICA_ERROR_OUT_OF_MEMORY;
    *tables = *base;
    tables->selected = 1;
    for (int i = 0; i < MICA_SHAPE_COUNT * MICA_SCALE_COUNT; i++)
        tables->models[i] = *mica_symbol_model(base, shape[i], scale[i]);
    return MICA_OK;
}

void mica_symbol_tables_destroy(MicaSymbolTables **tables)
{
    if (!tables || !*tables)
        return;
    if (!(*tables)->selected) {
        mica_free((*tables)->cumulatives);
        mica_free((*tables)->starts);
    }
    mica_free(*tables);
    *tables = NULL;
}

/* 256 log2 of v in 1..2^20 */
static uint32_t log2_256(const MicaSymbolTables *tables, uint32_t v)
{
    int exponent = mica_log2_floor(v);
    uint32_t mantissa = (v << (20 - exponent)) - (1u << 20);
    return (uint32_t)exponent * 256 + tables->log2_fraction[(mantissa + (1u << 11)) >> 12];
}

uint32_t mica_symbol_cost(const MicaSymbolTables *tables, int symbol, int shape, int scale)
{
    const MicaSymbolModel *model = mica_symbol_model(tables, shape, scale);
    if (symbol == 0)
        return MICA_RANS_BITS * 256 - log2_256(tables, model->zero);
    int magnitude = symbol < 0 ? -symbol : symbol;
    uint32_t bypass = 0;
    if (magnitude > model->width) {
        uint32_t excess = (uint32_t)(magnitude - model->width - 1) + (1u << model->escape_order);
        bypass = 2 * (uint32_t)mica_log2_floor(excess) + 1 - model->escape_order;
        magnitude = model->width + 1;
    }
    const uint32_t *c = tables->cumulatives + model->cumulative + magnitude;
    return (MICA_RANS_BITS + bypass) * 256 - log2_256(tables, c[1] - c[0]);
}
