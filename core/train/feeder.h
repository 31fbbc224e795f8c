/* SPDX-License-Identifier: Apache-2.0
 * What the training program is given in each step: pure functions of (run, step). */
#ifndef CORE_TRAIN_FEEDER_H
#define CORE_TRAIN_FEEDER_H

#include "train/assembly.h"

#include <kindred/device_extensions.h>

typedef struct feeder {
    const assembly *assembly;
    schedule schedule;
    int64_t epoch_steps;     /* steps an epoch */
    int64_t pass_steps;      /* steps a pass over the samples */
    int64_t pass;            /* whose permutation it is; -1: none yet */
    int32_t *permutation;    /* [samples] */
    row *rows;               /* [batch] */
    int32_t *indices;        /* [batch] */
    kd_device_piece *pieces; /* [images of a sample, batch], where they are copied to the device */
    int64_t total_steps;
    int64_t written; /* steps whose inputs have been */
} feeder;

/* done: steps that were taken before. */
void feeder_init(feeder *f, assembly *a, int64_t done);
void feeder_finish(feeder *f);

/* Writes inputs of the steps to come, as many as there is room for: no step is waited for. */
bool feeder_fill(feeder *f, kd_error *err);

/* Writes those of a further program of the method's, before that step: samples of batch number
 * `batch` of the set in its own order, where the program goes over samples. */
bool feeder_write_further(feeder *f, kd_program *p, bool over_samples, int64_t step, int64_t batch,
                          kd_error *err);

/* Bytes of host memory that it holds. */
size_t feeder_bytes(const assembly *a);

#endif
