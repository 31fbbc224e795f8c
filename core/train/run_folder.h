/* SPDX-License-Identifier: Apache-2.0
 * runs/NAME: the folder in which a run leaves everything that it makes. */
#ifndef CORE_TRAIN_RUN_FOLDER_H
#define CORE_TRAIN_RUN_FOLDER_H

#include "train/assembly.h"

typedef struct run_folder {
    char *path;        /* runs/NAME */
    char *config;      /* runs/NAME/config.yaml */
    char *metrics;     /* runs/NAME/metrics.jsonl */
    char *checkpoints; /* runs/NAME/checkpoints */
} run_folder;

/* Only the names; they live in `a`. */
run_folder run_folder_at(arena *a, const char *path);
run_folder run_folder_of(arena *a, const char *runs, const char *name);

#define FOLDER_NEW 0       /* refuses a folder that is there */
#define FOLDER_OVERWRITE 1 /* removes a run that is there, and nothing that is not a run */
#define FOLDER_RESUME                                                                              \
    2 /* goes on with the run that is there, which must be the same; begins                        \
       * where there is none */

/* Whether the folder may be used so: nothing is changed yet. Asked before anything is allocated.
 * fails naming the way out (--resume, --overwrite, another name), or the key that has changed */
bool run_folder_check(const run_folder *f, const run *r, int how, kd_error *err);

/* Makes the folder with config.yaml (resolved), plugins.lock and environment.json, and keeps other
 * processes out of it.
 *
 * ret_lock  lets them in again when closed */
bool run_folder_make(const run_folder *f, const assembly *a, int how, int *ret_lock, kd_error *err);

#endif
