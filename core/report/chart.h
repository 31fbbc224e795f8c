/* SPDX-License-Identifier: Apache-2.0
 * Curves as inline SVG, with axes, a legend, and values that show where the pointer rests. */
#ifndef CORE_REPORT_CHART_H
#define CORE_REPORT_CHART_H

#include "report/html.h"

typedef struct chart_point {
    double x, y; /* finite */
} chart_point;

typedef struct chart_series {
    const char *name;
    int count;
    const chart_point *point; /* [count], x ascending */
    bool dashed;              /* what is compared with */
} chart_series;

typedef struct chart {
    const char *title, *x_name;
    bool percent; /* values are shares of 1 */
    int n_series; /* those without points are left out */
    const chart_series *series;
} chart;

#define CHART_COLORS 8 /* classes s0 to s7 of the style, for lines, f0 to f7 for areas */

/* The place of x or y in the drawing. */
typedef struct chart_scale {
    double low, high;  /* values */
    double begin, end; /* where they are drawn */
} chart_scale;
double chart_place(const chart_scale *s, double value);

/* A <figure>; nothing where no series has a point. */
void chart_write(html *h, const chart *c);

#endif
