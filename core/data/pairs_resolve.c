/* SPDX-License-Identifier: Apache-2.0
 * Finding samples by path or index. */
#include "data/pairs_resolve.h"

#include "base/suggest.h"

#include <inttypes.h>
#include <stdlib.h>

resolver resolver_of(const kd_dataset *table, const kd_set *set, const char *path) {
    return (resolver){table, set, path, NULL, table->count(set)};
}

void resolver_free(resolver *r) {
    free(r->names);
    r->names = NULL;
}

static int by_path(const void *left, const void *right) {
    return strcmp(((const named *)left)->path, ((const named *)right)->path);
}

static bool make_names(resolver *r, int64_t line, kd_error *err) {
    r->names = kd_alloc((size_t)r->count * sizeof *r->names);
    for (int64_t i = 0; i < r->count; i++) {
        const char *path = KD_HAS(kd_dataset, r->table, path) ? r->table->path(r->set, i) : NULL;
        if (!path) {
            kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": the images of this dataset have no paths",
                    r->manifest, line);
            return kd_hint(err, "name them by index_a,index_b (JSON: numbers), counted from 0");
        }
        r->names[i] = (named){path, i};
    }
    qsort(r->names, (size_t)r->count, sizeof *r->names, by_path);
    return true;
}

static bool unknown_path(const resolver *r, int64_t line, const char *path, kd_error *err) {
    kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": no image '%s' in the dataset", r->manifest, line,
            path);
    const char **paths = kd_alloc((size_t)r->count * sizeof *paths);
    const int count = r->count < 100000 ? (int)r->count : 100000;
    for (int i = 0; i < count; i++) {
        paths[i] = r->names[i].path;
    }
    const char *near = suggest(path, paths, count);
    free(paths);
    if (near) {
        return kd_hint(err, "did you mean '%s'?", near);
    }
    return kd_hint(err, "paths are relative to data.path, as in '%s'", r->names[0].path);
}

bool resolver_find(resolver *r, int64_t line, const image_reference *image, int64_t *ret,
                   kd_error *err) {
    if (!image->path) {
        if (image->index >= r->count) {
            kd_fail(err, KD_E_INVALID,
                    "%s:%" PRId64 ": index %" PRId64 " is beyond the last, %" PRId64, r->manifest,
                    line, image->index, r->count - 1);
            return kd_hint(err, "indices count from 0; is it a manifest of another dataset?");
        }
        *ret = image->index;
        return true;
    }
    if (!r->names && !make_names(r, line, err)) {
        return false;
    }
    const char *path = image->path + (strncmp(image->path, "./", 2) == 0 ? 2 : 0);
    const named key = {path, 0},
                *found = bsearch(&key, r->names, (size_t)r->count, sizeof key, by_path);
    if (!found) {
        return unknown_path(r, line, path, err);
    }
    *ret = found->index;
    return true;
}

bool resolver_check_pair(const resolver *r, int64_t line, const int64_t index[2], kd_error *err) {
    if (index[0] != index[1]) {
        return true;
    }
    kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": an image is paired with itself", r->manifest, line);
    return kd_hint(err, "a pair is two different images; for two views of one image leave "
                        "data.pairs out");
}

int32_t resolver_label(const resolver *r, int64_t index) {
    return r->table->classes(r->set) > 0 ? r->table->label(r->set, index) : -1;
}

static const char *name_of(const resolver *r, int32_t class) {
    const char *name =
        KD_HAS(kd_dataset, r->table, class_name) ? r->table->class_name(r->set, class) : NULL;
    return name ? name : "";
}

/* Names are for people, who may use others than the dataset: only that of another class is wrong.
 */
static bool names_another(const resolver *r, const char *name, int32_t own) {
    const int32_t classes = r->table->classes(r->set);
    bool found = false;
    if (!name || strcmp(name, name_of(r, own)) == 0) {
        return false;
    }
    for (int32_t class = 0; !found && class < classes; class ++) {
        found = class != own && strcmp(name, name_of(r, class)) == 0;
    }
    return found;
}

static bool other_class(const resolver *r, const manifest_row *row, int64_t index, int32_t own,
                        kd_error *err) {
    arena a = {0};
    const char *path = KD_HAS(kd_dataset, r->table, path) ? r->table->path(r->set, index) : NULL;
    const char *image =
                   path ? arena_print(&a, "'%s'", path) : arena_print(&a, "image %" PRId64, index),
               *name = name_of(r, own),
               *class = *name ? arena_print(&a, "%d (%s)", own, name) : arena_print(&a, "%d", own),
               *said = row->label >= 0 && row->label != own
                           ? arena_print(&a, "label %" PRId64, row->label)
                           : arena_print(&a, "class_name '%s'", row->class_name);
    kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": %s, but %s is of class %s", r->manifest, row->line,
            said, image, class);
    arena_free(&a);
    return kd_hint(err,
                   "is it a manifest of another split or dataset? The images' own labels count "
                   "where the columns label and class_name are left out");
}

bool resolver_check_label(const resolver *r, const manifest_row *row, const int64_t index[2],
                          kd_error *err) {
    const int32_t classes = r->table->classes(r->set);
    if (classes > 0 && row->label >= classes) {
        kd_fail(err, KD_E_INVALID,
                "%s:%" PRId64 ": label %" PRId64 ", but the dataset has %d classes", r->manifest,
                row->line, row->label, classes);
        return kd_hint(err, "labels count from 0; is it a manifest of another dataset?");
    }
    for (int i = 0; i < 2; i++) {
        const int32_t own = resolver_label(r, index[i]);
        if (own >= 0 &&
            ((row->label >= 0 && row->label != own) || names_another(r, row->class_name, own))) {
            return other_class(r, row, index[i], own, err);
        }
    }
    return true;
}
