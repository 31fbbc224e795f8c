/* SPDX-License-Identifier: Apache-2.0
 * The fixed trainings, through the same door as `kindred train`. */
#include "check/golden_runs.h"

#include "base/file.h"
#include "base/json_lines.h"
#include "train/interrupt.h"
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* Rates are low, so that what rounds differently is not blown up by training itself: f32 stays
 * within 1e-6 of f64. */
const golden_run golden_runs[] = {
    {"simclr, resnet", "data: {plugin: synthetic, kinds: 4, count: 64, size: 16}\n"
                       "views:\n"
                       "  - {recipe: simclr_cifar, size: 16, count: 2, normalize: store}\n"
                       "backbone: {plugin: resnet, depth: 18, stem: cifar, width: 4}\n"
                       "method: {plugin: simclr, temperature: 0.5, hidden: 32, output: 16}\n"
                       "optimizer: {name: adamw, lr: 5.0e-5}\n"
                       "train: {batch: 16, log_every: 1}\n"
                       "checkpoint: {every_epochs: 0}\n"},
    {"dino, vit",
     "data: {plugin: synthetic, kinds: 4, count: 64, size: 16}\n"
     "views:\n"
     "  - {recipe: simclr_cifar, size: 16, count: 2, normalize: store}\n"
     "  - {recipe: simclr_cifar, size: 8, count: 2, normalize: store}\n"
     "backbone: {plugin: vit, width: 48, heads: 3, depth: 2, patch: 4, image_size: 16}\n"
     "method: {plugin: dino, hidden: 64, bottleneck: 32, output: 64, freeze_epochs: 0}\n"
     "optimizer: {name: adamw, lr: 5.0e-4, weight_decay: 0.04}\n"
     "train: {batch: 8, log_every: 1}\n"
     "checkpoint: {every_epochs: 0}\n"},
    {.name = NULL},
};

static bool read_losses(const char *path, int steps, double *ret, kd_error *err) {
    json_t *lines = json_lines_read(path, err);
    const int count = (int)json_array_size(lines);
    for (int i = 0; i < steps && i < count; i++) {
        const json_t *loss = json_object_get(json_array_get(lines, (size_t)i), "loss");
        ret[i] = json_is_number(loss) ? json_number_value(loss) : HUGE_VAL;
    }
    const bool ok =
        lines && (count >= steps ||
                  kd_fail(err, KD_E_DATA, "%s: %d losses in place of %d", path, count, steps));
    json_decref(lines);
    return ok;
}

/* Its lines are no business of a check's. */
static bool train_silently(assembly *a, const run_folder *folder, kd_error *err) {
    FILE *nowhere = fopen("/dev/null", "w"), *out = a->progress.out;
    int outcome = TRAINED;
    a->progress.out = nowhere ? nowhere : out;
    const bool ok = train(a, folder, &outcome, err);
    a->progress.out = out;
    if (nowhere) {
        fclose(nowhere);
    }
    return ok &&
           (outcome != INTERRUPTED || kd_fail(err, KD_E_CANCELLED, "interrupted in a golden run"));
}

static bool train_run(run *r, registry *plugins, const run_folder *folder, kd_error *err) {
    assembly a = {.run = r};
    int lock = -1;
    const bool ok = run_folder_check(folder, r, FOLDER_NEW, err) &&
                    assembly_open(&a, r, plugins, NULL, ASSEMBLE_STEP | ASSEMBLE_MEMORY, err) &&
                    run_folder_make(folder, &a, FOLDER_NEW, &lock, err) &&
                    train_silently(&a, folder, err);
    assembly_close(&a);
    if (lock >= 0) {
        close(lock);
    }
    return ok;
}

/* Overrides that make it a run on that device, in that folder; ended by NULL. */
static const char *const *overrides(arena *a, const char *folder, const char *name,
                                    const device_choice *device, const char *precision, int steps) {
    const char **all = arena_alloc(a, sizeof *all * (size_t)(device->count + 6));
    int count = 0;
    all[count++] = arena_print(a, "name=%s", name);
    all[count++] = arena_print(a, "precision=%s", precision);
    all[count++] = arena_print(a, "train.steps=%d", steps);
    all[count++] = arena_print(a, "data.store.cache=%s/cache", folder);
    all[count++] = arena_print(a, "device.plugin=%s", device->name);
    for (int i = 0; i < device->count; i++) {
        all[count++] = arena_print(a, "device.%s", device->keys[i]);
    }
    return all;
}

static bool run_on(const char *folder, const char *name, registry *plugins,
                   const device_choice *device, const char *precision, int steps, double *ret,
                   kd_error *err) {
    arena memory = {0};
    run *r = NULL;
    const char *path = arena_print(&memory, "%s/run.yaml", folder);
    const char *const *keys = overrides(&memory, folder, name, device, precision, steps);
    const run_folder in = run_folder_of(&memory, folder, name);
    const bool ok = run_load(plugins, path, keys, device->count + 5, &r, err) &&
                    train_run(r, plugins, &in, err) && read_losses(in.metrics, steps, ret, err);
    run_destroy(r);
    arena_free(&memory);
    return ok || kd_while(err, "%s", device->name);
}

static void compare(golden_curves *c) {
    for (int i = 0; i < c->steps; i++) {
        const double apart = fabs(c->got[i] - c->want[i]) / fabs(c->want[i]);
        const double error = isfinite(apart) ? apart : HUGE_VAL;
        if (i == 0 || error > c->error) {
            c->error = error;
            c->worst = i + 1;
        }
    }
}

bool golden_run_compare(const golden_run *r, registry *plugins, const device_choice *device,
                        int steps, golden_curves *ret, kd_error *err) {
    const char *root = getenv("TMPDIR");
    char folder[4096];
    const device_choice reference = {.name = "reference"};
    *ret = (golden_curves){.steps = steps};
    snprintf(folder, sizeof folder, "%s/kindred-check-XXXXXX", root && *root ? root : "/tmp");
    if (!mkdtemp(folder)) {
        kd_fail(err, KD_E_IO, "%s: a temporary folder cannot be made", folder);
        return kd_hint(err, "set TMPDIR to a folder that can be written");
    }
    interrupt_install();
    char path[4200];
    snprintf(path, sizeof path, "%s/run.yaml", folder);
    const bool ok = file_write(path, r->yaml, strlen(r->yaml), err) &&
                    run_on(folder, "device", plugins, device, "f32", steps, ret->got, err) &&
                    run_on(folder, "reference", plugins, &reference, "f64", steps, ret->want, err);
    kd_error ignored = KD_ERROR_INIT;
    file_remove_tree(folder, &ignored);
    if (ok) {
        compare(ret);
    }
    return ok;
}
