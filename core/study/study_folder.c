/* SPDX-License-Identifier: Apache-2.0
 * Making the folder of a study, and what is written into it. */
#include "study/study_folder.h"

#include "base/file.h"
#include "config/yaml_writer.h"
#include "study/study_results.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

study_folder study_folder_at(arena *a, const char *path) {
    return (study_folder){.path = arena_text(a, path),
                          .study = arena_print(a, "%s/study.yaml", path),
                          .configs = arena_print(a, "%s/configs", path),
                          .runs = arena_print(a, "%s/runs", path),
                          .logs = arena_print(a, "%s/logs", path),
                          .probes = arena_print(a, "%s/probes", path),
                          .results = arena_print(a, "%s/results.jsonl", path)};
}

const char *study_config_path(const study_folder *f, const char *name, arena *a) {
    return arena_print(a, "%s/%s.yaml", f->configs, name);
}

run_folder study_run_folder(const study_folder *f, const char *name, arena *a) {
    return run_folder_of(a, f->runs, name);
}

bool study_folder_make(const study_folder *f, int *ret_lock, kd_error *err) {
    if (!file_make_directories(f->path, err)) {
        return false;
    }
    const int fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return kd_fail(err, KD_E_IO, "%s: %s", f->path, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return kd_fail(err, KD_E_INVALID, "%s: another process is at this study", f->path);
    }
    if (!file_make_directories(f->configs, err) || !file_make_directories(f->runs, err) ||
        !file_make_directories(f->logs, err) || !file_remove_tree(f->probes, err) ||
        !file_sweep(f->path, err) || !file_sweep(f->logs, err) || !file_sweep(f->configs, err) ||
        !file_sweep(f->runs, err)) {
        close(fd);
        return false;
    }
    *ret_lock = fd;
    return true;
}

static void write_child(yaml_writer *w, const study *s, const char *key) {
    const config_node *node = config_child(config_root(s->source), key);
    if (node) {
        yaml_write_node(w, key, node);
    }
}

static bool write_study(const study_folder *f, const study *s, kd_error *err) {
    const section *own = study_section("");
    yaml_writer *w = yaml_writer_create();
    yaml_write_options(w, own->options, own->count, &s->keys);
    write_child(w, s, "run");
    write_child(w, s, "matrix");
    yaml_begin_list(w, "overrides");
    for (int i = 0; i < s->n_overrides; i++) {
        yaml_write_text(w, NULL, s->override[i]);
    }
    yaml_end(w);
    write_child(w, s, "compare");
    write_child(w, s, "paper");
    const char *text = yaml_finish(w, err);
    const bool ok = text && file_write(f->study, text, strlen(text), err);
    yaml_writer_destroy(w);
    return ok;
}

bool study_write_config(const study_folder *f, const study_run *r, kd_error *err) {
    arena a = {0};
    char *text = run_resolved(r->run, err);
    const bool ok = text && file_write(study_config_path(f, r->name, &a), text, strlen(text), err);
    free(text);
    arena_free(&a);
    return ok;
}

bool study_folder_write(const study_folder *f, const study *s, const study_runs *runs,
                        kd_error *err) {
    bool ok = write_study(f, s, err);
    for (int i = 0; ok && i < runs->count; i++) {
        ok = study_write_config(f, &runs->item[i], err);
    }
    return ok;
}

static bool write_table(const study_results *r, const char *path,
                        void (*print)(const study_results *r, FILE *to), kd_error *err) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    print(r, out);
    fclose(out);
    const bool ok = file_write(path, text, bytes, err);
    free(text);
    return ok;
}

bool study_write_tables(const study_folder *f, kd_error *err) {
    arena a = {0};
    study_results r;
    const bool ok =
        study_results_read(f->path, &a, &r, err) &&
        write_table(&r, arena_print(&a, "%s/table.md", f->path), study_print_markdown, err) &&
        write_table(&r, arena_print(&a, "%s/table.csv", f->path), study_print_csv, err) &&
        write_table(&r, arena_print(&a, "%s/differences.csv", f->path), study_print_differences_csv,
                    err);
    arena_free(&a);
    return ok;
}
