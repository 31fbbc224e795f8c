/* SPDX-License-Identifier: Apache-2.0
 * Samples out of a store and, where there is one, a pair manifest. */
#include "data/pairs.h"

#include "base/suggest.h"
#include "data/manifest.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- Arms and the store's own samples. ------------------------------------------------------- */

bool arm_from_text(const char *text, int *ret, kd_error *err) {
    static const char *const words[] = {"auto", "semantic", "augmented"};
    const char *given = text && *text ? text : words[ARM_AUTO];
    for (int i = 0; i < 3; i++) {
        if (strcmp(given, words[i]) == 0) {
            *ret = i;
            return true;
        }
    }
    const char *near = suggest(given, words, 3);
    kd_fail(err, KD_E_INVALID, "data.pairs.arm: unknown word '%s'%s%s%s", given,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return kd_hint(err, "semantic: views of both images of a pair; augmented: all views of the "
                        "pair's first image");
}

static void make_room(samples *list, int64_t count, int32_t n_images) {
    *list = (samples){.n_images = n_images};
    list->image = kd_alloc((size_t)(count * n_images) * sizeof *list->image);
    list->label = kd_alloc((size_t)count * sizeof *list->label);
}

void samples_free(samples *list) {
    free(list->image);
    free(list->label);
    *list = (samples){0};
}

bool samples_of_store(const store *s, int arm, samples *ret, kd_error *err) {
    int32_t fewest = INT32_MAX, most = 0;
    for (int64_t i = 0; i < s->samples; i++) {
        const int32_t count = s->range[2 * i + 1];
        fewest = count < fewest ? count : fewest;
        most = count > most ? count : most;
    }
    const bool pairs = fewest == 2 && most == 2;
    if (most > 2 || (most == 2 && !pairs)) {
        return kd_fail(err, KD_E_UNSUPPORTED,
                       "samples of %d to %d images: all must be single images or all pairs", fewest,
                       most);
    }
    if (arm == ARM_SEMANTIC && !pairs) {
        kd_fail(err, KD_E_INVALID, "data.pairs.arm is semantic, but the dataset has no pairs");
        return kd_hint(err,
                       "name the pairs in a manifest (data.pairs.manifest), or let the dataset "
                       "plugin make them");
    }
    const int32_t n = pairs && arm != ARM_AUGMENTED ? 2 : 1;
    make_room(ret, s->samples, n);
    ret->count = s->samples;
    for (int64_t i = 0; i < s->samples; i++) {
        for (int32_t j = 0; j < n; j++) {
            ret->image[i * n + j] = s->range[2 * i] + j;
        }
        ret->label[i] = s->label[i];
    }
    return true;
}

/* ---- A manifest. ----------------------------------------------------------------------------- */

typedef struct named {
    const char *path;
    int64_t index;
} named;

typedef struct resolver {
    const store *store;
    const kd_dataset *table;
    const kd_set *set;
    const char *manifest;
    named *names; /* sorted by path; made when a path is first asked for */
    int64_t count;
} resolver;

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

/* The index of the sample in the dataset. */
static bool find_index(resolver *r, int64_t line, const image_reference *image, int64_t *ret,
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

/* The store's sample of a dataset's index; -1: left out as broken. */
static int64_t find_sample(const store *s, int64_t index) {
    int64_t low = 0, high = s->samples;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (s->source[middle] < index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < s->samples && s->source[low] == index ? low : -1;
}

static bool add_pair(resolver *r, const manifest_row *row, int32_t n, samples *ret, kd_error *err) {
    const store *s = r->store;
    int64_t index[2], sample[2];
    for (int i = 0; i < 2; i++) {
        if (!find_index(r, row->line, &row->image[i], &index[i], err)) {
            return false;
        }
        sample[i] = find_sample(s, index[i]);
    }
    if (index[0] == index[1]) {
        kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": an image is paired with itself", r->manifest,
                row->line);
        return kd_hint(err, "a pair is two different images; for two views of one image leave "
                            "data.pairs out");
    }
    if (s->classes > 0 && row->label >= s->classes) {
        return kd_fail(err, KD_E_INVALID,
                       "%s:%" PRId64 ": label %" PRId64 ", but the dataset has %d classes",
                       r->manifest, row->line, row->label, s->classes);
    }
    if (sample[0] < 0 || sample[1] < 0) {
        ret->left_out++;
        return true;
    }
    for (int32_t i = 0; i < n; i++) {
        ret->image[ret->count * n + i] = s->range[2 * sample[i]];
    }
    const int32_t own = s->label[sample[0]] == s->label[sample[1]] ? s->label[sample[0]] : -1;
    ret->label[ret->count++] = row->label >= 0 ? (int32_t)row->label : own;
    return true;
}

static bool check_singles(const store *s, const char *path, kd_error *err) {
    for (int64_t i = 0; i < s->samples; i++) {
        if (s->range[2 * i + 1] != 1) {
            kd_fail(err, KD_E_INVALID, "%s: the dataset yields pairs already", path);
            return kd_hint(err, "leave data.pairs.manifest out, or let the plugin yield single "
                                "images");
        }
    }
    return true;
}

bool samples_of_manifest(const store *s, const kd_dataset *table, const kd_set *set,
                         const char *path, int arm, samples *ret, kd_error *err) {
    manifest rows = {0};
    resolver r = {s, table, set, path, NULL, table->count(set)};
    samples list = {0};
    bool good = check_singles(s, path, err) && manifest_read(path, &rows, err);
    if (good) {
        const int32_t n = arm == ARM_AUGMENTED ? 1 : 2;
        make_room(&list, rows.count, n);
        for (int64_t i = 0; good && i < rows.count; i++) {
            good = add_pair(&r, &rows.row[i], n, &list, err);
        }
    }
    if (good && list.count == 0) {
        good = kd_fail(err, KD_E_DATA, "%s: every pair has a broken image", path);
    }
    manifest_free(&rows);
    free(r.names);
    if (!good) {
        samples_free(&list);
        return false;
    }
    *ret = list;
    return true;
}
