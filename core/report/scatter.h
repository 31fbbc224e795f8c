/* SPDX-License-Identifier: Apache-2.0
 * Points in a plane, each class with a colour and a shape of its own. */
#ifndef CORE_REPORT_SCATTER_H
#define CORE_REPORT_SCATTER_H

#include "report/html.h"

#define SCATTER_CLASSES 32 /* that look different: eight colours in four shapes */

typedef struct scatter {
    int64_t count;
    const float *point;   /* [count, 2] x, y */
    const int32_t *class; /* [count] -1: none */
    int32_t classes;
    const char *const *name; /* [classes], each may be NULL, as all may be */
    const char *label;       /* what it shows, in words */
    const char *axis[2];     /* what x and y are */
} scatter;

/* A <figure> with its legend. */
void scatter_write(html *h, const scatter *s);

#endif
