/* SPDX-License-Identifier: Apache-2.0
 * Draws by counter-based random numbers, so that a split depends on the seed and nothing else. */
#include "split.h"

#include <kindred/philox.h>
#include <stdlib.h>

/* Fisher and Yates; the remainder's bias is below 2^-40 for any set that fits in memory. */
void shuffle(int64_t *rows, int64_t count, uint64_t seed, uint32_t stream) {
    for (int64_t i = count - 1; i > 0; i--) {
        const kd_philox w = kd_philox_draw(seed, (uint32_t)i, (uint32_t)(i >> 32), stream, 0);
        const uint64_t wide = (uint64_t)w.word[0] << 32 | w.word[1];
        const int64_t j = (int64_t)(wide % (uint64_t)(i + 1)), kept = rows[i];
        rows[i] = rows[j];
        rows[j] = kept;
    }
}

/* Of one class: how many are used in all, how many of them are held out, how many were seen. */
typedef struct quota {
    int64_t used, held, seen;
} quota;

static int64_t at_least(int64_t x, int64_t least) {
    return x > least ? x : least;
}

static int64_t at_most(int64_t x, int64_t most) {
    return x < most ? x : most;
}

/* So many of a class that has `all`. */
static int64_t share_of(double share, int64_t all) {
    return at_most(at_least((int64_t)(share * (double)all + 0.5), 1), all);
}

static void set_quotas(quota *of, const kd_feature_set *set, int32_t classes,
                       const split_plan *plan) {
    for (int64_t i = 0; i < set->rows; i++) {
        of[set->labels[i]].used++;
    }
    for (int32_t c = 0; c < classes; c++) {
        quota *q = &of[c];
        if (plan->labels > 0) {
            q->used = share_of(plan->labels, q->used);
        }
        if (plan->labels_per_class) {
            q->used = at_most(q->used, plan->labels_per_class);
        }
        if (plan->held_out > 0 && q->used > 0) {
            q->held = at_most(share_of(plan->held_out, q->used), q->used - 1);
        }
    }
}

/* Deals the shuffled rows out: of each class first those held out, then those that fit. */
static void deal(split *to, const int64_t *order, quota *of, const kd_feature_set *set,
                 int32_t classes) {
    int64_t fit = 0;
    for (int32_t c = 0; c < classes; c++) {
        fit += of[c].used - of[c].held;
    }
    to->fit = to->held = 0;
    for (int64_t i = 0; i < set->rows; i++) {
        quota *q = &of[set->labels[order[i]]];
        const int64_t place = q->seen++;
        if (place < q->held) {
            to->rows[fit + to->held++] = order[i];
        } else if (place < q->used) {
            to->rows[to->fit++] = order[i];
        }
    }
}

bool split_draw(split *ret, const kd_feature_set *set, int32_t classes, const split_plan *plan,
                uint64_t seed, kd_error *err) {
    quota *of = calloc((size_t)classes, sizeof *of);
    int64_t *order = malloc((size_t)set->rows * sizeof *order);
    ret->rows = malloc((size_t)set->rows * sizeof *ret->rows);
    const bool enough = of && order && ret->rows;
    if (enough) {
        for (int64_t i = 0; i < set->rows; i++) {
            order[i] = i;
        }
        shuffle(order, set->rows, seed, 0);
        set_quotas(of, set, classes, plan);
        deal(ret, order, of, set, classes);
    }
    free(of);
    free(order);
    if (!enough) {
        split_finish(ret);
        return kd_fail(err, KD_E_MEMORY, "out of host memory");
    }
    return true;
}

void split_finish(split *s) {
    free(s->rows);
    s->rows = NULL;
}
