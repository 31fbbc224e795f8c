/* SPDX-License-Identifier: Apache-2.0
 * Samples out of a store and, where there is one, a pair manifest. */
#include "data/pairs.h"

#include "data/fraction.h"
#include "data/pairs_arm.h"
#include "data/pairs_id.h"
#include "data/pairs_reject.h"
#include "data/pairs_resolve.h"

#include <inttypes.h>
#include <stdlib.h>

/* Pairs on their way to an arm. */
typedef struct pair_list {
    pair *pair;
    int64_t count, left_out, rejected, whole;
    reject_list reject;
} pair_list;

static void list_free(pair_list *list) {
    free(list->pair);
    reject_free(&list->reject);
}

static bool takes_all(const pair_options *o) {
    return o->fraction == 0 || o->fraction == 1;
}

/* A pair stays whole, or goes. */
static void list_cut(pair_list *list, const pair_options *o) {
    bool *kept = kd_alloc((size_t)list->count);
    int32_t *class = kd_alloc((size_t)list->count * sizeof *class);
    for (int64_t i = 0; i < list->count; i++) {
        class[i] = list->pair[i].label;
    }
    fraction_choose(o->fraction, o->fraction_seed, class, list->count, kept);
    list->whole = list->count;
    list->count = 0;
    for (int64_t i = 0; i < list->whole; i++) {
        if (kept[i]) {
            list->pair[list->count++] = list->pair[i];
        }
    }
    free(class);
    free(kept);
}

static bool list_give(pair_list *list, const pair_options *o, const char *what, samples *ret,
                      kd_error *err) {
    if (!reject_check(&list->reject, what, err)) {
        return false;
    }
    if (list->count == 0) {
        kd_fail(err, KD_E_DATA,
                list->rejected ? "%s: no pair is left: %s turns down %" PRId64
                               : "%s: every pair has a broken image",
                what, o->reject, list->rejected);
        return kd_hint(err, list->rejected
                                ? "take ids out of the list, or leave data.pairs.reject out"
                                : "mend the images, which warnings name, or name others");
    }
    if (!takes_all(o)) {
        list_cut(list, o);
    }
    if (!arm_apply(list->pair, list->count, o->arm, o->seed, what, ret, err)) {
        return false;
    }
    ret->left_out = list->left_out;
    ret->rejected = list->rejected;
    ret->whole = list->whole;
    ret->taken = list->whole ? list->count : 0;
    return true;
}

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
    bool *kept = NULL;
    if (!takes_all(o)) {
        kept = kd_alloc((size_t)s->samples);
        fraction_choose(o->fraction, o->fraction_seed, s->label, s->samples, kept);
    }
    samples_make(ret, s->samples, 1);
    for (int64_t i = 0; i < s->samples; i++) {
        if (!kept || kept[i]) {
            ret->image[ret->count] = s->range[2 * i];
            ret->label[ret->count] = s->label[i];
            ret->source[ret->count++] = s->source[i];
        }
    }
    ret->whole = kept ? s->samples : 0;
    ret->taken = kept ? ret->count : 0;
    free(kept);
    return true;
}

static bool samples_of_store(const store *s, const kd_dataset *table, const kd_set *set,
                             const pair_options *o, samples *ret, kd_error *err) {
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
        char id[PAIR_ID];
        if (list.reject.count && reject_has(&list.reject, pairs_id(table, set, s->source[i], id))) {
            list.rejected++;
            continue;
        }
        const int32_t first = s->range[2 * i], label = s->label[i];
        list.pair[list.count++] =
            (pair){{first, first + 1}, {label, label}, label, s->source[i], 0};
    }
    good = good && list_give(&list, o, "the dataset", ret, err);
    list_free(&list);
    return good;
}

static bool add_pair(const store *s, resolver *r, const manifest_row *row, pair_list *list,
                     kd_error *err) {
    int64_t index[2], sample[2];
    for (int i = 0; i < 2; i++) {
        if (!resolver_find(r, row->line, &row->image[i], &index[i], err)) {
            return false;
        }
        sample[i] = store_find(s, index[i]);
    }
    if (!resolver_check_pair(r, row->line, index, err) ||
        !resolver_check_label(r, row, index, err)) {
        return false;
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
        p.class[i] = s->label[sample[i]] < 0 ? (int32_t)row->label : s->label[sample[i]];
    }
    p.label = p.class[0] == p.class[1] ? p.class[0] : -1;
    p.source = list->count;
    p.line = row->line;
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
    resolver r = resolver_of(table, set, o->manifest);
    pair_list list = {0};
    bool good = check_singles(s, o->manifest, err) && manifest_read(o->manifest, &rows, err) &&
                reject_read(o->reject, &list.reject, err);
    if (good) {
        list.pair = kd_alloc((size_t)rows.count * sizeof *list.pair);
    }
    for (int64_t i = 0; good && i < rows.count; i++) {
        good = add_pair(s, &r, &rows.row[i], &list, err);
    }
    good = good && list_give(&list, o, o->manifest, ret, err);
    list_free(&list);
    manifest_free(&rows);
    resolver_free(&r);
    return good;
}

bool samples_open(const store *s, const kd_dataset *table, const kd_set *set,
                  const pair_options *options, samples *ret, kd_error *err) {
    const bool good = options->manifest && *options->manifest
                          ? samples_of_manifest(s, table, set, options, ret, err)
                          : samples_of_store(s, table, set, options, ret, err);
    ret->classes = good ? s->classes : 0;
    for (int64_t i = 0; good && i < ret->count; i++) {
        ret->classes = ret->label[i] >= ret->classes ? ret->label[i] + 1 : ret->classes;
    }
    return good;
}
