/* SPDX-License-Identifier: Apache-2.0
 * Reading a study's results, between the files that do: from records to numbers in order. */
#ifndef CORE_STUDY_STUDY_READING_H
#define CORE_STUDY_STUDY_READING_H

#include "study/study_results.h"

#include <jansson.h>

/* What an eval measured in a run. */
enum measured { TRAINED, UNTRAINED, PIXELS, MEASURED_COUNT };

typedef struct study_reading {
    arena *a;
    const study *study;
    const json_t *records;
    study_results *to;
    double *value[MEASURED_COUNT]; /* [rows, seeds, evals]; NAN: not there */
} study_reading;

/* [evals] of a row's run with a seed. */
double *study_values(const study_reading *in, int of, int at, int seed);

/* Mean and spread of numbers in order, each `step` after the last; NAN is passed over. */
study_cell study_cell_of(const double *value, int count, int step, arena *a);

/* Fills what the results say of encoders before training and of raw pixels. */
void study_read_before(study_reading *in);

#endif
