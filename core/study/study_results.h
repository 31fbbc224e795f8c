/* SPDX-License-Identifier: Apache-2.0
 * What a study came to, read from its folder: the rows of its table, and the differences between
 * the values of the compared axis. Needs no plugin. */
#ifndef CORE_STUDY_STUDY_RESULTS_H
#define CORE_STUDY_STUDY_RESULTS_H

#include "study/study.h"

/* One eval's values over seeds, as the eval gives them: accuracies are from 0 to 1. */
typedef struct study_cell {
    int n;            /* seeds; 0: none yet, and the rest says nothing */
    double mean;      /* over seeds */
    double deviation; /* the sample's; NAN for one seed */
    double published; /* the paper's, in the same unit; NAN: it gives none */
} study_cell;

typedef struct study_result_row {
    const char *of;                 /* "trained encoder" */
    const char **value;             /* [n_axes] */
    int n, wanted;                  /* runs that are done, and in all */
    study_cell *cell;               /* [n_evals] */
    study_cell *untrained, *pixels; /* [n_evals] the same evals of what `before: true` compares */
    /* Of the runs that are done, the fewest and the most: they differ only where a run that no
     * longer fits is still there. 0: none is done. */
    int64_t steps, most_steps;
    /* Means over the runs that are done, as measured: */
    double seconds;          /* of training, without evals */
    double views_per_second; /* augmented images, while it trained */
} study_result_row;

/* What rows have in common that is not trained. */
typedef struct study_before_row {
    const char *of;     /* "untrained encoder", "raw pixels" */
    const char **value; /* [n_axes] "any" where it is the same for all values of an axis */
    int n;              /* seeds */
    study_cell *cell;   /* [n_evals] */
} study_before_row;

typedef struct study_failed {
    const char *name; /* of the run */
    const char *why;  /* "failed with status 1: ..." */
} study_failed;

/* A value of the compared axis minus the baseline, over the seeds that both have. */
typedef struct study_difference {
    int n;
    double mean;
    double half;      /* of the 95 % confidence interval by Student's t; NAN for one seed */
    double published; /* of the paper's two numbers; NAN: it lacks one */
} study_difference;

typedef struct study_difference_row {
    const char **value;     /* [n_axes] */
    study_difference *cell; /* [n_evals] */
} study_difference_row;

typedef struct study_results {
    const char *name;
    int n_axes, n_evals, n_rows, n_before, n_failed, n_differences, n_notes;
    const char **axis;        /* [n_axes] names */
    const char **eval;        /* [n_evals] names, in the order of the runs' configuration */
    const char **protocol;    /* [n_evals] how it was measured; "" when not known */
    study_result_row *row;    /* [n_rows], in the order of the matrix */
    study_before_row *before; /* [n_before] one for each that differs */
    study_failed *failed;     /* [n_failed] runs that have no result, and have ended */
    int compared;             /* the axis; -1: none */
    const char *baseline;
    study_difference_row *difference; /* [n_differences] */
    const char **note;                /* [n_notes] on published numbers */
    int runs_done, runs_wanted;
} study_results;

/* folder  studies/NAME, of a study that has been begun; it may have any number of results
 * a       gets everything */
bool study_results_read(const char *folder, arena *a, study_results *ret, kd_error *err);

/* "500", or "500-520" where runs of the row took unequal numbers of steps; lives in `a`. */
const char *study_steps_text(const study_result_row *of, arena *a);

/* The table as Markdown, and as CSV: a line a row and eval; a line a difference and eval. */
void study_print_markdown(const study_results *r, FILE *to);
void study_print_csv(const study_results *r, FILE *to);
void study_print_differences_csv(const study_results *r, FILE *to);

#endif
