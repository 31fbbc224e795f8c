/* SPDX-License-Identifier: Apache-2.0
 * What trained encoders are held against: the same evals of encoders before training and of raw
 * pixels. Most rows share those, for neither an arm nor a method touches an encoder that has not
 * been trained; rows that do share one line. */
#include "study/study_reading.h"

#include "study/study_words.h"
#include "train/evaluation.h"

#include <math.h>

/* Rows whose runs of one seed measured the same. */
typedef struct group {
    double *value; /* [seeds, evals], of whichever row has it */
    int n_rows;
    int *row;
} group;

static int numbers_of_row(const study_reading *in) {
    return (int)in->study->keys.seeds.count * in->to->n_evals;
}

/* One number at least is the same, and none another. */
static bool belongs(const double *own, const group *g, int count) {
    bool any = false;
    for (int i = 0; i < count; i++) {
        if (!isnan(own[i]) && !isnan(g->value[i])) {
            any = true;
            if (own[i] != g->value[i]) {
                return false;
            }
        }
    }
    return any;
}

static bool has_any(const double *own, int count) {
    for (int i = 0; i < count; i++) {
        if (!isnan(own[i])) {
            return true;
        }
    }
    return false;
}

static void join(group *g, int at, const double *own, int count) {
    for (int i = 0; i < count; i++) {
        g->value[i] = isnan(g->value[i]) ? own[i] : g->value[i];
    }
    g->row[g->n_rows++] = at;
}

static group new_group(const study_reading *in, int count) {
    group g = {.value = arena_alloc(in->a, sizeof *g.value * (size_t)count),
               .row = arena_alloc(in->a, sizeof *g.row * (size_t)in->to->n_rows)};
    for (int i = 0; i < count; i++) {
        g.value[i] = NAN;
    }
    return g;
}

static int collect(const study_reading *in, int of, group *all) {
    const int count = numbers_of_row(in);
    int n = 0;
    for (int at = 0; at < in->to->n_rows; at++) {
        const double *own = study_values(in, of, at, 0);
        int k = 0;
        if (!has_any(own, count)) {
            continue;
        }
        while (k < n && !belongs(own, &all[k], count)) {
            k++;
        }
        if (k == n) {
            all[n++] = new_group(in, count);
        }
        join(&all[k], at, own, count);
    }
    return n;
}

/* "resnet", "resnet, vit", or "any" where they are all that the axis has. */
static const char *values_on(const study_reading *in, const group *g, int axis) {
    const char **words = arena_alloc(in->a, sizeof *words * (size_t)g->n_rows);
    int n = 0;
    for (int i = 0; i < g->n_rows; i++) {
        const char *word = in->to->row[g->row[i]].value[axis];
        if (!word_is_among(word, words, n)) {
            words[n++] = word;
        }
    }
    return n > 1 && n == in->study->axis[axis].n_values ? "any" : word_list(words, n, in->a);
}

static study_before_row row_of(const study_reading *in, const group *g, const char *of) {
    const int evals = in->to->n_evals, seeds = (int)in->study->keys.seeds.count;
    study_before_row ret = {
        .of = of,
        .value = arena_alloc(in->a, sizeof *ret.value * (size_t)(in->to->n_axes + 1)),
        .cell = arena_alloc(in->a, sizeof *ret.cell * (size_t)evals)};
    for (int i = 0; i < in->to->n_axes; i++) {
        ret.value[i] = values_on(in, g, i);
    }
    for (int i = 0; i < evals; i++) {
        ret.cell[i] = study_cell_of(g->value + i, seeds, evals, in->a);
        ret.n = ret.cell[i].n > ret.n ? ret.cell[i].n : ret.n;
    }
    return ret;
}

void study_read_before(study_reading *in) {
    static const char *const names[MEASURED_COUNT] = {
        [UNTRAINED] = OF_UNTRAINED, [PIXELS] = OF_PIXELS};
    study_results *r = in->to;
    group *all = arena_alloc(in->a, sizeof *all * (size_t)(r->n_rows + 1));
    r->before = arena_alloc(in->a, sizeof *r->before * (size_t)(2 * r->n_rows + 1));
    for (int of = UNTRAINED; of < MEASURED_COUNT; of++) {
        const int n = collect(in, of, all);
        for (int i = 0; i < n; i++) {
            r->before[r->n_before++] = row_of(in, &all[i], names[of]);
        }
    }
}
