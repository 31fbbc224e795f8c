/* SPDX-License-Identifier: Apache-2.0
 * Counting and choosing. */
#include "score.h"

#include <math.h>

enum { TOP = 5 };

void score_add(score *to, const float *logits, int32_t classes, int32_t label) {
    int ahead = 0;
    double most = 0, total = 0;
    for (int32_t c = 0; c < classes; c++) {
        const double margin = (double)logits[c] - (double)logits[label];
        ahead += c != label && !(margin < 0 || (margin == 0 && c > label));
        most = margin > most ? margin : most;
    }
    for (int32_t c = 0; c < classes; c++) { /* relative to the largest: exp cannot overflow */
        total += exp((double)logits[c] - (double)logits[label] - most);
    }
    to->accuracy += ahead == 0;
    to->top5 += ahead < TOP;
    to->loss += most + log(total);
}

void score_finish(score *s, int64_t samples) {
    s->accuracy /= (double)samples;
    s->top5 /= (double)samples;
    s->loss /= (double)samples;
}

bool score_is_better(const score *a, const score *b) {
    if (!isfinite(a->loss) || !isfinite(b->loss)) {
        return isfinite(a->loss) && !isfinite(b->loss);
    }
    return a->accuracy > b->accuracy || (a->accuracy == b->accuracy && a->loss < b->loss);
}
