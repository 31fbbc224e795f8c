/* SPDX-License-Identifier: Apache-2.0
 * Which labelled training samples fit a classifier, and which choose between classifiers. */
#ifndef PLUGINS_EVALS_SPLIT_H
#define PLUGINS_EVALS_SPLIT_H

#include <kindred/eval.h>

typedef struct split {
    int64_t *rows; /* [fit + held] rows of the set: those that fit first */
    int64_t fit, held;
} split;

/* Draws, class by class, at most `labels_per_class` samples (0: all), and holds out the share
 * `held_out` of them: at least one of every class that has two. A pure function of its arguments.
 *
 * fails  when memory runs out
 * owns   rows, until split_finish */
bool split_draw(split *ret, const kd_feature_set *set, int32_t classes, int labels_per_class,
                double held_out, uint64_t seed, kd_error *err);
void split_finish(split *s);

/* Puts rows into an order that depends on (seed, stream) alone. */
void shuffle(int64_t *rows, int64_t count, uint64_t seed, uint32_t stream);

#endif
