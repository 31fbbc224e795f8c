/* SPDX-License-Identifier: Apache-2.0
 * All pairs with what is known of them, and a choice among them. */
#include "data/pairs_shown.h"

#include "data/order.h"
#include "data/pairs_id.h"
#include "data/pairs_reject.h"
#include "data/pairs_resolve.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Apart from the draws of pairs, whatever the seeds are. */
#define SHOW_SEED (UINT64_C(0x53484f57) << 32)

/* A dataset, and what its pairs are collected in. */
typedef struct collection {
    const kd_dataset *table;
    const kd_set *set;
    shown_pairs *to;
} collection;

static const char *class_name(const collection *c, int32_t label) {
    const char *name =
        KD_HAS(kd_dataset, c->table, class_name) && label >= 0 && label < c->table->classes(c->set)
            ? c->table->class_name(c->set, label)
            : NULL;
    return label < 0 ? NULL
           : name    ? arena_text(&c->to->memory, name)
                     : arena_print(&c->to->memory, "%d", label);
}

static const char *image_name(const collection *c, int64_t sample) {
    const char *path = KD_HAS(kd_dataset, c->table, path) ? c->table->path(c->set, sample) : NULL;
    return path ? arena_text(&c->to->memory, path)
                : arena_print(&c->to->memory, "#%" PRId64, sample);
}

/* A row tells the class of images that have no label themselves. */
static bool add_row(const collection *c, resolver *r, const manifest_row *from, kd_error *err) {
    char made[PAIR_ID];
    int64_t index[2];
    int32_t label[2];
    shown_pair *p = &c->to->pair[c->to->count++];
    *p = (shown_pair){.id = arena_text(&c->to->memory, manifest_id(from, made)),
                      .similarity = from->similarity};
    for (int i = 0; i < 2; i++) {
        if (!resolver_find(r, from->line, &from->image[i], &index[i], err)) {
            return false;
        }
        const int32_t own = resolver_label(r, index[i]);
        label[i] = own < 0 ? (int32_t)from->label : own;
        p->side[i].sample = index[i];
        p->side[i].name = image_name(c, index[i]);
        p->side[i].class_name = own < 0 && from->class_name
                                    ? arena_text(&c->to->memory, from->class_name)
                                    : class_name(c, label[i]);
    }
    p->class = label[0] == label[1] ? label[0] : -1;
    return resolver_check_pair(r, from->line, index, err) &&
           resolver_check_label(r, from, index, err);
}

static bool collect_manifest(const collection *c, const char *path, kd_error *err) {
    manifest m;
    resolver r = resolver_of(c->table, c->set, path);
    bool good = manifest_read(path, &m, err);
    if (good) {
        c->to->pair = kd_alloc((size_t)m.count * sizeof *c->to->pair);
    }
    for (int64_t i = 0; good && i < m.count; i++) {
        good = add_row(c, &r, &m.row[i], err);
    }
    resolver_free(&r);
    manifest_free(&m);
    return good;
}

static void collect_samples(const collection *c) {
    const resolver r = resolver_of(c->table, c->set, "");
    const int64_t count = r.count;
    c->to->pair = kd_alloc((size_t)(count + 1) * sizeof *c->to->pair);
    for (int64_t i = 0; i < count; i++) {
        char made[PAIR_ID];
        shown_pair *p = &c->to->pair[c->to->count++];
        const int32_t label = resolver_label(&r, i);
        *p = (shown_pair){.id = arena_text(&c->to->memory, pairs_id(c->table, c->set, i, made)),
                          .class = label,
                          .similarity = (double)NAN};
        for (int side = 0; side < 2; side++) {
            p->side[side].sample = i;
            p->side[side].place = side;
            p->side[side].class_name = class_name(c, label);
        }
        p->side[0].name = image_name(c, i);
        p->side[1].name = arena_print(&c->to->memory, "second of %s", p->side[0].name);
    }
}

static int by_id(const void *left, const void *right) {
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static bool check_ids(const shown_pairs *p, const char *from, kd_error *err) {
    const char **id = kd_alloc((size_t)(p->count + 1) * sizeof *id);
    bool good = true;
    for (int64_t i = 0; i < p->count; i++) {
        id[i] = p->pair[i].id;
    }
    qsort(id, (size_t)p->count, sizeof *id, by_id);
    for (int64_t i = 1; good && i < p->count; i++) {
        good = strcmp(id[i - 1], id[i]) != 0 ||
               kd_fail(err, KD_E_INVALID, "%s: two pairs have the id '%s'", from, id[i]);
    }
    free(id);
    return good || kd_hint(err, "they could be turned down only together: give each its own id");
}

static bool mark_rejected(shown_pairs *p, const shown_options *o, kd_error *err) {
    reject_list list = {0};
    bool good = reject_read(o->reject, &list, err);
    for (int64_t i = 0; good && i < p->count; i++) {
        p->pair[i].rejected = reject_has(&list, p->pair[i].id);
    }
    good = good && reject_check(&list, o->manifest ? o->manifest : "the dataset", err);
    reject_free(&list);
    return good;
}

/* Of so many of each class, or of all: those that come first when all are shuffled. Pairs without a
 * class, and of two, are a class of their own. */
static void choose(const shown_pairs *p, const shown_options *o, bool *chosen) {
    int32_t *order = kd_alloc((size_t)p->count * sizeof *order), classes = 0;
    for (int64_t i = 0; i < p->count; i++) {
        classes = p->pair[i].class >= classes ? p->pair[i].class + 1 : classes;
    }
    int64_t *taken = kd_alloc((size_t)(classes + 1) * sizeof *taken), all = 0;
    order_fill(o->seed ^ SHOW_SEED, 0, order, p->count);
    for (int64_t i = 0; i < p->count; i++) {
        const int32_t at = order[i];
        int64_t *of_class = &taken[p->pair[at].class + 1];
        chosen[at] = o->per_class ? *of_class < o->per_class : !o->count || all < o->count;
        *of_class += chosen[at];
        all += chosen[at];
    }
    free(order);
    free(taken);
}

static void keep_chosen(shown_pairs *p, const shown_options *o) {
    bool *chosen = kd_alloc((size_t)p->count + 1);
    int64_t count = 0;
    choose(p, o, chosen);
    p->total = p->count;
    p->hidden = arena_alloc(&p->memory, (size_t)(p->count + 1) * sizeof *p->hidden);
    for (int64_t i = 0; i < p->total; i++) {
        if (chosen[i]) {
            p->pair[count++] = p->pair[i];
        } else if (p->pair[i].rejected) {
            p->hidden[p->n_hidden++] = p->pair[i].id;
        }
    }
    p->count = count;
    free(chosen);
}

bool pairs_shown(const kd_dataset *table, const kd_set *set, const shown_options *o,
                 shown_pairs *ret, kd_error *err) {
    const collection c = {table, set, ret};
    *ret = (shown_pairs){0};
    if (!o->manifest) {
        collect_samples(&c);
    } else if (!collect_manifest(&c, o->manifest, err)) {
        return false;
    }
    if (!check_ids(ret, o->manifest ? o->manifest : "the dataset", err) ||
        !mark_rejected(ret, o, err)) {
        return false;
    }
    keep_chosen(ret, o);
    return true;
}

void shown_free(shown_pairs *p) {
    free(p->pair);
    arena_free(&p->memory);
    *p = (shown_pairs){0};
}
