/* SPDX-License-Identifier: Apache-2.0
 * Measuring an encoder by the run's evals: features once a dataset, then each eval on them. */
#ifndef CORE_TRAIN_EVALUATION_H
#define CORE_TRAIN_EVALUATION_H

#include "train/extraction.h"
#include "train/metrics.h"
#include "train/rehearsal.h"

#define OF_UNTRAINED "untrained encoder"
#define OF_TRAINED "trained encoder"
#define OF_PIXELS "raw pixels"

/* What is measured. */
typedef struct evaluation {
    assembly *assembly;
    feature_program *program;
    const char *of; /* OF_ */
    int64_t step;   /* training steps that the encoder has seen */
    bool *wanted;   /* [run->n_evals] which evals */
} evaluation;

/* Gets each result as it comes. */
typedef struct evaluation_sink {
    void (*result)(void *context, const evaluation *e, const eval_part *eval,
                   const kd_eval_output *out, double seconds);
    void *context;
} evaluation_sink;

/* fails with KD_E_CANCELLED when the user interrupts; results that came before stand. */
bool evaluate(const evaluation *e, const evaluation_sink *sink, kd_error *err);

/* Runs in the rehearsal what a run evaluates, in the same order and with as much held between
 * evals: those that compare encoders before training, on pixels too, and all at the end. The
 * untrained encoder takes what the trained one does.
 *
 * fails when address space runs out */
bool evaluation_rehearse_all(assembly *a, rehearsal *r, kd_error *err);

#endif
