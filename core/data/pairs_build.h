/* SPDX-License-Identifier: Apache-2.0
 * Pair sets out of labels: images of one class, two by two, each at most once. */
#ifndef CORE_DATA_PAIRS_BUILD_H
#define CORE_DATA_PAIRS_BUILD_H

#include "data/listing.h"

typedef struct build_options {
    int64_t per_class; /* pairs; 0: as many as each class has */
    uint64_t seed;
    const char *classes; /* as classes_choose takes it; NULL: all */
    bool allow_fewer;    /* a class with too few images gives what it has */
} build_options;

typedef struct build_counts {
    int64_t pairs;
    int32_t classes;       /* that give pairs */
    int64_t fewest, most;  /* pairs of one of these */
    int32_t short_classes; /* chosen ones with fewer than per_class; without it: with none */
} build_counts;

/* Pairs of each chosen class, class after class: its images in an order drawn by seed, the first
 * with the second, the third with the fourth, and so on. So the pairs of a smaller per_class are
 * among those of a larger one, and those of a class do not depend on the others.
 *
 * ret    manifest_free; its paths and names live as long as the listing
 * fails  without labels; naming the classes that are too small; when there is no pair */
bool pairs_build(const listing *l, const build_options *o, manifest *ret, build_counts *counts,
                 kd_error *err);

#endif
