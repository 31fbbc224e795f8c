/* SPDX-License-Identifier: Apache-2.0
 * Pairs by name: NAME_1.EXT with NAME_2.EXT, NAME_a.EXT with NAME_b.EXT, in one folder. The
 * extensions may differ. */
#include "image_folder.h"

/* A path cut into what two partners share and what tells them apart. */
typedef struct ending {
    const char *path;
    size_t stem; /* bytes of the path before "_1" */
    char family; /* '1' for numbers, 'a' for letters */
    int which;   /* 0 or 1 */
    int64_t member;
} ending;

static bool cut(const char *path, ending *ret) {
    const char *dot = strrchr(path, '.'); /* there is one: images are known by their extension */
    const char mark = dot - path >= 3 && dot[-2] == '_' ? (char)(dot[-1] | 0x20) : 0;
    const bool letter = mark == 'a' || mark == 'b';
    if (!letter && (mark != '1' && mark != '2')) {
        return false;
    }
    *ret = (ending){.path = path,
                    .stem = (size_t)(dot - path) - 2,
                    .family = letter ? 'a' : '1',
                    .which = mark == 'b' || mark == '2'};
    return ret->stem > 0 && path[ret->stem - 1] != '/';
}

static int by_stem(const void *left, const void *right) {
    const ending *a = left, *b = right;
    const size_t n = a->stem < b->stem ? a->stem : b->stem;
    const int d = strncmp(a->path, b->path, n);
    return d                        ? d
           : a->stem != b->stem     ? (a->stem < b->stem ? -1 : 1)
           : a->family != b->family ? (a->family < b->family ? -1 : 1)
                                    : a->which - b->which;
}

static bool partners(const ending *a, const ending *b) {
    return a->stem == b->stem && a->family == b->family && strncmp(a->path, b->path, a->stem) == 0;
}

static bool fail_alone(const ending *e, const char *path, kd_error *err) {
    const char *wanted = e->family == 'a' ? (e->which ? "a" : "b") : (e->which ? "1" : "2");
    kd_fail(err, KD_E_INVALID, "%s: '%s' has no partner '%.*s_%s'", path, e->path, (int)e->stem,
            e->path, wanted);
    return kd_hint(err, "add the second image or remove the first; with data.pairing: none every "
                        "image is a sample");
}

/* list is sorted: partners follow each other, the first one first. */
static bool join(kd_set *set, const ending *list, const char *path, kd_error *err) {
    for (int64_t i = 0; i < set->n_members; i += 2) {
        const ending *a = &list[i], *b = i + 1 < set->n_members ? a + 1 : NULL;
        if (!b || !partners(a, b)) {
            return fail_alone(a, path, err);
        }
        if (a->which == b->which || (i + 2 < set->n_members && partners(a, &list[i + 2]))) {
            kd_fail(err, KD_E_INVALID, "%s: several files are the same half of the pair '%.*s'",
                    path, (int)a->stem, a->path);
            return kd_hint(err, "a pair is two files; look for equal names with other extensions");
        }
        set->pair[set->n_pairs++] = (pair){{a->member, b->member}};
    }
    return true;
}

bool find_pairs(kd_set *set, const char *path, kd_error *err) {
    ending *list = calloc((size_t)set->n_members, sizeof *list);
    set->pair = calloc((size_t)set->n_members, sizeof *set->pair);
    bool good = list && set->pair;
    if (!good) {
        kd_fail(err, KD_E_MEMORY, "%s: out of memory", path);
    }
    for (int64_t i = 0; good && i < set->n_members; i++) {
        good = cut(set->member[i].path, &list[i]);
        if (!good) {
            kd_fail(err, KD_E_INVALID, "%s: '%s' is no half of a pair", path, set->member[i].path);
            kd_hint(err, "names end in _1 and _2, or in _a and _b, before the extension");
        } else {
            list[i].member = i;
        }
    }
    if (good) {
        qsort(list, (size_t)set->n_members, sizeof *list, by_stem);
        good = join(set, list, path, err);
    }
    free(list);
    return good;
}
