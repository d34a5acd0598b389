/* Rate-aware rounding: thresholds that weigh the bits of a larger symbol against the error that it
 * avoids. */
#ifndef MICA_CODEC_ENC_ROUNDING_H
#define MICA_CODEC_ENC_ROUNDING_H

#include "entropy/symbol_coder.h"
#include "models/nets.h"

/* Effort 1 rounds to the nearest; from 2 on the thresholds follow the symbol costs. `tune` is 1, or
 * a rate control's: more of it prices bits higher, at effort 1 too. */
void mica_rounding_init(MicaRounding *rounding, const MicaSymbolTables *tables, int skip,
                        int effort, double tune);

#endif
