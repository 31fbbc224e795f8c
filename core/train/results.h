/* SPDX-License-Identifier: Apache-2.0
 * Results of evals: when they are due, where they are written, and the table at the end. */
#ifndef CORE_TRAIN_RESULTS_H
#define CORE_TRAIN_RESULTS_H

#include "train/evaluation.h"
#include "train/run_folder.h"

typedef struct results {
    assembly *assembly;
    const run_folder *folder;
    const char *path; /* of the file of metrics that results go to */
    metrics *metrics; /* that file, open; NULL where nothing is taken */
    bool recorded;    /* results that it holds are not taken again */
} results;

/* Are any due after `step` steps, taken already or not? Arguments as of results_take. */
bool results_due(const results *r, int64_t step, int64_t epoch_steps, bool last);

/* Takes the results that are due after `step` steps and that metrics.jsonl does not hold yet; notes
 * the best checkpoint. last: the run is done, so every eval is due. */
bool results_take(results *r, int64_t step, int64_t epoch_steps, bool last, kd_error *err);

/* Takes every eval's result of the encoder as it is. */
bool results_take_all(results *r, int64_t step, kd_error *err);

/* Prints the table (untrained encoder, trained encoder, raw pixels by evals; the trained encoder's
 * row alone when not `recorded`), and under it how each number was measured. */
void results_print(const results *r, int64_t step, FILE *to);

#endif
