/* SPDX-License-Identifier: Apache-2.0
 * Classes by a list of their names, or so many of them by chance. */
#include "data/pairs_classes.h"

#include "base/file.h"
#include "base/suggest.h"
#include "data/order.h"

#include <inttypes.h>
#include <stdlib.h>

/* Apart from the draws of pairs, whatever the seeds are. */
#define CLASS_SEED (UINT64_C(0x434c4153) << 32)

static bool draw_classes(const listing *l, const char *text, uint64_t seed, bool *chosen,
                         kd_error *err) {
    const long long wanted = strlen(text) < 10 ? atoll(text) : INT64_MAX;
    if (wanted < 1 || wanted > l->classes) {
        return kd_fail(err, KD_E_INVALID, "--classes %s: the dataset has %d classes", text,
                       l->classes);
    }
    int32_t *order = kd_alloc((size_t)l->classes * sizeof *order);
    order_fill(seed ^ CLASS_SEED, 0, order, l->classes);
    for (long long i = 0; i < wanted; i++) {
        chosen[order[i]] = true;
    }
    free(order);
    return true;
}

/* The class of a line's name, or -1. */
static int32_t find_class(const listing *l, const char *name) {
    for (int32_t c = 0; c < l->classes; c++) {
        char made[CLASS_NUMBER];
        if (strcmp(listing_class(l, c, made), name) == 0) {
            return c;
        }
    }
    return -1;
}

static bool take_name(const listing *l, const char *path, int64_t line, const char *name,
                      bool *chosen, kd_error *err) {
    const int32_t class = find_class(l, name);
    if (class < 0) {
        const char *near = suggest(name, l->class_name, l->classes);
        char made[CLASS_NUMBER];
        kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": no class '%s' in the dataset", path, line,
                name);
        return near ? kd_hint(err, "did you mean '%s'?", near)
                    : kd_hint(err, "classes are named as in '%s'", listing_class(l, 0, made));
    }
    if (chosen[class]) {
        return kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": class '%s' stands there twice", path,
                       line, name);
    }
    chosen[class] = true;
    return true;
}

static bool read_classes(const listing *l, const char *path, bool *chosen, kd_error *err) {
    char *text;
    size_t bytes;
    if (!file_read(path, (size_t)1 << 24, &text, &bytes, err)) {
        return kd_hint(err, "--classes is a file of names, one a line, or how many to draw");
    }
    bool good = true;
    int64_t line = 1, taken = 0;
    for (char *at = text, *next; good && *at; at = next, line++) {
        char *end = at + strcspn(at, "\n");
        next = end + (*end == '\n');
        while (end > at && strchr(" \t\r", end[-1])) {
            end--;
        }
        *end = 0;
        if (*at) {
            good = take_name(l, path, line, at, chosen, err);
            taken++;
        }
    }
    free(text);
    return good && (taken > 0 || kd_fail(err, KD_E_INVALID, "%s: it names no class", path));
}

bool classes_choose(const listing *l, const char *text, uint64_t seed, bool *chosen,
                    kd_error *err) {
    memset(chosen, text ? 0 : 1, (size_t)l->classes * sizeof *chosen);
    if (!text) {
        return true;
    }
    return *text && !text[strspn(text, "0123456789")] ? draw_classes(l, text, seed, chosen, err)
                                                      : read_classes(l, text, chosen, err);
}
