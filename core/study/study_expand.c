/* SPDX-License-Identifier: Apache-2.0
 * From a study to its runs. */
#include "study/ablation.h"
#include "study/study_reader.h"

int study_rows(const study *s) {
    int64_t rows = 1;
    for (int i = 0; i < s->n_axes; i++) {
        rows *= s->axis[i].n_values;
        rows = rows > INT32_MAX ? INT32_MAX : rows;
    }
    return (int)rows;
}

void study_row(const study *s, int row, int *ret_value) {
    for (int i = s->n_axes - 1; i >= 0; i--) {
        ret_value[i] = row % s->axis[i].n_values;
        row /= s->axis[i].n_values;
    }
}

int study_baseline_row(const study *s, int row) {
    int step = 1;
    if (s->compared < 0) {
        return -1;
    }
    for (int i = s->n_axes - 1; i > s->compared; i--) {
        step *= s->axis[i].n_values;
    }
    const int value = row / step % s->axis[s->compared].n_values;
    return row + (s->baseline - value) * step;
}

const char *study_row_name(const study *s, int row, arena *a) {
    int *value = arena_alloc(a, sizeof *value * (size_t)(s->n_axes + 1));
    const char *name = "";
    study_row(s, row, value);
    for (int i = 0; i < s->n_axes; i++) {
        name = arena_print(a, "%s%s%s", name, i ? "-" : "", s->axis[i].value[value[i]].name);
    }
    return name;
}

const char *study_run_name(const study *s, int row, int seed, arena *a) {
    const char *name = study_row_name(s, row, a);
    return arena_print(a, "%s%sseed%lld", name, *name ? "-" : "",
                       (long long)s->keys.seeds.value[seed]);
}

/* Lays the values of the axes on the run that all begin from. Ops are taken out last: the value of
 * a later axis may bring other views. */
static bool lay_values(const study *s, const study_run *r, config *c, arena *a, kd_error *err) {
    int *value = arena_alloc(a, sizeof *value * (size_t)(s->n_axes + 1));
    study_row(s, r->row, value);
    for (int i = 0; i < s->n_axes; i++) {
        const study_axis *axis = &s->axis[i];
        const config_node *node = axis->value[value[i]].node;
        if (*axis->keys.key ? !config_put(c, axis->keys.key, node, err)
                            : config_kind(node) == CONFIG_MAP && !config_lay(c, node, err)) {
            return false;
        }
        ablation_leave_out(c, node);
    }
    for (int i = 0; i < s->n_axes; i++) {
        if (!ablate(c, s->axis[i].value[value[i]].node, err)) {
            return false;
        }
    }
    return true;
}

static bool lay(const study *s, const study_run *r, config *c, arena *a, kd_error *err) {
    if (!lay_values(s, r, c, a, err)) {
        return false;
    }
    for (int i = 0; i < s->n_overrides; i++) {
        if (!config_override(c, s->override[i], err)) {
            return false;
        }
    }
    const long long seed = (long long)s->keys.seeds.value[r->seed];
    return config_override(c, arena_print(a, "name=\"%s\"", r->name), err) &&
           config_override(c, arena_print(a, "seed=%lld", seed), err);
}

/* Which run a message is about, behind it: places come first. */
static bool in_run(const study_run *r, kd_error *err) {
    const size_t used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, " (run %s)", r->name);
    return false;
}

static bool read(const study *s, const registry *plugins, study_run *r, const char *override,
                 kd_error *err) {
    arena a = {0};
    config *c = config_copy(s->run, err);
    bool ok = c && lay(s, r, c, &a, err) && (!override || config_override(c, override, err));
    arena_free(&a);
    if (!ok) {
        config_destroy(c);
        return in_run(r, err);
    }
    run_destroy(r->run);
    r->run = NULL;
    return run_load_config(plugins, c, r->name, &r->run, err) || in_run(r, err);
}

bool study_run_set(const study *s, const registry *plugins, study_run *r, const char *override,
                   kd_error *err) {
    return read(s, plugins, r, override, err);
}

/* Two rows whose values make one name: a-b with c, and a with b-c. */
static bool check_names(const study *s, const study_runs *runs, kd_error *err) {
    const int seeds = (int)s->keys.seeds.count;
    for (int i = 0; i < runs->count; i += seeds) {
        for (int k = 0; k < i; k += seeds) {
            if (strcmp(runs->item[i].name, runs->item[k].name) == 0) {
                config_fail(config_child(config_root(s->source), "matrix"), err,
                            "two rows would be named %s", runs->item[i].name);
                return kd_hint(err, "give one of the values another name");
            }
        }
    }
    return true;
}

bool study_expand(const study *s, const registry *plugins, study_runs *ret, kd_error *err) {
    const int seeds = (int)s->keys.seeds.count, rows = study_rows(s);
    study_runs runs = {.count = rows * seeds};
    runs.item = arena_alloc(&runs.memory, sizeof *runs.item * (size_t)runs.count);
    for (int i = 0; i < runs.count; i++) {
        runs.item[i] = (study_run){
            .row = i / seeds,
            .seed = i % seeds,
            .name = study_run_name(s, i / seeds, i % seeds, &runs.memory),
        };
    }
    bool ok = check_names(s, &runs, err);
    for (int i = 0; ok && i < runs.count; i++) {
        ok = read(s, plugins, &runs.item[i], NULL, err);
    }
    if (!ok || !study_check_papers(s, &runs, err)) {
        study_runs_free(&runs);
        return false;
    }
    *ret = runs;
    return true;
}

void study_runs_free(study_runs *runs) {
    for (int i = 0; i < runs->count; i++) {
        run_destroy(runs->item[i].run);
    }
    arena_free(&runs->memory);
    *runs = (study_runs){.count = 0};
}
