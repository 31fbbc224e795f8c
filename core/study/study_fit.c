/* SPDX-License-Identifier: Apache-2.0
 * Whether what lies in a study's folder is still what the study says. */
#include "study/study_data.h"

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

typedef struct checking {
    study_work *work;
    const json_t *records;
    arena a;
} checking;

static bool same_settings(checking *in, const study_run *r, const run_folder *folder,
                          kd_error *err) {
    return run_folder_check(folder, r->run, FOLDER_RESUME, err) &&
           same_evals(r->run, folder->config, err) &&
           lock_check(arena_print(&in->a, "%s/plugins.lock", folder->path), r->run,
                      r->run->device.plugin, in->work->plugins, err);
}

/* The data come first: where they have changed, keys that follow from them have too. *ret_known is
 * false where a process cannot open them now, which says nothing of what was trained. */
static bool fits(checking *in, const study_run *r, bool *ret_known, kd_error *err) {
    const run_folder folder = study_run_folder(&in->work->folder, r->name, &in->a);
    const char *now = NULL;
    kd_error unknown = KD_ERROR_INIT;
    *ret_known = true;
    if (!file_exists(folder.config)) {
        return true; /* it has not begun */
    }
    if (study_data_identity(in->work, r, &now, &unknown)) {
        const char *before = record_data(in->records, &in->work->folder, r->name, &in->a);
        if (strcmp(before, now) != 0) {
            return kd_fail(err, KD_E_INVALID, "its data were %s when it began and are %s now",
                           before, now);
        }
    }
    if (unknown.code != KD_E_CANCELLED && !same_settings(in, r, &folder, err)) {
        return false;
    }
    *ret_known = now != NULL;
    *err = now ? *err : unknown;
    return now != NULL;
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

/* The runs that do not fit, and why the first does not. */
typedef struct misfits {
    int count;
    const char *names, *reason;
} misfits;

static bool check_run(checking *in, const study_run *r, bool overwrite, misfits *to,
                      kd_error *err) {
    kd_error why = KD_ERROR_INIT;
    bool known = true;
    if (fits(in, r, &known, &why)) {
        return true;
    }
    if (!known) {
        *err = why;
        return false;
    }
    if (overwrite) {
        return remove_run(&in->work->folder, r, &in->a, err);
    }
    to->names =
        arena_print(&in->a, "%s%s%s", to->count ? to->names : "", to->count ? ", " : "", r->name);
    to->reason = to->count++ ? to->reason : arena_text(&in->a, why.message);
    return true;
}

bool study_check(study_work *w, bool overwrite, kd_error *err) {
    json_t *records = records_read(w->folder.results, err);
    checking in = {.work = w, .records = records};
    misfits all = {.count = 0};
    bool ok = records != NULL;
    for (int i = 0; ok && i < w->runs.count; i++) {
        ok = check_run(&in, &w->runs.item[i], overwrite, &all, err);
    }
    if (ok && all.count) {
        kd_fail(err, KD_E_INVALID, "%d of %d runs no longer fit: %.300s: %s", all.count,
                w->runs.count, all.names, all.reason);
        kd_hint(err, "put back what has changed; or --overwrite begins these anew, name=... "
                     "another study");
        ok = false;
    }
    json_decref(records);
    arena_free(&in.a);
    return ok;
}
