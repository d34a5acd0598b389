/* Line and point charts as SVG text. */
#ifndef MICA_TOOLS_EVAL_SVG_H
#define MICA_TOOLS_EVAL_SVG_H

#include <stdbool.h>
#include <stdio.h>

typedef struct Series {
    const char *name;
    const double *x, *y; /* points with a NaN or outside of the chart are left out */
    int count;
    int colour; /* any number */
    bool faint; /* dashed and thin: not measured here */
} Series;

typedef struct Chart {
    const char *title, *x_label, *y_label;
    bool x_log;
    double x_min, x_max; /* shown range; for both 0, what there is */
    bool points_only;    /* no lines */
} Chart;

/* One <svg> element with a legend. */
void svg_chart(FILE *out, const Chart *chart, const Series *series, int count);

/* Text with the characters that XML needs escaped. */
void xml_text(FILE *out, const char *text);

#endif
