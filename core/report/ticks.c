/* SPDX-License-Identifier: Apache-2.0
 * Axes in round numbers. */
#include "report/ticks.h"

#include <math.h>
#include <stdio.h>

/* Of an end of the range that lies on a tick but for rounding. */
static const double slack = 1e-9;

static double round_step(double range, int most) {
    static const double factors[] = {1, 2, 5, 10};
    const double least = range / most;
    const double power = pow(10, floor(log10(least)));
    for (int i = 0; i < 3; i++) {
        if (factors[i] * power >= least * (1 - slack)) {
            return factors[i] * power;
        }
    }
    return 10 * power;
}

static void widen_point(double *low, double *high) {
    if (*high - *low <= 1e-12 * (fabs(*low) + fabs(*high))) {
        const double more = *low == 0 ? 1 : 0.1 * fabs(*low);
        *low -= more;
        *high += more;
    }
}

static ticks between(double low, double high, double step) {
    ticks t = {.first = step * ceil(low / step - slack), .step = step};
    t.count = (int)floor((high - t.first) / step + slack) + 1;
    return t;
}

ticks ticks_inside(double *low, double *high, int most) {
    widen_point(low, high);
    double step = round_step(*high - *low, most);
    ticks t = between(*low, *high, step);
    while (t.count > most) { /* both ends are ticks */
        step = round_step(step * most * (1 + 1e-6), most);
        t = between(*low, *high, step);
    }
    return t;
}

ticks ticks_around(double *low, double *high, int most) {
    widen_point(low, high);
    for (double step = round_step(*high - *low, most);;
         step = round_step(step * most * 1.01, most)) {
        const double from = step * floor(*low / step + slack);
        const double to = step * ceil(*high / step - slack);
        const ticks t = between(from, to, step);
        if (t.count <= most) {
            *low = from;
            *high = to;
            return t;
        }
    }
}

double ticks_at(const ticks *t, int i) {
    const double value = t->first + i * t->step;
    return fabs(value) < t->step * slack ? 0 : value;
}

void ticks_label(double value, double step, bool percent, char *ret, size_t room) {
    const double scale = percent ? 100 : 1;
    const double shown = value * scale, digits = -floor(log10(step * scale) + slack);
    const int decimals = digits > 0 ? (int)digits : 0;
    if (value != 0 && (decimals > 4 || fabs(shown) >= 1e6)) {
        snprintf(ret, room, "%.3g%s", shown, percent ? " %" : "");
    } else {
        snprintf(ret, room, "%.*f%s", decimals, shown, percent ? " %" : "");
    }
}
