/* The report of mica eval: one HTML page that needs no other file. */
#ifndef MICA_TOOLS_EVAL_PAGE_H
#define MICA_TOOLS_EVAL_PAGE_H

#include <stdio.h>

#include "tools/eval/eval.h"

typedef struct PageRange {
    double lowest_bpp, highest_bpp; /* that BD-rates are taken over */
} PageRange;

MicaStatus page_write(FILE *out, const Eval *eval, const CurveSet *set, const PageRange *range,
                      MicaError *error);

/* Parts of some pictures side by side, at about the same number of bytes: mica as it was measured,
 * the others encoded again with a quality that is searched for. */
MicaStatus crops_write(FILE *out, const Eval *eval, MicaError *error);

#endif
