/* SPDX-License-Identifier: Apache-2.0
 * Working a study off: every run that is missing, in a process of its own, then the table. */
#ifndef CORE_STUDY_STUDY_TRAIN_H
#define CORE_STUDY_STUDY_TRAIN_H

#include "study/study_folder.h"

/* A study at work. Begins with what is set here, ends with study_work_end. */
typedef struct study_work {
    const study *study;
    study_runs runs;
    study_folder folder;
    registry *plugins;
    const plugin_search *search; /* for the processes of runs */
    arena memory;
    struct data_answer *answers; /* study_data.h: what has been asked already */
} study_work;

void study_work_end(study_work *w);

/* Gives runs that differ in the data, and so perhaps in the number of samples, from the row of the
 * compared axis' baseline and of the first value of each other axis that sets data.pairs.arm,
 * epochs of as many steps as that row's, unless the study wants equal epochs. Asks a process for
 * the number, whose images are packed first if they have not been. */
bool study_equalise(study_work *w, kd_error *err);

/* Whether what the folder holds of its runs is what the study says now: configuration, evals,
 * plugins and the samples that they were trained on. overwrite: what no longer fits is removed,
 * with its results.
 *
 * fails naming every run that does not fit, and why the first does not */
bool study_check(study_work *w, bool overwrite, kd_error *err);

/* Runs what has no result yet, a run after the other: first every row with the first seed. A run
 * that fails is told about and passed over. Shows how it goes on on standard error.
 *
 * ret_failed  how many runs failed
 * fails       with KD_E_CANCELLED when the user interrupts, after a checkpoint of the run */
bool study_train(study_work *w, int *ret_failed, kd_error *err);

#endif
