/* SPDX-License-Identifier: Apache-2.0
 * A study: a matrix of runs that ends in a table.
 *
 *     name: arms
 *     seeds: [1, 2, 3]
 *     run: {include: run.yaml}
 *     matrix:
 *       - {axis: arm, key: data.pairs.arm, values: [semantic, augmented]}
 *       - axis: method
 *         values:
 *           simclr: {include: methods/simclr.yaml}
 *           byol: {include: methods/byol.yaml}
 *     compare: {axis: arm, baseline: augmented}
 *     paper:
 *       - {of: {arm: semantic, method: simclr}, values: {cifar10: 83.60}, note: ...}
 *
 * docs/studies.md says it all. A run's keys are those of `run`, then those of its value on each
 * axis in their order, then `overrides`, then the command line's; a later one wins. */
#ifndef CORE_STUDY_STUDY_H
#define CORE_STUDY_STUDY_H

#include "study/study_options.h"
#include "train/run.h"

typedef struct axis_value {
    const char *name;
    const config_node *node; /* the value, or its map of keys */
} axis_value;

typedef struct study_axis {
    axis_keys keys;
    int n_values;
    axis_value *value;
    const config_node *node;
} study_axis;

typedef struct study_paper {
    const char *note;
    int *of; /* [n_axes] which value; -1: any */
    int n_values;
    const char **eval; /* [n_values] */
    const config_node **at;
    double *value; /* [n_values] percent */
} study_paper;

/* What the study's file says, without what it says of runs. */
typedef struct study {
    arena memory;
    config *source;
    study_keys keys;
    int n_axes;
    study_axis *axis;
    int compared, baseline; /* an axis, and one of its values; -1: none */
    int n_papers;
    study_paper *paper;
    const config_node *run;
    int n_overrides;
    const char **override; /* of every run */
} study;

/* A row of the table: what runs share that differ in nothing but the seed. */
int study_rows(const study *s);

/* The value on each axis of a row: [n_axes], the last axis fastest. */
void study_row(const study *s, int row, int *ret_value);

/* The row that differs from it in nothing but the baseline's value on the compared axis; -1: no
 * axis is compared. */
int study_baseline_row(const study *s, int row);

/* "semantic-simclr": of a row, "" of a study without axes; lives in `a`. */
const char *study_row_name(const study *s, int row, arena *a);

/* "semantic-simclr-seed1": of a row's run with the seed'th seed; lives in `a`. */
const char *study_run_name(const study *s, int row, int seed, arena *a);

/* Reads a study's own keys; the runs are not looked at.
 *
 * path       a YAML file; its stem is the name of a study that has none
 * overrides  count texts: of the study where the first word is one of its keys (seeds=[1],
 *            run.optimizer.lr=1), else of every run (train.steps=3)
 * fails      as "study.yaml:3:5: compare.axis: ..." */
bool study_load(const char *path, const char *const *overrides, int count, study **ret,
                kd_error *err);
void study_destroy(study *s);

typedef struct study_run {
    const char *name; /* "semantic-simclr-seed1" */
    int row, seed;    /* seed: which of the study's */
    run *run;
} study_run;

typedef struct study_runs {
    arena memory;
    int count;
    study_run *item; /* [rows * seeds], a row's seeds one after the other */
} study_runs;

/* Every run of the matrix, checked as run_load does, and that each published number is of an eval
 * of theirs. owns: study_runs_free, before study_destroy fails naming the run, and the place of the
 * key in whichever file it stands */
bool study_expand(const study *s, const registry *plugins, study_runs *ret, kd_error *err);
void study_runs_free(study_runs *runs);

/* Reads a run again with one more override. */
bool study_run_set(const study *s, const registry *plugins, study_run *r, const char *override,
                   kd_error *err);

#endif
