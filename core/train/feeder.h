/* SPDX-License-Identifier: Apache-2.0
 * What the training program is given in each step: pure functions of (run, step). */
#ifndef CORE_TRAIN_FEEDER_H
#define CORE_TRAIN_FEEDER_H

#include "train/assembly.h"

typedef struct feeder {
    const assembly *assembly;
    schedule schedule;
    int64_t epoch_steps;  /* steps an epoch */
    int64_t epoch;        /* whose permutation it is; -1: none yet */
    int32_t *permutation; /* [samples] */
    row *rows;            /* [batch] */
    int32_t *indices;     /* [batch] */
} feeder;

void feeder_init(feeder *f, assembly *a);
void feeder_finish(feeder *f);

/* Writes the inputs of that step. */
bool feeder_write(feeder *f, int64_t step, kd_error *err);

/* Bytes of host memory that it holds. */
size_t feeder_bytes(const run *r, int64_t count);

#endif
