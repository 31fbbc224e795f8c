/* SPDX-License-Identifier: Apache-2.0
 * As many steps for arms and for what is compared, whatever their number of samples. */
#include "study/study_data.h"

typedef struct equaliser {
    study_work *work;
    arena a;
    bool *along; /* [n_axes] the compared axis, and those of arms */
} equaliser;

/* Of the axis' own key, or of the keys of one of its values. */
static bool sets_arm(const study_axis *axis) {
    for (int i = 0; !*axis->keys.key && i < axis->n_values; i++) {
        const config_node *data = config_child(axis->value[i].node, "data");
        if (config_child(config_child(data, "pairs"), "arm")) {
            return true;
        }
    }
    return strcmp(axis->keys.key, "data.pairs.arm") == 0;
}

/* The row whose steps a row takes: on the compared axis the baseline's, on others the first
 * value's. */
static int reference_row(const equaliser *e, int at) {
    const study *s = e->work->study;
    int step = 1, ret = at;
    for (int i = s->n_axes - 1; i >= 0; i--) {
        const int value = at / step % s->axis[i].n_values;
        ret += e->along[i] ? ((i == s->compared ? s->baseline : 0) - value) * step : 0;
        step *= s->axis[i].n_values;
    }
    return ret;
}

static bool same_samples(equaliser *e, const run *a, const run *b) {
    return a->train.batch == b->train.batch &&
           strcmp(study_data_text(a, &e->a), study_data_text(b, &e->a)) == 0;
}

static bool equalise_row(equaliser *e, int at, kd_error *err) {
    const study *s = e->work->study;
    const int seeds = (int)s->keys.seeds.count, base = reference_row(e, at);
    const study_run *reference = &e->work->runs.item[base * seeds];
    study_run *own = &e->work->runs.item[at * seeds];
    int64_t steps = 0;
    if (base == at || own->run->train.epoch_steps > 0 ||
        same_samples(e, own->run, reference->run)) {
        return true;
    }
    if (!study_epoch_steps(e->work, reference, &steps, err)) {
        return false;
    }
    const char *override = arena_print(&e->a, "train.epoch_steps=%lld", (long long)steps);
    for (int i = 0; i < seeds; i++) {
        if (!study_run_set(s, e->work->plugins, &own[i], override, err)) {
            return false;
        }
    }
    return true;
}

bool study_equalise(study_work *w, kd_error *err) {
    const study *s = w->study;
    equaliser e = {.work = w};
    bool ok = true;
    if (s->keys.equal == EQUAL_EPOCHS) {
        return true;
    }
    e.along = arena_alloc(&e.a, (size_t)s->n_axes + 1);
    for (int i = 0; i < s->n_axes; i++) {
        e.along[i] = i == s->compared || sets_arm(&s->axis[i]);
    }
    for (int at = 0; ok && at < study_rows(s); at++) {
        ok = equalise_row(&e, at, err);
    }
    arena_free(&e.a);
    return ok;
}
