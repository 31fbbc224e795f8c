/* SPDX-License-Identifier: Apache-2.0
 * What a study will take, by asking processes of kindred. */
#include "study/study_plan.h"

#include "base/file.h"
#include "study/child.h"
#include "study/record.h"
#include "train/interrupt.h"
#include "train/pace.h"
#include "train/progress.h"

#include <stdlib.h>

#define PROBE_STEPS 6

/* The child's own words, which its log ends with. */
static bool child_failed(const char *log, const char *what, const char *name, kd_error *err) {
    char *text = NULL;
    size_t bytes = 0;
    kd_error ignored = KD_ERROR_INIT;
    if (interrupt_signal()) {
        return kd_fail(err, KD_E_CANCELLED, "interrupted");
    }
    const bool there = file_read(log, 0, &text, &bytes, &ignored);
    kd_fail(err, KD_E_INVALID, "%s of run %s fails: %.900s", what, name,
            there && bytes ? text + (bytes > 900 ? bytes - 900 : 0) : "it says nothing");
    free(text);
    return false;
}

static bool read_plan(const char *path, arena *a, planned_run *ret, kd_error *err) {
    json_error_t why;
    json_t *root = json_load_file(path, 0, &why);
    const struct {
        const char *key;
        int64_t *to;
    } keys[] = {{"samples", &ret->samples},
                {"epoch_steps", &ret->epoch_steps},
                {"total_steps", &ret->total_steps},
                {"parameters", &ret->parameters},
                {"peak_bytes", &ret->peak_bytes}};
    const char *data = json_string_value(json_object_get(root, "data"));
    bool ok = data != NULL;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *value = json_object_get(root, keys[i].key);
        ok = ok && json_is_integer(value);
        *keys[i].to = json_integer_value(value);
    }
    ret->data = arena_text(a, data ? data : "");
    json_decref(root);
    return ok || kd_fail(err, KD_E_INTERNAL, "%s: not what `kindred plan --json` prints", path);
}

/* Runs words to their end. log is emptied first. */
static bool run_child(const study_work *w, const char *const *words, const char *out,
                      const char *log, const char *what, const char *name, kd_error *err) {
    if (!file_write(log, "", 0, err)) {
        return false;
    }
    const int pid = child_start(words, w->search, out, log, err);
    return pid >= 0 && (child_wait(pid, NULL, NULL) == 0 || child_failed(log, what, name, err));
}

bool plan_child(const study_work *w, const study_run *r, bool evals, arena *a, planned_run *ret,
                kd_error *err) {
    const char *out = arena_print(a, "%s/%s.plan", w->folder.logs, r->name);
    const char *log = arena_print(a, "%s/%s.plan.log", w->folder.logs, r->name);
    const char *const words[] = {"plan",
                                 study_config_path(&w->folder, r->name, a),
                                 "--json",
                                 evals ? NULL : "evals=[]",
                                 "checkpoint.keep_best=\"\"", /* it names an eval */
                                 NULL};
    return study_write_config(&w->folder, r, err) &&
           run_child(w, words, out, log, "the plan", r->name, err) && read_plan(out, a, ret, err);
}

typedef struct estimate {
    double seconds; /* of training a run */
    int finished;   /* runs that it is from; 0: from a few steps */
} estimate;

static estimate from_finished(const study_work *w, int at, const json_t *records) {
    estimate e = {.seconds = 0};
    for (int i = 0; i < w->runs.count; i++) {
        const json_t *line = w->runs.item[i].row == at
                                 ? records_done(records, &w->folder, w->runs.item[i].name)
                                 : NULL;
        if (line) {
            e.seconds += json_number_value(json_object_get(line, "seconds"));
            e.finished++;
        }
    }
    e.seconds = e.finished ? e.seconds / e.finished : 0;
    return e;
}

/* The second half of a few steps, so that what happens once is left out. */
static bool probe(const study_work *w, const study_run *r, int64_t steps, double *ret,
                  kd_error *err) {
    arena a = {0};
    const char *out = arena_print(&a, "%s/%s.probe", w->folder.logs, r->name);
    const char *log = arena_print(&a, "%s/%s.probe.log", w->folder.logs, r->name);
    const char *const words[] = {"train",
                                 study_config_path(&w->folder, r->name, &a),
                                 "--overwrite",
                                 "--runs",
                                 w->folder.probes,
                                 arena_print(&a, "train.steps=%d", PROBE_STEPS),
                                 arena_print(&a, "train.log_every=%d", PROBE_STEPS / 2),
                                 "evals=[]",
                                 "checkpoint.keep_best=\"\"",
                                 NULL};
    const int64_t views = (int64_t)r->run->train.batch * r->run->view_list.count;
    const bool ok = run_child(w, words, out, log, "the probe", r->name, err);
    if (ok) {
        const char *metrics = arena_print(&a, "%s/%s/metrics.jsonl", w->folder.probes, r->name);
        const training_pace pace = pace_of_file(metrics, views);
        *ret = pace.views_per_second > 0 ? (double)(steps * views) / pace.views_per_second : 0;
    }
    arena_free(&a);
    return ok;
}

typedef struct totals {
    double seconds;
    int runs, probed;
    int64_t peak;
} totals;

static bool plan_row(study_work *w, int at, const json_t *records, totals *all, FILE *to,
                     kd_error *err) {
    const int seeds = (int)w->study->keys.seeds.count;
    const study_run *r = &w->runs.item[at * seeds];
    estimate e = from_finished(w, at, records);
    planned_run p;
    char time[16];
    if (!plan_child(w, r, true, &w->memory, &p, err) ||
        (!e.finished && !probe(w, r, p.total_steps, &e.seconds, err))) {
        return false;
    }
    const int left = seeds - e.finished;
    progress_duration(e.seconds, time, sizeof time);
    fprintf(to, "%-28s %4d %9lld %9lld %9.2f M %8.0f MiB %9s  %s\n", r->name, left,
            (long long)p.samples, (long long)p.total_steps, (double)p.parameters / 1e6,
            (double)p.peak_bytes / 1048576, time, e.finished ? "finished runs" : "a few steps");
    all->seconds += e.seconds * left;
    all->runs += left;
    all->probed += !e.finished;
    all->peak = p.peak_bytes > all->peak ? p.peak_bytes : all->peak;
    return true;
}

static bool plan_rows(study_work *w, const json_t *records, FILE *to, kd_error *err) {
    totals all = {.runs = 0};
    char time[16];
    fprintf(to, "study      %s: %d rows, %d seeds, %d runs\n\n", w->study->keys.name,
            study_rows(w->study), (int)w->study->keys.seeds.count, w->runs.count);
    fprintf(to, "%-28s %4s %9s %9s %11s %12s %9s  %s\n", "first run of a row", "left", "samples",
            "steps", "parameters", "peak memory", "a run", "from");
    for (int at = 0; at < study_rows(w->study); at++) {
        if (!plan_row(w, at, records, &all, to, err)) {
            return false;
        }
        fflush(to);
    }
    progress_duration(all.seconds, time, sizeof time);
    fprintf(to,
            "\n%d runs are left; one after the other they train for about %s, at most %.0f MiB at "
            "a time.\nEvals come on top.%s\n",
            all.runs, time, (double)all.peak / 1048576,
            all.probed ? " Times are extrapolated from a few steps: other work on the machine "
                         "moves them."
                       : "");
    return true;
}

bool study_plan_print(study_work *w, FILE *to, kd_error *err) {
    json_t *records = records_read(w->folder.results, err);
    const bool ok =
        records && plan_rows(w, records, to, err) && file_remove_tree(w->folder.probes, err);
    json_decref(records);
    return ok;
}
