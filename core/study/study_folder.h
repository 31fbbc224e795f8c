/* SPDX-License-Identifier: Apache-2.0
 * studies/NAME: the folder in which a study leaves everything that it makes.
 *
 * study.yaml     the study, without includes and with its overrides
 * configs/       a YAML file a run, complete
 * runs/          the folders of its runs, as `kindred train` makes them
 * logs/          what each run printed; NAME.failed: why it has no result
 * results.jsonl  a line a finished run: record.h
 * table.md, table.csv, differences.csv */
#ifndef CORE_STUDY_STUDY_FOLDER_H
#define CORE_STUDY_STUDY_FOLDER_H

#include "study/study.h"
#include "train/run_folder.h"

typedef struct study_folder {
    const char *path, *study, *configs, *runs, *logs, *probes, *results;
} study_folder;

/* Only the names; they live in `a`. */
study_folder study_folder_at(arena *a, const char *path);

const char *study_config_path(const study_folder *f, const char *name, arena *a);
run_folder study_run_folder(const study_folder *f, const char *name, arena *a);

/* Makes the folder and keeps other processes out of it, until *ret_lock is closed. */
bool study_folder_make(const study_folder *f, int *ret_lock, kd_error *err);

/* Writes study.yaml, and the configuration of each run. */
bool study_folder_write(const study_folder *f, const study *s, const study_runs *runs,
                        kd_error *err);
bool study_write_config(const study_folder *f, const study_run *r, kd_error *err);

/* Writes table.md, table.csv and differences.csv from what results there are. */
bool study_write_tables(const study_folder *f, kd_error *err);

#endif
