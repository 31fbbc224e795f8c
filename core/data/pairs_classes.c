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

/* A file of classes. */
typedef struct class_file {
    const listing *listing;
    const char *path;
    int64_t *first; /* [classes] its first image; -1: none */
    bool *chosen;
} class_file;

static void find_first_images(class_file *f) {
    const listing *l = f->listing;
    f->first = kd_alloc((size_t)l->classes * sizeof *f->first);
    for (int32_t c = 0; c < l->classes; c++) {
        f->first[c] = -1;
    }
    for (int64_t i = l->path ? l->count - 1 : -1; i >= 0; i--) {
        if (l->label[i] >= 0) {
            f->first[l->label[i]] = i;
        }
    }
}

static bool lies_in(const char *path, const char *folder) {
    const size_t n = strlen(folder);
    for (const char *at = path, *end; (end = strchr(at, '/')); at = end + 1) {
        if ((size_t)(end - at) == n && memcmp(at, folder, n) == 0) {
            return true;
        }
    }
    return false;
}

/* The class whose images, and no other's first one, lie in a folder of that name, such as a WordNet
 * id; or -1. */
static int32_t find_folder(const class_file *f, const char *name) {
    const listing *l = f->listing;
    int32_t found = -1;
    for (int32_t c = 0; c < l->classes; c++) {
        if (f->first[c] >= 0 && lies_in(l->path[f->first[c]], name)) {
            if (found >= 0) {
                return -1;
            }
            found = c;
        }
    }
    for (int64_t i = 0; found >= 0 && i < l->count; i++) {
        if (l->label[i] == found && !lies_in(l->path[i], name)) {
            return -1;
        }
    }
    return found;
}

static bool two_classes(const class_file *f, int64_t line, const char *name, int32_t one,
                        int32_t two, kd_error *err) {
    const listing *l = f->listing;
    kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": the classes %d and %d are both named '%s'", f->path,
            line, one, two, name);
    if (f->first[one] < 0 || f->first[two] < 0) {
        return kd_hint(err, "a file of names cannot tell them apart");
    }
    return kd_hint(err, "give the folder of its images (a WordNet id) instead, as in '%s' and '%s'",
                   l->path[f->first[one]], l->path[f->first[two]]);
}

static bool unknown_class(const class_file *f, int64_t line, const char *name, kd_error *err) {
    const listing *l = f->listing;
    const char *near = suggest(name, l->class_name, l->classes);
    char made[CLASS_NUMBER];
    kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": no class '%s' in the dataset", f->path, line, name);
    return near ? kd_hint(err, "did you mean '%s'?", near)
                : kd_hint(err, "classes are named as in '%s'", listing_class(l, 0, made));
}

static bool find_class(const class_file *f, int64_t line, const char *name, int32_t *ret,
                       kd_error *err) {
    const listing *l = f->listing;
    int32_t found = -1;
    for (int32_t c = 0; c < l->classes; c++) {
        char made[CLASS_NUMBER];
        if (strcmp(listing_class(l, c, made), name) == 0) {
            if (found >= 0) {
                return two_classes(f, line, name, found, c, err);
            }
            found = c;
        }
    }
    *ret = found < 0 ? find_folder(f, name) : found;
    return *ret >= 0 || unknown_class(f, line, name, err);
}

static bool take_name(const class_file *f, int64_t line, const char *name, kd_error *err) {
    int32_t class = -1;
    if (!find_class(f, line, name, &class, err)) {
        return false;
    }
    if (f->chosen[class]) {
        kd_fail(err, KD_E_INVALID, "%s:%" PRId64 ": class '%s' stands there twice", f->path, line,
                name);
        return kd_hint(err, "a class is taken or not: take the line out");
    }
    f->chosen[class] = true;
    return true;
}

static bool read_classes(const listing *l, const char *path, bool *chosen, kd_error *err) {
    char *text;
    size_t bytes;
    if (!file_read(path, (size_t)1 << 24, &text, &bytes, err)) {
        return kd_hint(err, "--classes is a file of names, one a line, or how many to draw");
    }
    class_file f = {.listing = l, .path = path, .chosen = chosen};
    find_first_images(&f);
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
            good = take_name(&f, line, at, err);
            taken++;
        }
    }
    free(f.first);
    free(text);
    if (good && taken == 0) {
        kd_fail(err, KD_E_INVALID, "%s: it names no class", path);
        return kd_hint(err, "each class has a line of its own");
    }
    return good;
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
