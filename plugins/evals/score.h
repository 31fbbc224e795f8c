/* SPDX-License-Identifier: Apache-2.0
 * How well a classifier's logits fit labels. */
#ifndef PLUGINS_EVALS_SCORE_H
#define PLUGINS_EVALS_SCORE_H

#include <kindred/eval.h>

/* Sums over samples until score_finish, means afterwards. */
typedef struct score {
    double accuracy, top5; /* shares of the samples */
    double loss;           /* cross-entropy, in nats */
} score;

/* Adds a sample with logits [classes]. Those that are not numbers lose. */
void score_add(score *to, const float *logits, int32_t classes, int32_t label);
void score_finish(score *s, int64_t samples);

/* Which classifier to take: none whose loss is not finite; then by accuracy, then by loss. */
bool score_is_better(const score *a, const score *b);

#endif
