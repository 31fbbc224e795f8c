/* SPDX-License-Identifier: Apache-2.0
 * What changes from step to step: learning rate and weight decay, pure functions of the step. */
#ifndef CORE_TRAIN_SCHEDULE_H
#define CORE_TRAIN_SCHEDULE_H

#include <kindred/graph.h>

#define SCHEDULE_COSINE 0
#define SCHEDULE_CONSTANT 1
#define SCHEDULE_STEP 2

typedef struct schedule {
    int decay;                     /* SCHEDULE_ */
    int64_t total, warmup;         /* steps of the run, and those of them that warm up */
    double lr, start_lr, final_lr; /* at the end of the warm-up, at step 0, after the last step */
    double weight_decay, final_weight_decay;
    int64_t hold; /* SCHEDULE_COSINE: steps that share the value of their first one; 0, 1: none */
    /* SCHEDULE_STEP: the rate is multiplied by `factor` at each of these steps. */
    int n_milestones;
    const int64_t *milestones;
    double factor;
} schedule;

/* For step k in [0, total): over the warm-up linear from start_lr, lr(k) = start + (lr - start)
 * k / warmup; then from lr at k = warmup towards final_lr at k = total, or, held, so at the last
 * multiple of `hold` up to k (facebookresearch/moco main_moco.py, adjust_learning_rate).
 *
 * source  facebookresearch/vicreg main_vicreg.py, adjust_learning_rate */
double schedule_lr(const schedule *s, int64_t step);

/* Cosine from weight_decay to final_weight_decay over the whole run, as facebookresearch/dino's. */
double schedule_weight_decay(const schedule *s, int64_t step);

/* A scheduled scalar at a step, of a run of `total` steps with `epoch_steps` an epoch. */
double schedule_scalar(const kd_schedule *s, int64_t step, int64_t epoch_steps, int64_t total);

#endif
