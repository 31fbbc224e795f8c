/* SPDX-License-Identifier: Apache-2.0
 * Distances between features of base images, of their variants and of other kinds, and their
 * quotient: what plugins/evals/invariance.c reports. */
#ifndef PLUGINS_EVALS_SENSITIVITY_H
#define PLUGINS_EVALS_SENSITIVITY_H

#include <kindred/eval.h>

enum { MAX_NAMED = KD_MAX_RESULTS - 1 };

/* Sums over base images, from which one may be left out. */
typedef struct measure {
    const kd_feature_set *set;
    const kd_variants *variants;
    int64_t bases;
    int64_t *base_of; /* [rows] which base a row is; -1: none */
    double *length;   /* [rows] of the features */
    double *moved;    /* [factors, bases] the mean distance to the base's variants; 0: has none */
    int32_t *count;   /* [factors, bases] variants */
    double *far;      /* [bases] the sum of distances to bases of other kinds */
    int64_t *others;  /* [bases] how many those are */
    /* Over all bases. */
    double far_sum, pairs;
    double moved_sum[MAX_NAMED], moved_bases[MAX_NAMED];
} measure;

/* set, with labels in [0, classes), or -1: such a base is a kind of its own; its variants have at
 * most MAX_NAMED factors.
 *
 * owns   measure_finish, also after a failure
 * fails  when features are not finite, all varied images are of one kind, or out of memory */
bool measure_make(measure *ret, const kd_feature_set *set, const kd_variants *variants,
                  int32_t classes, kd_error *err);
void measure_finish(measure *m);

typedef struct factor_list {
    int32_t factor[MAX_NAMED];
    int32_t count;
} factor_list;

/* The mean sensitivity to some factors, as if base `without` were not there; -1: all are. NAN where
 * features of different kinds do not differ. */
double sensitivity(const measure *m, const factor_list *to, int64_t without);

/* Half of its 95 % interval, by the jackknife over bases. */
double half_interval(const measure *m, const factor_list *to);

#endif
