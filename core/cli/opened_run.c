/* SPDX-License-Identifier: Apache-2.0
 * From the name of a run's folder to an encoder that takes features. */
#include "cli/opened_run.h"

#include "base/file.h"
#include "train/checkpoint.h"
#include "train/export.h"
#include "train/interrupt.h"

#include <stdlib.h>

bool read_step(const command_line *in, int64_t *ret, kd_error *err) {
    char *end = NULL;
    *ret = in->step ? strtoll(in->step, &end, 10) : STEP_NEWEST;
    return !in->step || (*in->step && !*end && *ret >= 0) ||
           kd_fail(err, E_USAGE, "--step %s: not a number of steps", in->step);
}

bool opened_run_load(const command_line *in, const char *path, opened_run *o, kd_error *err) {
    o->plugins = registry_open(&in->search, err);
    if (!o->plugins) {
        return false;
    }
    const run_folder folder = run_folder_at((arena *)(uintptr_t)&in->memory, path);
    if (!file_exists(folder.config)) {
        kd_fail(err, KD_E_INVALID, "%s: not the folder of a run", path);
        return kd_hint(err, "it has a config.yaml; kindred train makes it under runs/");
    }
    o->folder = folder;
    return run_load(o->plugins, folder.config, in->keys, in->n_keys, &o->run, err);
}

bool opened_run_encoder(const command_line *in, opened_run *o, const data_part *extra,
                        unsigned what, kd_error *err) {
    int64_t wanted = 0;
    interrupt_install();
    return read_step(in, &wanted, err) &&
           assembly_open(&o->assembly, o->run, o->plugins, extra, what | ASSEMBLE_MEMORY, err) &&
           checkpoint_load_encoder(o->folder.checkpoints, wanted, o->assembly.engine, &o->step,
                                   err);
}

void opened_run_close(opened_run *o) {
    if (o->assembly.run) {
        assembly_close(&o->assembly);
    }
    run_destroy(o->run);
    registry_close(o->plugins);
}
