/* SPDX-License-Identifier: Apache-2.0
 * Asking what data are, and remembering the answers. */
#include "study/study_data.h"

#include "config/yaml_writer.h"
#include "study/study_plan.h"

typedef struct data_answer {
    const char *data;
    int batch, epoch_steps; /* keys of the run that was asked about */
    planned_run plan;
    struct data_answer *next;
} data_answer;

const char *study_data_text(const run *r, arena *a) {
    kd_error ignored = KD_ERROR_INIT;
    yaml_writer *w = yaml_writer_create();
    yaml_write_node(w, "data", config_child(config_root(r->source), "data"));
    const char *text = yaml_finish(w, &ignored);
    const char *ret = arena_text(a, text ? text : "");
    yaml_writer_destroy(w);
    return ret;
}

/* steps: whether it is about an epoch's steps too, which keys beside `data` decide. */
static bool answers(const data_answer *a, const char *data, const run *r, bool steps) {
    return strcmp(a->data, data) == 0 &&
           (!steps || (a->batch == r->train.batch && a->epoch_steps == r->train.epoch_steps));
}

static bool ask(study_work *w, const study_run *r, bool steps, planned_run *ret, kd_error *err) {
    const char *data = study_data_text(r->run, &w->memory);
    for (const data_answer *a = w->answers; a; a = a->next) {
        if (answers(a, data, r->run, steps)) {
            *ret = a->plan;
            return true;
        }
    }
    if (!plan_child(w, r, false, &w->memory, ret, err)) {
        return false;
    }
    data_answer *a = arena_alloc(&w->memory, sizeof *a);
    *a = (data_answer){.data = data,
                       .batch = r->run->train.batch,
                       .epoch_steps = r->run->train.epoch_steps,
                       .plan = *ret,
                       .next = w->answers};
    w->answers = a;
    return true;
}

bool study_data_identity(study_work *w, const study_run *r, const char **ret, kd_error *err) {
    planned_run plan;
    if (!ask(w, r, false, &plan, err)) {
        return false;
    }
    *ret = plan.data;
    return true;
}

bool study_epoch_steps(study_work *w, const study_run *r, int64_t *ret, kd_error *err) {
    planned_run plan;
    if (!ask(w, r, true, &plan, err)) {
        return false;
    }
    *ret = plan.epoch_steps;
    return true;
}
