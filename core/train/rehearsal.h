/* SPDX-License-Identifier: Apache-2.0
 * What evals will take, found out by running them with programs that are sized and compute nothing.
 */
#ifndef CORE_TRAIN_REHEARSAL_H
#define CORE_TRAIN_REHEARSAL_H

#include "train/eval_programs.h"

/* The most that was held at one time: by programs on the device, and in this process by evals and
 * by the host for them. */
typedef struct rehearsal {
    assembly *assembly;
    bool marks;         /* the kernel tells the peak between two calls, not only what is held now */
    size_t begin_bytes; /* anonymous memory of the process before */
    size_t host_bytes, device_bytes;
    size_t both_bytes; /* the two at one time, which may be less than their sum */
    kd_error early;    /* why the first eval that did not reach its end stopped; code 0: none did */
} rehearsal;

/* a  with ASSEMBLE_EVALS and no memory; until the end its engine only sizes programs */
void rehearsal_begin(rehearsal *r, assembly *a);
void rehearsal_end(const rehearsal *r);

/* Runs one eval on feature sets whose values are zeros. Reads give zeros, and what takes longer
 * than a few seconds is cancelled. */
void rehearsal_run(rehearsal *r, const eval_part *eval, const eval_input *input);

#endif
