/* SPDX-License-Identifier: Apache-2.0
 * Samples out of a store and, where there is one, a pair manifest. */
#include "data/pairs.h"

#include "base/suggest.h"
#include "data/pairs_reject.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- The pairs, however they are named. ------------------------------------------------------ */

/* Pairs on their way to an arm. */
typedef struct pair_list {
    pair *pair;
    int64_t count, left_out, rejected;
    reject_list reject;
} pair_list;

static void list_free(pair_list *list) {
    free(list->pair);
    reject_free(&list->reject);
}

static bool list_give(pair_list *list, const pair_options *o, const char *what, samples *ret,
                      kd_error *err) {
    if (!reject_check(&list->reject, what, err)) {
        return false;
    }
    if (list->count == 0) {
        return kd_fail(err, KD_E_DATA,
                       list->rejected ? "%s: no pair is left: %s turns down %" PRId64
                                      : "%s: every pair has a broken image",
                       what, o->reject, list->rejected);
    }
    if (!arm_apply(list->pair, list->count, o->arm, o->seed, what, ret, err)) {
        return false;
    }
    ret->left_out = list->left_out;
    ret->rejected = list->rejected;
    return true;
}

/* ---- The store's own samples. ---------------------------------------------------------------- */

static const char *const arm_names[] = {"auto", "semantic", "augmented", "augmented_union",
                                        "repaired"};

static bool has_pairs(const store *s, bool *ret, kd_error *err) {
    int32_t fewest = INT32_MAX, most = 0;
    for (int64_t i = 0; i < s->samples; i++) {
        const int32_t count = s->range[2 * i + 1];
        fewest = count < fewest ? count : fewest;
        most = count > most ? count : most;
    }
    *ret = fewest == 2 && most == 2;
    return most < 2 || *ret ||
           kd_fail(err, KD_E_UNSUPPORTED,
                   "samples of %d to %d images: all must be single images or all pairs", fewest,
                   most);
}

static bool take_singles(const store *s, const pair_options *o, samples *ret, kd_error *err) {
    const bool needs_pairs = o->arm == ARM_SEMANTIC || o->arm == ARM_REPAIRED;
    const bool rejects = o->reject && *o->reject;
    if (needs_pairs || rejects) {
        kd_fail(err, KD_E_INVALID,
                needs_pairs ? "data.pairs.arm is %s, but the dataset has no pairs"
                            : "data.pairs.reject is given, but the dataset has no pairs",
                arm_names[o->arm]);
        return kd_hint(err,
                       "name the pairs in a manifest (data.pairs.manifest), or let the dataset "
                       "plugin make them");
    }
    samples_make(ret, s->samples, 1);
    for (; ret->count < s->samples; ret->count++) {
        ret->image[ret->count] = s->range[2 * ret->count];
        ret->label[ret->count] = s->label[ret->count];
    }
    return true;
}

static bool samples_of_store(const store *s, const pair_options *o, samples *ret, kd_error *err) {
    bool pairs;
    if (!has_pairs(s, &pairs, err)) {
        return false;
    }
    if (!pairs) {
        return take_singles(s, o, ret, err);
    }
    pair_list list = {.pair = kd_alloc((size_t)s->samples * sizeof *list.pair)};
    bool good = reject_read(o->reject, &list.reject, err);
    for (int64_t i = 0; good && i < s->samples; i++) {
        char id[24];
        snprintf(id, sizeof id, "%" PRId64, s->source[i]);
        if (reject_has(&list.reject, id)) {
            list.rejected++;
            continue;
        }
        const int32_t first = s->range[2 * i], label = s->label[i];
        list.pair[list.count++] = (pair){{first, first + 1}, {label, label}, label};
    }
    good = good && list_give(&list, o, "the dataset", ret, err);
    list_free(&list);
    return good;
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

static bool add_pair(resolver *r, const manifest_row *row, pair_list *list, kd_error *err) {
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
    char id[PAIR_ID];
    if (list->reject.count && reject_has(&list->reject, manifest_id(row, id))) {
        list->rejected++;
        return true;
    }
    if (sample[0] < 0 || sample[1] < 0) {
        list->left_out++;
        return true;
    }
    pair p;
    for (int i = 0; i < 2; i++) {
        p.image[i] = s->range[2 * sample[i]];
        p.class[i] = row->label >= 0 ? (int32_t)row->label : s->label[sample[i]];
    }
    p.label = p.class[0] == p.class[1] ? p.class[0] : -1;
    list->pair[list->count++] = p;
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

static bool samples_of_manifest(const store *s, const kd_dataset *table, const kd_set *set,
                                const pair_options *o, samples *ret, kd_error *err) {
    manifest rows = {0};
    resolver r = {s, table, set, o->manifest, NULL, table->count(set)};
    pair_list list = {0};
    bool good = check_singles(s, o->manifest, err) && manifest_read(o->manifest, &rows, err) &&
                reject_read(o->reject, &list.reject, err);
    if (good) {
        list.pair = kd_alloc((size_t)rows.count * sizeof *list.pair);
    }
    for (int64_t i = 0; good && i < rows.count; i++) {
        good = add_pair(&r, &rows.row[i], &list, err);
    }
    good = good && list_give(&list, o, o->manifest, ret, err);
    list_free(&list);
    manifest_free(&rows);
    free(r.names);
    return good;
}

bool samples_open(const store *s, const kd_dataset *table, const kd_set *set,
                  const pair_options *options, samples *ret, kd_error *err) {
    return options->manifest && *options->manifest
               ? samples_of_manifest(s, table, set, options, ret, err)
               : samples_of_store(s, options, ret, err);
}
