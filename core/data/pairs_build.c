/* SPDX-License-Identifier: Apache-2.0
 * Drawing pairs within classes. */
#include "data/pairs_build.h"

#include "data/order.h"
#include "data/pairs_classes.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Pairs are drawn apart from all else, whatever the seeds are. */
#define BUILD_SEED (UINT64_C(0x4255494c) << 32)

/* Images by class, in the dataset's order. */
typedef struct classes {
    const listing *listing;
    bool *chosen;   /* [classes] */
    int64_t *begin; /* [classes + 1] of a class in `image` */
    int64_t *image;
} classes;

/* A counting sort. */
static void sort_classes(const listing *l, classes *c) {
    c->begin = kd_alloc((size_t)(l->classes + 2) * sizeof *c->begin);
    c->image = kd_alloc((size_t)(l->count + 1) * sizeof *c->image);
    for (int64_t i = 0; i < l->count; i++) {
        if (l->label[i] >= 0) {
            c->begin[l->label[i] + 2]++;
        }
    }
    for (int32_t class = 0; class < l->classes; class ++) {
        c->begin[class + 2] += c->begin[class + 1];
    }
    for (int64_t i = 0; i < l->count; i++) {
        if (l->label[i] >= 0) {
            c->image[c->begin[l->label[i] + 1]++] = i;
        }
    }
}

static int64_t images_of(const classes *c, int32_t class) {
    return c->begin[class + 1] - c->begin[class];
}

/* "cat (3), dog (8) and 4 more": those that are too small for `pairs`. The caller frees. */
static char *name_small(const classes *c, int64_t pairs) {
    enum { NAMED = 5 };
    char *ret = NULL;
    size_t bytes = 0;
    int found = 0;
    FILE *out = open_memstream(&ret, &bytes);
    for (int32_t class = 0; class < c->listing->classes; class ++) {
        char made[CLASS_NUMBER];
        if (!c->chosen[class] || images_of(c, class) / 2 >= pairs) {
            continue;
        }
        if (found++ < NAMED) {
            fprintf(out, "%s%s (%" PRId64 ")", found > 1 ? ", " : "",
                    listing_class(c->listing, class, made), images_of(c, class));
        }
    }
    if (found > NAMED) {
        fprintf(out, " and %d more", found - NAMED);
    }
    fclose(out);
    return ret;
}

static bool check_sizes(const classes *c, const build_options *o, build_counts *counts,
                        kd_error *err) {
    const int64_t needs = o->per_class ? o->per_class : 1;
    for (int32_t class = 0; class < c->listing->classes; class ++) {
        counts->short_classes += c->chosen[class] && images_of(c, class) / 2 < needs;
    }
    if (!o->per_class || o->allow_fewer || !counts->short_classes) {
        return true;
    }
    char *small = name_small(c, needs);
    kd_fail(err, KD_E_INVALID,
            "%" PRId64 " pairs need %" PRId64 " images of a class, and of %d there are fewer: %s",
            needs, 2 * needs, counts->short_classes, small);
    free(small);
    return kd_hint(err, "--allow-fewer takes what they have; --classes FILE leaves them out");
}

static void add_class(const classes *c, int32_t class, const build_options *o, manifest *ret,
                      build_counts *counts) {
    const listing *l = c->listing;
    const int64_t *image = c->image + c->begin[class], count = images_of(c, class);
    const int64_t pairs = o->per_class && o->per_class < count / 2 ? o->per_class : count / 2;
    if (pairs == 0) {
        return;
    }
    int32_t *order = kd_alloc((size_t)count * sizeof *order);
    order_fill(o->seed ^ BUILD_SEED, class, order, count);
    for (int64_t i = 0; i < pairs; i++) {
        manifest_add(ret, (manifest_row){.image = {listing_reference(l, image[order[2 * i]]),
                                                   listing_reference(l, image[order[2 * i + 1]])},
                                         .label = class,
                                         .class_name = l->class_name[class],
                                         .similarity = (double)NAN});
    }
    free(order);
    counts->fewest = counts->classes == 0 || pairs < counts->fewest ? pairs : counts->fewest;
    counts->most = pairs > counts->most ? pairs : counts->most;
    counts->classes++;
    counts->pairs += pairs;
}

static bool build(classes *c, const build_options *o, manifest *ret, build_counts *counts,
                  kd_error *err) {
    const listing *l = c->listing;
    if (!classes_choose(l, o->classes, o->seed, c->chosen, err)) {
        return false;
    }
    sort_classes(l, c);
    if (!check_sizes(c, o, counts, err)) {
        return false;
    }
    for (int32_t class = 0; class < l->classes; class ++) {
        if (c->chosen[class]) {
            add_class(c, class, o, ret, counts);
        }
    }
    return counts->pairs > 0 ||
           kd_fail(err, KD_E_INVALID, "no pair: none of the classes has two images");
}

bool pairs_build(const listing *l, const build_options *o, manifest *ret, build_counts *counts,
                 kd_error *err) {
    *ret = (manifest){0};
    *counts = (build_counts){0};
    if (l->classes == 0) {
        kd_fail(err, KD_E_INVALID, "the dataset has no labels");
        return kd_hint(err, "`kindred pairs mine` finds pairs without them");
    }
    classes c = {.listing = l, .chosen = kd_alloc((size_t)l->classes * sizeof *c.chosen)};
    const bool good = build(&c, o, ret, counts, err);
    free(c.chosen);
    free(c.begin);
    free(c.image);
    return good;
}
