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
            return kd_fail(err, KD_E_INVALID,
                           "%s:%" PRId64 ": index %" PRId64 " is beyond the last, %" PRId64,
                           r->manifest, line, image->index, r->count - 1);
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
