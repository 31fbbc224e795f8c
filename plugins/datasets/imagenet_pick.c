/* SPDX-License-Identifier: Apache-2.0
 * Which of imagenet's images are taken: so many of each class, the first by name or by seed. */
#include "imagenet.h"

bool add_member(kd_set *set, member m, kd_error *err) {
    if (m.label < 0) {
        return true;
    }
    if (set->count == set->room) {
        const int64_t room = set->room ? 2 * set->room : 1024;
        member *grown = realloc(set->member, (size_t)room * sizeof *grown);
        if (!grown) {
            return kd_fail(err, KD_E_MEMORY, "out of memory");
        }
        set->member = grown;
        set->room = room;
    }
    if (!(m.name = strdup(m.name))) {
        return kd_fail(err, KD_E_MEMORY, "out of memory");
    }
    set->member[set->count++] = m;
    return true;
}

static int by_class_and_name(const void *left, const void *right) {
    const member *a = left, *b = right;
    return a->label != b->label ? (a->label < b->label ? -1 : 1) : strcmp(a->name, b->name);
}

void sort_members(kd_set *set) {
    if (set->count) {
        qsort(set->member, (size_t)set->count, sizeof *set->member, by_class_and_name);
    }
}

uint64_t hash_text(uint64_t seed, const char *text) {
    uint64_t h = 0xcbf29ce484222325u ^ seed * 0x9e3779b97f4a7c15u;
    for (; *text; text++) {
        h = (h ^ (unsigned char)*text) * 0x100000001b3u;
    }
    h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
    h = (h ^ h >> 27) * 0x94d049bb133111ebu;
    return h ^ h >> 31;
}

typedef struct ticket {
    uint64_t number;
    int64_t member;
} ticket;

static int by_number(const void *left, const void *right) {
    const ticket *a = left, *b = right;
    return a->number != b->number ? (a->number < b->number ? -1 : 1)
                                  : (a->member > b->member) - (a->member < b->member);
}

/* Marks `wanted` of the members [begin, end) to be kept. A name draws the same number whatever else
 * is there, so that fewer images of a class are among more. */
static void draw(const kd_set *set, const struct imagenet *c, int64_t begin, int64_t end,
                 ticket *tickets, bool *keep) {
    const int64_t count = end - begin;
    for (int64_t i = 0; i < count; i++) {
        const char *name = base_name(set->member[begin + i].name);
        const bool random = c->pick == PICK_RANDOM;
        tickets[i] = (ticket){random ? hash_text((uint64_t)c->seed, name) : (uint64_t)i, begin + i};
    }
    qsort(tickets, (size_t)count, sizeof *tickets, by_number);
    for (int64_t i = 0; i < c->per_class; i++) {
        keep[tickets[i].member] = true;
    }
}

static bool fail_fewer(const kd_set *set, const struct imagenet *c, int32_t label, int64_t has,
                       kd_error *err) {
    kd_fail(err, KD_E_INVALID, "%s: class %s has %lld images, and data.per_class wants %d", c->path,
            set->classes.id[label], (long long)has, c->per_class);
    return kd_hint(err, "lower data.per_class, or leave the class out of data.classes");
}

static void drop_others(kd_set *set, const bool *keep) {
    int64_t kept = 0;
    for (int64_t i = 0; i < set->count; i++) {
        if (keep[i]) {
            set->member[kept++] = set->member[i];
        } else {
            free(set->member[i].name);
        }
    }
    set->count = kept;
}

bool pick_members(kd_set *set, const struct imagenet *c, kd_error *err) {
    if (c->per_class == 0) {
        return true;
    }
    ticket *tickets = calloc((size_t)set->count, sizeof *tickets);
    bool *keep = calloc((size_t)set->count, sizeof *keep);
    bool good = (tickets && keep) || kd_fail(err, KD_E_MEMORY, "out of memory");
    for (int64_t begin = 0, end; good && begin < set->count; begin = end) {
        const int32_t label = set->member[begin].label;
        for (end = begin; end < set->count && set->member[end].label == label; end++) {}
        if (end - begin < c->per_class) {
            good = fail_fewer(set, c, label, end - begin, err);
        } else {
            draw(set, c, begin, end, tickets, keep);
        }
    }
    if (good) {
        drop_others(set, keep);
    }
    free(tickets);
    free(keep);
    return good;
}
