/* The results of mica eval as JSON and as text. */
#ifndef MICA_TOOLS_EVAL_PRINT_H
#define MICA_TOOLS_EVAL_PRINT_H

#include <stdio.h>

#include "tools/eval/page.h"

void print_json(FILE *stream, const Eval *eval, const CurveSet *set, const PageRange *range);

/* On standard output. */
void print_text(const Eval *eval, const CurveSet *set, const PageRange *range);

#endif
