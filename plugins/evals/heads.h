/* SPDX-License-Identifier: Apache-2.0
 * Many linear classifiers of the same features, trained at once: one device program holds them all,
 * side by side in one matrix, each with its own learning rate and weight decay. */
#ifndef PLUGINS_EVALS_HEADS_H
#define PLUGINS_EVALS_HEADS_H

#include "score.h"

/* How one classifier is trained, and how well it did. */
typedef struct head {
    double learning_rate, weight_decay;
    score score; /* on the samples scored last */
} head;

/* SGD with momentum 0.9 from zero weights; the learning rate falls to 0 along a cosine. */
typedef struct heads_plan {
    int64_t batch;
    int64_t epochs, min_steps; /* at least that many steps, whatever the epochs make */
    uint64_t seed;
} heads_plan;

typedef struct heads heads;

/* Opens the program. Features are standardised by the mean and deviation of all of in->train.
 * head: [count], the caller's; scoring writes it. fails when memory runs out, or as program_open.
 */
bool heads_open(const kd_eval_input *in, head *head, int64_t count, const heads_plan *plan,
                int64_t samples, heads **ret, kd_error *err);
void heads_close(heads *h);

/* Trains on rows of in->train, which it reorders. [samples of heads_open] rows at least. */
bool heads_train(heads *h, int64_t *rows, int64_t count, kd_error *err);

/* Scores on rows of `set`; rows NULL: its first `count`. */
bool heads_score(heads *h, const kd_feature_set *set, const int64_t *rows, int64_t count,
                 kd_error *err);

#endif
