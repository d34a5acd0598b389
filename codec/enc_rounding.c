#include "codec/enc_rounding.h"

/*
 * A symbol n instead of n - 1 is worth its bits if it lowers err^2 / step^2 by more than WEIGHT *
 * bits, where the high-rate slope of a uniform quantiser, dD/dR = -2 ln 2 / 12 = -0.1155, is the
 * natural weight. Less is better in practice, because a latent that is rounded down also misleads
 * the contexts of its neighbours; 0.07 was measured. With m the magnitude, (m - (n - 1))^2 - (m -
 * n)^2 = 2 m - 2 n + 1 gives m > n - 1/2 + WEIGHT * bits / 2.
 */
#define WEIGHT 70000 /* in millionths: rate control meets sizes with small changes of it */

static uint8_t threshold(const MicaSymbolTables *tables, int n, int shape, int scale, int weight)
{
    const int more = (int)mica_symbol_cost(tables, n, shape, scale) -
                     (int)mica_symbol_cost(tables, n - 1, shape, scale);
    /* Costs are in 1/256 bit, thresholds in 1/16 step; no more than one step later than plain
     * rounding. */
    const int64_t late = (int64_t)(more > 0 ? more : 0) * weight / (1000000 * 2 * 256 / 16);
    return (uint8_t)(16 * n - 8 + (late < 16 ? late : 16));
}

void mica_rounding_init(MicaRounding *rounding, const MicaSymbolTables *tables, int skip,
                        int effort, double tune)
{
    const double base = effort < 2 ? tune - 1 : tune;
    const int weight = base > 0 ? (int)(base * WEIGHT + 0.5) : 0;
    rounding->skip = skip;
    for (int shape = 0; shape < MICA_SHAPE_COUNT; shape++)
        for (int scale = 0; scale < MICA_SCALE_COUNT; scale++)
            for (int n = 1; n <= 2; n++)
                rounding->threshold[shape][scale][n - 1] =
                    threshold(tables, n, shape, scale, weight);
}
