/* SPDX-License-Identifier: Apache-2.0
 * `kindred eval`, `kindred embed` and `kindred export`: what is done with a run's checkpoints. */
#include "cli/cli.h"

#include "base/file.h"
#include "train/checkpoint.h"
#include "train/export.h"
#include "train/interrupt.h"
#include "train/results.h"

#include <stdlib.h>

static bool read_step(const command_line *in, int64_t *ret, kd_error *err) {
    char *end = NULL;
    *ret = in->step ? strtoll(in->step, &end, 10) : STEP_NEWEST;
    return !in->step || (*in->step && !*end && *ret >= 0) ||
           kd_fail(err, E_USAGE, "--step %s: not a number of steps", in->step);
}

static bool need_to(const command_line *in, const char *name, kd_error *err) {
    if (!in->to) {
        kd_fail(err, E_USAGE, "%s: --to FILE is missing", name);
        return kd_hint(err, "kindred %s --help", name);
    }
    return true;
}

/* A run's folder with what it was configured to. */
typedef struct opened {
    registry *plugins;
    run *run;
    run_folder folder;
    assembly assembly;
    int64_t step;
} opened;

static bool open_run(const command_line *in, opened *o, kd_error *err) {
    o->plugins = registry_open(&in->search, err);
    if (!o->plugins) {
        return false;
    }
    const run_folder folder = run_folder_at((arena *)(uintptr_t)&in->memory, in->subject);
    if (!file_exists(folder.config)) {
        kd_fail(err, KD_E_INVALID, "%s: not the folder of a run", in->subject);
        return kd_hint(err, "it has a config.yaml; kindred train makes it under runs/");
    }
    o->folder = folder;
    return run_load(o->plugins, folder.config, in->keys, in->n_keys, &o->run, err);
}

static bool open_encoder(const command_line *in, opened *o, const data_part *extra, unsigned what,
                         kd_error *err) {
    int64_t wanted = 0;
    interrupt_install();
    return read_step(in, &wanted, err) &&
           assembly_open(&o->assembly, o->run, o->plugins, extra, what | ASSEMBLE_MEMORY, err) &&
           checkpoint_load_encoder(o->folder.checkpoints, wanted, o->assembly.engine, &o->step,
                                   err);
}

static void close_run(opened *o) {
    if (o->assembly.run) {
        assembly_close(&o->assembly);
    }
    run_destroy(o->run);
    registry_close(o->plugins);
}

static bool measure(opened *o, kd_error *err) {
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
    opened o = {.step = 0};
    bool ok = open_run(in, &o, err);
    if (ok && o.run->n_evals == 0) {
        ok = kd_fail(err, KD_E_INVALID, "%s: its configuration has no evals", o.folder.config);
        kd_hint(err, "give some: \"evals.0={plugin: knn}\"");
    }
    ok = ok && open_encoder(in, &o, NULL, ASSEMBLE_EVALS, err) && measure(&o, err);
    close_run(&o);
    return ok;
}

bool command_embed(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    opened o = {.step = 0};
    data_part data;
    int64_t rows = 0;
    bool ok = need_to(in, "embed", err) && open_run(in, &o, err);
    if (ok && in->n_data) {
        ok = run_load_data(o.run, o.plugins, in->data, in->n_data, &data, err);
    } else if (ok) {
        data = o.run->data;
    }
    ok = ok && open_encoder(in, &o, &data, 0, err) &&
         export_features(&o.assembly, o.step, in->to, &rows, err);
    if (ok) {
        printf("%s: %lld features of %lld, of step %lld\n", in->to, (long long)rows,
               (long long)o.assembly.features.width, (long long)o.step);
    }
    close_run(&o);
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
