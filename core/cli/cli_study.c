/* SPDX-License-Identifier: Apache-2.0
 * `kindred study`. */
#include "cli/cli.h"

#include "base/file.h"
#include "study/study_plan.h"
#include "train/interrupt.h"

#include <stdlib.h>
#include <unistd.h>

static bool print_table(const study_folder *f, kd_error *err) {
    char path[4096], *text = NULL;
    size_t bytes = 0;
    snprintf(path, sizeof path, "%s/table.md", f->path);
    if (!study_write_tables(f, err) || !file_read(path, 0, &text, &bytes, err)) {
        return false;
    }
    printf("%s\nstudy folder: %s\n", text, f->path);
    free(text);
    return true;
}

static bool work(study_work *w, kd_error *err) {
    int failed = 0;
    if (!study_folder_write(&w->folder, w->study, &w->runs, err) || !study_train(w, &failed, err) ||
        !print_table(&w->folder, err)) {
        return false;
    }
    if (failed) {
        kd_fail(err, KD_E_INVALID, "%d of %d runs failed", failed, w->runs.count);
        return kd_hint(err, "the same command runs them again, and what has finished never");
    }
    return true;
}

static bool in_folder(study_work *w, const command_line *in, kd_error *err) {
    int lock = -1;
    const bool ok = study_folder_make(&w->folder, &lock, err) && study_equalise(w, err) &&
                    study_check(w, in->overwrite, err) &&
                    (in->plan ? study_plan_print(w, stdout, err) : work(w, err));
    if (lock >= 0) {
        close(lock);
    }
    return ok;
}

bool command_study(const command_line *in, int *ret_status, kd_error *err) {
    (void)ret_status;
    if (in->plan && in->overwrite) {
        kd_fail(err, E_USAGE, "--plan changes no run, --overwrite removes some: not both");
        return kd_hint(err, "kindred study --help");
    }
    arena memory = {0};
    study *s = NULL;
    registry *plugins = registry_open(&in->search, err);
    bool ok = plugins && study_load(in->subject, in->keys, in->n_keys, &s, err);
    if (ok) {
        const char *all = in->runs ? in->runs : "studies";
        study_work w = {
            .study = s,
            .plugins = plugins,
            .search = &in->search,
            .folder = study_folder_at(&memory, arena_print(&memory, "%s/%s", all, s->keys.name))};
        interrupt_install();
        ok = study_expand(s, plugins, &w.runs, err) && in_folder(&w, in, err);
        study_work_end(&w);
    }
    study_destroy(s);
    registry_close(plugins);
    arena_free(&memory);
    return ok;
}
