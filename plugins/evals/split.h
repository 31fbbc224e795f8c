/* SPDX-License-Identifier: Apache-2.0
 * Which labelled training samples fit a classifier, and which choose between classifiers. */
#ifndef PLUGINS_EVALS_SPLIT_H
#define PLUGINS_EVALS_SPLIT_H

#include <kindred/eval.h>

typedef struct split {
    int64_t *rows; /* [fit + held] rows of the set: those that fit first */
    int64_t fit, held;
} split;

/* How many samples of each class are used, and how many of those are held out. */
typedef struct split_plan {
    double labels;        /* share of the labelled samples, at least one a class; 0: all */
    int labels_per_class; /* at most; 0: any number */
    double held_out;      /* share, at least one of every class that has two; 0: none */
} split_plan;

/* Draws class by class. A pure function of its arguments.
 *
 * fails  when memory runs out
 * owns   rows, until split_finish */
bool split_draw(split *ret, const kd_feature_set *set, int32_t classes, const split_plan *plan,
                uint64_t seed, kd_error *err);
void split_finish(split *s);

/* Puts rows into an order that depends on (seed, stream) alone. */
void shuffle(int64_t *rows, int64_t count, uint64_t seed, uint32_t stream);

#endif
