/* SPDX-License-Identifier: Apache-2.0
 * `kindred train` and `kindred plan`. */
#include "cli/cli.h"

#include "base/file.h"
#include "package/locks.h"
#include "train/interrupt.h"
#include "train/lock.h"
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

/* The lock to hold to: of the run's folder, else the one beside the YAML file. Lives in the run. */
static bool find_lock(const command_line *in, const run_folder *folder, run *r, const char **ret,
                      kd_error *err) {
    const char *slash = strrchr(in->subject, '/');
    const char *own = arena_print(&r->memory, "%s/plugins.lock", folder->path);
    const char *beside = arena_print(&r->memory, "%.*splugins.lock",
                                     slash ? (int)(slash - in->subject) + 1 : 0, in->subject);
    *ret = NULL;
    if (!in->locked) {
        return true;
    }
    *ret = file_exists(own) ? own : beside;
    if (!file_exists(*ret)) {
        kd_fail(err, KD_E_INVALID, "--locked: there is neither %s nor %s", own, beside);
        return kd_hint(err, "copy the plugins.lock of the run that you want to repeat beside %s",
                       in->subject);
    }
    return true;
}

static bool train_run(const command_line *in, run *r, registry *plugins, int *ret_status,
                      kd_error *err) {
    const int how = in->resume ? FOLDER_RESUME : in->overwrite ? FOLDER_OVERWRITE : FOLDER_NEW;
    const run_folder folder = run_folder_of(&r->memory, in->runs ? in->runs : "runs", r->keys.name);
    assembly a = {.run = r};
    int lock = -1;
    const char *locked = NULL;
    if (!run_folder_check(&folder, r, how, err) || !find_lock(in, &folder, r, &locked, err) ||
        (locked && !lock_check(locked, r, r->device.plugin, plugins, err))) {
        return false;
    }
    interrupt_install();
    const bool ok = assembly_open(&a, r, plugins, NULL,
                                  ASSEMBLE_STEP | ASSEMBLE_EVALS | ASSEMBLE_MEMORY, err) &&
                    (!locked || lock_check(locked, r, a.machine.plugin, plugins, err)) &&
                    run_folder_make(&folder, &a, how, &lock, err) &&
                    locks_remember(arena_print(&r->memory, "%s/plugins.lock", folder.path), err) &&
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

static bool plan(const command_line *in, run *r, registry *plugins, kd_error *err) {
    assembly a = {.run = r};
    run_plan p;
    const bool ok = assembly_open(&a, r, plugins, NULL, ASSEMBLE_STEP | ASSEMBLE_EVALS, err) &&
                    plan_run(&a, &p, err);
    if (ok) {
        (in->json ? plan_print_json : plan_print)(&a, &p, stdout);
    }
    assembly_close(&a);
    return ok;
}

bool command_plan(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    registry *plugins = registry_open(&in->search, err);
    run *r = NULL;
    const bool ok = plugins && run_load(plugins, in->subject, in->keys, in->n_keys, &r, err) &&
                    plan(in, r, plugins, err);
    run_destroy(r);
    registry_close(plugins);
    return ok;
}
