#include "codec/enc_relax.h"

#include <string.h>

void mica_bit_table_init(MicaBitTable *table, const MicaSymbolTables *tables)
{
    for (int shape = 0; shape < MICA_SHAPE_COUNT; shape++)
        for (int scale = 0; scale < MICA_SCALE_COUNT; scale++)
            for (int n = 0; n < MICA_RELAX_SYMBOLS; n++)
                table->bits[shape][scale][n] =
                    (float)mica_symbol_cost(tables, n, shape, scale) * (1.0f / 256);
}

float mica_log(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    /* Mantissa to 0.707 .. 1.414, then ln by the series of atanh. */
    const int32_t exponent = (int32_t)(u - 0x3f3504f3u) >> 23;
    u -= (uint32_t)exponent << 23;
    float m;
    memcpy(&m, &u, sizeof m);
    const float t = (m - 1.0f) / (m + 1.0f), q = t * t;
    const float p = 2.0f + q * (0.66666667f + q * (0.4f + q * (0.28571429f + q * 0.22222222f)));
    return (float)exponent * 0.69314718f + t * p;
}

float mica_exp(float x)
{
    x = x < -80.0f ? -80.0f : x > 80.0f ? 80.0f : x;
    const float scaled = x * 1.44269504f;
    const int32_t n = (int32_t)(scaled + (scaled < 0 ? -0.5f : 0.5f));
    const float f = (scaled - (float)n) * 0.69314718f;
    const float p =
        1.0f +
        f * (1.0f + f * (0.5f + f * (0.16666667f + f * (0.041666667f +
                                                        f * (0.0083333333f + f * 0.0013888889f)))));
    const uint32_t u = (uint32_t)(n + 127) << 23;
    float power;
    memcpy(&power, &u, sizeof power);
    return power * p;
}

static float sigmoid(float x)
{
    return 1.0f / (1.0f + mica_exp(-x));
}

/* Bits of a symbol, with the row of its model. */
static float bits_of(const float row[MICA_RELAX_SYMBOLS], int symbol)
{
    const int n = symbol < 0 ? -symbol : symbol, last = MICA_RELAX_SYMBOLS - 1;
    return n <= last ? row[n] : row[last] + (float)(n - last) * (row[last] - row[last - 1]);
}

/* Where between two symbols rounding goes up: a squared error of one step is worth about 1 / WEIGHT
 * bits, see enc_rounding.c. */
#define WEIGHT 0.07f
#define MOST_SHIFT 0.4f

/* Next to an integer the odds are infinitely steep, for less than any step. */
#define MOST_SLOPE 1.0f

static float rounding_border(float more_bits)
{
    const float shift = 0.5f * WEIGHT * more_bits;
    return 0.5f + (shift < -MOST_SHIFT ? -MOST_SHIFT : shift > MOST_SHIFT ? MOST_SHIFT : shift);
}

static int floor_of(float residual)
{
    const float r = residual < -30000.0f ? -30000.0f : residual > 30000.0f ? 30000.0f : residual;
    const int low = (int)r;
    return low - (r < (float)low);
}

/* The model that the coder will use. */
static const float *model_row(const MicaBitTable *table, int shape, float index)
{
    return table->bits[shape][index < 0.0f ? 0 : index > 63.0f ? 63 : (int)(index + 0.5f)];
}

MicaStepBits mica_step_bits(const MicaBitTable *table, int symbol, int shape, float index)
{
    const float *row = model_row(table, shape, index);
    const float bits = bits_of(row, symbol);
    return (MicaStepBits){bits_of(row, symbol - 1) - bits, bits_of(row, symbol + 1) - bits};
}

MicaRelaxed mica_round(const MicaBitTable *table, float residual, int shape, float index)
{
    const float *row = model_row(table, shape, index);
    const int low = floor_of(residual);
    const float bits0 = bits_of(row, low), bits1 = bits_of(row, low + 1);
    const int up = residual - (float)low >= rounding_border(bits1 - bits0);
    return (MicaRelaxed){.value = (float)(low + up), .bits = up ? bits1 : bits0};
}

/* The models on both sides of a real-valued scale index. */
typedef struct Models {
    const float *row[2];
    float weight; /* of the second */
} Models;

static Models models_at(const MicaBitTable *table, int shape, float index)
{
    const float x = index < 0.0f                   ? 0.0f
                    : index > MICA_SCALE_COUNT - 1 ? MICA_SCALE_COUNT - 1
                                                   : index;
    const int i = x < MICA_SCALE_COUNT - 2 ? (int)x : MICA_SCALE_COUNT - 2;
    return (Models){{table->bits[shape][i], table->bits[shape][i + 1]}, x - (float)i};
}

/* Bits of two neighbouring symbols, and how they change with the scale index. */
typedef struct Prices {
    float low, more; /* more: of the upper, beyond the lower */
    float low_by_index, more_by_index;
} Prices;

static Prices prices_of(const Models *m, int low)
{
    const float a0 = bits_of(m->row[0], low), b0 = bits_of(m->row[0], low + 1);
    const float a1 = bits_of(m->row[1], low), b1 = bits_of(m->row[1], low + 1);
    Prices p = {.low_by_index = a1 - a0, .more_by_index = (b1 - a1) - (b0 - a0)};
    p.low = a0 + m->weight * p.low_by_index;
    p.more = b0 - a0 + m->weight * p.more_by_index;
    return p;
}

static MicaRelaxed between(int low, float s, float slope, const Prices *p)
{
    return (MicaRelaxed){.value = (float)low + s,
                         .slope = slope,
                         .bits = p->low + s * p->more,
                         .bits_by_residual = slope * p->more,
                         .bits_by_index = p->low_by_index + s * p->more_by_index};
}

MicaRelaxed mica_not_rounded(const MicaBitTable *table, float residual, int shape, float index)
{
    const Models m = models_at(table, shape, index);
    const int low = floor_of(residual);
    const Prices p = prices_of(&m, low);
    return between(low, residual - (float)low, 1.0f, &p);
}

MicaRelaxed mica_relax(const MicaBitTable *table, float residual, int shape, float index,
                       MicaRelaxation relaxation)
{
    const Models m = models_at(table, shape, index);
    const int low = floor_of(residual);
    const Prices p = prices_of(&m, low);

    /* Even odds are where the bits of the upper neighbour are worth its smaller error. */
    float d = residual - (float)low;
    d = d < 0.0f ? 0.0f : d > 1.0f ? 1.0f : d; /* beyond all symbols */
    const float border = rounding_border(p.more);
    const float stretch = d < border ? 0.5f / border : 0.5f / (1.0f - border);
    d = d < border ? d * stretch : 1.0f - (1.0f - d) * stretch;

    /* The log odds, atanh(d) - atanh(1 - d) over the temperature; 1e-4 keeps them finite. */
    d = d < 1e-4f ? 1e-4f : d > 1.0f - 1e-4f ? 1.0f - 1e-4f : d;
    const float a = d * (1.0f - d), b = (1.0f + d) * (2.0f - d);
    const float cold = 0.5f / relaxation.temperature;
    const float up = sigmoid(cold * mica_log((1.0f + d) * d / ((1.0f - d) * (2.0f - d))));
    const float variance = up * (1.0f - up);
    float slope = stretch * variance * cold * (1.0f / a + 3.0f / b);
    slope = slope < MOST_SLOPE ? slope : MOST_SLOPE;
    MicaRelaxed v = between(low, up, slope, &p);
    v.bits += relaxation.spread * variance;
    v.bits_by_residual += relaxation.spread * (1.0f - 2.0f * up) * slope;
    return v;
}
