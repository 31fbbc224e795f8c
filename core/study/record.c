/* SPDX-License-Identifier: Apache-2.0
 * What a finished run came to. */
#include "study/record.h"

#include "base/file.h"
#include "base/json_lines.h"
#include "train/evaluation.h"
#include "train/pace.h"

#include <stdlib.h>

static json_t *values_of(const study *s, const study_run *r) {
    arena a = {0};
    int *value = arena_alloc(&a, sizeof *value * (size_t)(s->n_axes + 1));
    json_t *object = json_object();
    study_row(s, r->row, value);
    for (int i = 0; i < s->n_axes; i++) {
        json_object_set_new(object, s->axis[i].keys.axis,
                            json_string(s->axis[i].value[value[i]].name));
    }
    arena_free(&a);
    return object;
}

/* What `before: true` compares with; it is measured before the first step. */
static void put_before(json_t *to, const char *key, const char *file, const char *name,
                       const char *of) {
    json_t *line = metrics_find(file, 0, name, of);
    json_t *value = json_object_get(line, "value");
    if (value) {
        json_object_set(to, key, value);
    }
    json_decref(line);
}

static bool evals_of(const study_run *r, const char *file, int64_t step, json_t *to,
                     kd_error *err) {
    for (int i = 0; i < r->run->n_evals; i++) {
        const char *name = r->run->evals[i].keys.name;
        json_t *line = metrics_find(file, step, name, OF_TRAINED);
        json_t *value = json_object_get(line, "value");
        if (!value) {
            json_decref(line);
            return kd_fail(err, KD_E_DATA, "%s: eval %s has no result at step %lld", file, name,
                           (long long)step);
        }
        json_t *eval = json_pack("{s:s, s:O, s:O?}", "eval", name, "value", value, "protocol",
                                 json_object_get(line, "protocol"));
        put_before(eval, "untrained", file, name, OF_UNTRAINED);
        put_before(eval, "pixels", file, name, OF_PIXELS);
        json_array_append_new(to, eval);
        json_decref(line);
    }
    return true;
}

static const char *folder_data(const char *folder, arena *a) {
    json_error_t ignored;
    json_t *root = json_load_file(arena_print(a, "%s/environment.json", folder), 0, &ignored);
    const char *data = json_string_value(json_object_get(root, "data"));
    const char *ret = arena_text(a, data ? data : "unknown");
    json_decref(root);
    return ret;
}

bool record_of(const study *s, const study_run *r, const char *folder, json_t **ret,
               kd_error *err) {
    arena a = {0};
    const char *file = arena_print(&a, "%s/metrics.jsonl", folder);
    const int64_t views = (int64_t)r->run->train.batch * r->run->view_list.count;
    const training_pace pace = pace_of_file(file, views);
    json_t *evals = json_array();
    const bool ok = evals_of(r, file, pace.step, evals, err);
    *ret = ok ? json_pack("{s:s, s:o, s:I, s:I, s:I, s:f, s:s, s:O}", "run", r->name, "values",
                          values_of(s, r), "seed", (json_int_t)s->keys.seeds.value[r->seed],
                          "steps", (json_int_t)pace.step, "views", (json_int_t)(pace.step * views),
                          "seconds", pace.seconds, "data", folder_data(folder, &a), "evals", evals)
              : NULL;
    json_decref(evals);
    arena_free(&a);
    return ok;
}

json_t *records_read(const char *path, kd_error *err) {
    return json_lines_read(path, err);
}

bool records_write(const char *path, const json_t *records, kd_error *err) {
    char *all = NULL;
    size_t bytes = 0, i;
    FILE *out = open_memstream(&all, &bytes);
    json_t *line;
    json_array_foreach((json_t *)(uintptr_t)records, i, line) {
        char *text = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
        fprintf(out, "%s\n", text);
        free(text);
    }
    fclose(out);
    const bool ok = file_write(path, all, bytes, err);
    free(all);
    return ok;
}

static bool is_of(const json_t *line, const char *name) {
    const char *own = json_string_value(json_object_get(line, "run"));
    return own && strcmp(own, name) == 0;
}

json_t *records_find(const json_t *records, const char *name) {
    for (size_t i = 0; i < json_array_size(records); i++) {
        json_t *line = json_array_get(records, i);
        if (is_of(line, name)) {
            return line;
        }
    }
    return NULL;
}

const char *record_data(const json_t *records, const study_folder *f, const char *name, arena *a) {
    const json_t *line = records_find(records, name);
    const char *data = json_string_value(json_object_get(line, "data"));
    return data ? arena_text(a, data) : folder_data(study_run_folder(f, name, a).path, a);
}

json_t *records_done(const json_t *records, const study_folder *f, const char *name) {
    arena a = {0};
    const bool there = file_exists(study_run_folder(f, name, &a).config);
    arena_free(&a);
    return there ? records_find(records, name) : NULL;
}

void records_put(json_t *records, const char *name, json_t *line) {
    for (size_t i = json_array_size(records); i-- > 0;) {
        if (is_of(json_array_get(records, i), name)) {
            json_array_remove(records, i);
        }
    }
    if (line) {
        json_array_append_new(records, line);
    }
}
