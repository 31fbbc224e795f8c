/* SPDX-License-Identifier: Apache-2.0
 * `kindred import`: a run that begins with published weights. */
#include "cli/cli.h"

#include "train/checkpoint.h"
#include "train/import.h"
#include "train/run_folder.h"

#include <unistd.h>

static bool save(assembly *a, const run_folder *folder, kd_error *err) {
    const checkpoint_info info = {
        .step = 0, .device = machine_text(&a->machine, &a->memory), .data = a->identity};
    return checkpoint_save(folder->checkpoints, a->engine, &info, 1, err);
}

static bool import_run(const command_line *in, run *r, registry *plugins, kd_error *err) {
    const int how = in->overwrite ? FOLDER_OVERWRITE : FOLDER_NEW;
    const run_folder folder = run_folder_of(&r->memory, in->runs ? in->runs : "runs", r->keys.name);
    assembly a = {.run = r};
    int lock = -1;
    int64_t tensors = 0;
    if (!run_folder_check(&folder, r, how, err)) {
        return false;
    }
    const bool ok = assembly_open(&a, r, plugins, NULL, ASSEMBLE_STEP | ASSEMBLE_MEMORY, err) &&
                    import_encoder(a.engine, in->subject, in->drop, in->n_drop, &tensors, err) &&
                    run_folder_make(&folder, &a, how, &lock, err) && save(&a, &folder, err);
    if (ok) {
        printf("%s: %lld tensors of %s, as step 0\n", folder.path, (long long)tensors, in->subject);
    }
    assembly_close(&a);
    if (lock >= 0) {
        close(lock);
    }
    return ok;
}

bool command_import(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    if (!in->run) {
        kd_fail(err, E_USAGE, "import: --run RUN.yaml is missing: it says which encoder it is");
        return kd_hint(err, "kindred import --help");
    }
    registry *plugins = registry_open(&in->search, err);
    run *r = NULL;
    const bool ok = plugins && run_load(plugins, in->run, in->keys, in->n_keys, &r, err) &&
                    import_run(in, r, plugins, err);
    run_destroy(r);
    registry_close(plugins);
    return ok;
}
