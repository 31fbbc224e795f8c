/* SPDX-License-Identifier: Apache-2.0
 * What a study will take, before anything runs. */
#ifndef CORE_STUDY_STUDY_PLAN_H
#define CORE_STUDY_STUDY_PLAN_H

#include "study/study_train.h"

/* What `kindred plan --json` says of a run. */
typedef struct planned_run {
    int64_t samples, epoch_steps, total_steps, parameters, peak_bytes;
    const char *data; /* images_identity */
} planned_run;

/* Asks a process of its own.
 *
 * evals  whether those of the run are part of the plan: they open data of their own
 * a      gets the texts
 * fails  with what it said */
bool plan_child(const study_work *w, const study_run *r, bool evals, arena *a, planned_run *ret,
                kd_error *err);

/* Prints a line for every row: steps, parameters, peak memory and seconds a run, and all runs
 * together. Seconds come from finished runs of the row, or else from a few steps of its first run,
 * which are taken in studies/NAME/probes and removed; it says from which. Of the study's folder it
 * writes configs/ and logs/ of those runs: study.yaml says what was run, not what was asked about.
 */
bool study_plan_print(study_work *w, FILE *to, kd_error *err);

#endif
