/* SPDX-License-Identifier: Apache-2.0
 * Whether what lies in a study's folder is still what the study says. */
#include "study/study_folder.h"

#include "base/file.h"
#include "config/yaml_writer.h"
#include "study/record.h"
#include "train/lock.h"

#include <stdlib.h>

/* `evals` as text: a resumed run may change them, a study's results may not. */
static char *evals_text(const char *name, const char *text) {
    kd_error ignored = KD_ERROR_INIT;
    config *c = config_load_text(name, text, strlen(text), NULL, 0, &ignored);
    yaml_writer *w = yaml_writer_create();
    if (c) {
        yaml_write_node(w, "evals", config_child(config_root(c), "evals"));
    }
    const char *written = yaml_finish(w, &ignored);
    char *ret = strdup(written ? written : "");
    yaml_writer_destroy(w);
    config_destroy(c);
    return ret;
}

static bool same_evals(const run *r, const char *path, kd_error *err) {
    char *before = NULL;
    size_t bytes = 0;
    char *now = run_resolved(r, err);
    if (!now || !file_read(path, 0, &before, &bytes, err)) {
        free(now);
        return false;
    }
    char *was = evals_text(path, before), *is = evals_text("now", now);
    const bool same = strcmp(was, is) == 0;
    free(was);
    free(is);
    free(before);
    free(now);
    return same || kd_fail(err, KD_E_INVALID, "its evals were others when it began");
}

static bool fits(const study_folder *f, const study_run *r, const registry *plugins, arena *a,
                 kd_error *err) {
    const run_folder folder = study_run_folder(f, r->name, a);
    if (!file_exists(folder.config)) {
        return true; /* it has not begun */
    }
    return run_folder_check(&folder, r->run, FOLDER_RESUME, err) &&
           same_evals(r->run, folder.config, err) &&
           lock_check(arena_print(a, "%s/plugins.lock", folder.path), r->run, r->run->device.plugin,
                      plugins, err);
}

/* The result goes first: one without its run would count for a run of the same name. */
static bool remove_run(const study_folder *f, const study_run *r, arena *a, kd_error *err) {
    const run_folder folder = study_run_folder(f, r->name, a);
    json_t *records = records_read(f->results, err);
    if (!records) {
        return false;
    }
    records_put(records, r->name, NULL);
    const bool ok = records_write(f->results, records, err) && directory_remove(folder.path, err);
    json_decref(records);
    return ok;
}

bool study_folder_check(const study_folder *f, const study_runs *runs, const registry *plugins,
                        bool overwrite, kd_error *err) {
    arena a = {0};
    const char *names = "", *reason = "";
    int count = 0;
    bool ok = true;
    for (int i = 0; ok && i < runs->count; i++) {
        const study_run *r = &runs->item[i];
        kd_error why = KD_ERROR_INIT;
        if (fits(f, r, plugins, &a, &why)) {
            continue;
        }
        if (overwrite) {
            ok = remove_run(f, r, &a, err);
            continue;
        }
        names = arena_print(&a, "%s%s%s", names, count ? ", " : "", r->name);
        reason = count++ ? reason : arena_text(&a, why.message);
    }
    if (ok && count) {
        kd_fail(err, KD_E_INVALID, "%d of %d runs no longer fit: %.300s: %s", count, runs->count,
                names, reason);
        kd_hint(err, "put back what has changed; or --overwrite begins these anew, name=... "
                     "another study");
        ok = false;
    }
    arena_free(&a);
    return ok;
}
