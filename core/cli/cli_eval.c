/* SPDX-License-Identifier: Apache-2.0
 * `kindred eval`, `kindred embed` and `kindred export`: what is done with a run's checkpoints. */
#include "cli/opened_run.h"

#include "train/export.h"
#include "train/results.h"

static bool need_to(const command_line *in, const char *name, kd_error *err) {
    if (!in->to) {
        kd_fail(err, E_USAGE, "%s: --to FILE is missing", name);
        return kd_hint(err, "kindred %s --help", name);
    }
    return true;
}

static bool measure(opened_run *o, kd_error *err) {
    const char *path = arena_print(&o->run->memory, "%s/evals.jsonl", o->folder.path);
    metrics *m = metrics_open(path, INT64_MAX, err);
    results r = {.assembly = &o->assembly, .folder = &o->folder, .path = path, .metrics = m};
    const bool ok = m && results_take_all(&r, o->step, err);
    if (ok) {
        results_print(&r, o->step, stdout);
    }
    metrics_close(m);
    return ok;
}

bool command_eval(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    opened_run o = {.step = 0};
    bool ok = opened_run_load(in, in->subject, &o, err);
    if (ok && o.run->n_evals == 0) {
        ok = kd_fail(err, KD_E_INVALID, "%s: its configuration has no evals", o.folder.config);
        kd_hint(err, "give some: \"evals.0={plugin: knn}\"");
    }
    ok = ok && opened_run_encoder(in, &o, NULL, ASSEMBLE_EVALS, err) && measure(&o, err);
    opened_run_close(&o);
    return ok;
}

bool command_embed(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    opened_run o = {.step = 0};
    data_part data;
    int64_t rows = 0;
    bool ok = need_to(in, "embed", err) && opened_run_load(in, in->subject, &o, err);
    if (ok && in->n_data) {
        ok = run_load_data(o.run, o.plugins, in->data, in->n_data, &data, err);
    } else if (ok) {
        data = o.run->data;
    }
    ok = ok && opened_run_encoder(in, &o, &data, 0, err) &&
         export_features(&o.assembly, o.step, in->to, &rows, err);
    if (ok) {
        printf("%s: %lld features of %lld, of step %lld\n", in->to, (long long)rows,
               (long long)o.assembly.features.width, (long long)o.step);
    }
    opened_run_close(&o);
    return ok;
}

bool command_export(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    arena memory = {0};
    int64_t step = STEP_NEWEST;
    if (!need_to(in, "export", err) || !read_step(in, &step, err)) {
        return false;
    }
    const run_folder folder = run_folder_at(&memory, in->subject);
    const bool ok = export_encoder(&folder, step, in->to, &step, err);
    if (ok) {
        printf("%s: the encoder of step %lld\n", in->to, (long long)step);
    }
    arena_free(&memory);
    return ok;
}
