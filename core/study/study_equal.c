/* SPDX-License-Identifier: Apache-2.0
 * As many steps for what is compared, whatever its number of samples. */
#include "study/study_plan.h"

#include "config/yaml_writer.h"

#include <stdlib.h>

/* `data` as text: equal texts are equally many samples. */
static const char *data_text(const run *r, arena *a) {
    kd_error ignored = KD_ERROR_INIT;
    yaml_writer *w = yaml_writer_create();
    yaml_write_node(w, "data", config_child(config_root(r->source), "data"));
    const char *text = yaml_finish(w, &ignored);
    const char *ret = arena_print(a, "%s%d", text ? text : "", r->train.batch);
    yaml_writer_destroy(w);
    return ret;
}

/* What was asked for already. */
typedef struct known {
    const char *data;
    int64_t epoch_steps;
} known;

typedef struct equaliser {
    study_work *work;
    arena a;
    int n;
    known *known; /* [rows] */
} equaliser;

static bool epoch_steps_of(equaliser *e, const study_run *base, int64_t *ret, kd_error *err) {
    const char *data = data_text(base->run, &e->a);
    planned_run plan;
    for (int i = 0; i < e->n; i++) {
        if (strcmp(e->known[i].data, data) == 0) {
            *ret = e->known[i].epoch_steps;
            return true;
        }
    }
    if (!plan_child(e->work, base, "evals=[]", &plan, err)) {
        return false;
    }
    e->known[e->n++] = (known){.data = data, .epoch_steps = plan.epoch_steps};
    *ret = plan.epoch_steps;
    return true;
}

static bool equalise_row(equaliser *e, int at, kd_error *err) {
    const study *s = e->work->study;
    const int seeds = (int)s->keys.seeds.count, base = study_baseline_row(s, at);
    const study_run *reference = &e->work->runs.item[base * seeds];
    study_run *own = &e->work->runs.item[at * seeds];
    int64_t steps = 0;
    if (base == at || own->run->train.epoch_steps > 0 ||
        strcmp(data_text(own->run, &e->a), data_text(reference->run, &e->a)) == 0) {
        return true;
    }
    if (!epoch_steps_of(e, reference, &steps, err)) {
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
    const int rows = study_rows(w->study);
    equaliser e = {.work = w};
    bool ok = true;
    if (w->study->compared < 0 || w->study->keys.equal == EQUAL_EPOCHS) {
        return true;
    }
    e.known = arena_alloc(&e.a, sizeof *e.known * (size_t)rows);
    for (int at = 0; ok && at < rows; at++) {
        ok = equalise_row(&e, at, err);
    }
    arena_free(&e.a);
    return ok;
}
