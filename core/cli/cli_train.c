/* SPDX-License-Identifier: Apache-2.0
 * `kindred train` and `kindred plan`. */
#include "cli/cli.h"

#include "train/interrupt.h"
#include "train/plan.h"
#include "train/results.h"
#include "train/trainer.h"

#include <unistd.h>

static void announce(const assembly *a, const run_folder *folder) {
    const int64_t count = a->data->samples.count;
    fprintf(stderr, "%s: %lld samples, %lld steps an epoch, %lld in all; %s\n", folder->path,
            (long long)count, (long long)run_epoch_steps(a->run, count),
            (long long)run_total_steps(a->run, count), machine_text(&a->machine, &a->run->memory));
}

static bool train_in(assembly *a, const run_folder *folder, int *ret_status, kd_error *err) {
    int outcome = TRAINED;
    announce(a, folder);
    if (!train(a, folder, &outcome, err)) {
        return false;
    }
    if (outcome == INTERRUPTED) {
        fprintf(stderr, "interrupted; `kindred train ... --resume` goes on\n");
        *ret_status = 128 + interrupt_signal();
        return true;
    }
    const results r = {.assembly = a, .folder = folder, .path = folder->metrics, .recorded = true};
    results_print(&r, run_total_steps(a->run, a->data->samples.count), stdout);
    printf("\nrun folder: %s\n", folder->path);
    return true;
}

static bool train_run(const command_line *in, run *r, registry *plugins, int *ret_status,
                      kd_error *err) {
    const int how = in->resume ? FOLDER_RESUME : in->overwrite ? FOLDER_OVERWRITE : FOLDER_NEW;
    const run_folder folder = run_folder_of(&r->memory, in->runs ? in->runs : "runs", r->keys.name);
    assembly a = {.run = r};
    int lock = -1;
    if (!run_folder_check(&folder, r, how, err)) {
        return false;
    }
    interrupt_install();
    const bool ok = assembly_open(&a, r, plugins, NULL,
                                  ASSEMBLE_STEP | ASSEMBLE_EVALS | ASSEMBLE_MEMORY, err) &&
                    run_folder_make(&folder, &a, how, &lock, err) &&
                    train_in(&a, &folder, ret_status, err);
    assembly_close(&a);
    if (lock >= 0) {
        close(lock);
    }
    return ok;
}

bool command_train(const command_line *in, int *ret_status, kd_error *err) {
    if (in->resume && in->overwrite) {
        kd_fail(err, E_USAGE, "--resume goes on with a run, --overwrite removes it: not both");
        return kd_hint(err, "kindred train --help");
    }
    registry *plugins = registry_open(&in->search, err);
    run *r = NULL;
    const bool ok = plugins && run_load(plugins, in->subject, in->keys, in->n_keys, &r, err) &&
                    train_run(in, r, plugins, ret_status, err);
    run_destroy(r);
    registry_close(plugins);
    return ok;
}

static bool plan(run *r, registry *plugins, kd_error *err) {
    assembly a = {.run = r};
    run_plan p;
    const bool ok = assembly_open(&a, r, plugins, NULL, ASSEMBLE_STEP | ASSEMBLE_EVALS, err) &&
                    plan_run(&a, &p, err);
    if (ok) {
        plan_print(&a, &p, stdout);
    }
    assembly_close(&a);
    return ok;
}

bool command_plan(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    registry *plugins = registry_open(&in->search, err);
    run *r = NULL;
    const bool ok = plugins && run_load(plugins, in->subject, in->keys, in->n_keys, &r, err) &&
                    plan(r, plugins, err);
    run_destroy(r);
    registry_close(plugins);
    return ok;
}
