/* SPDX-License-Identifier: Apache-2.0
 * Where the lines of an axis stand, and what is written at them. */
#ifndef CORE_REPORT_TICKS_H
#define CORE_REPORT_TICKS_H

#include <stdbool.h>
#include <stddef.h>

/* Multiples of `step`, which is 1, 2 or 5 times a power of ten. */
typedef struct ticks {
    double first, step;
    int count;
} ticks;

/* Those inside of [low, high], at most `most` (2 or more) of them and as many as that allows. Both
 * ends are finite; where they are equal, a little is added to both sides first.
 *
 * source  after Heckbert 1990, Nice numbers for graph labels (Graphics Gems) */
ticks ticks_inside(double *low, double *high, int most);

/* The same, and widens the range to whole steps, so that the outermost ticks stand at its ends. */
ticks ticks_around(double *low, double *high, int most);

/* The i-th tick: exactly 0 where it is 0. */
double ticks_at(const ticks *t, int i);

/* A value with the digits that a step needs: "0.05", "1200", "3e-05". percent: "5 %" for 0.05. */
void ticks_label(double value, double step, bool percent, char *ret, size_t room);

#endif
