/* SPDX-License-Identifier: Apache-2.0
 * A run of a second for tests: its YAML, a folder of its own, the plugins of this build, and the
 * program itself. Mistakes end the test. */
#ifndef TESTS_RUN_KIT_H
#define TESTS_RUN_KIT_H

#include "train/metrics.h"
#include "train/trainer.h"

typedef struct run_kit {
    char folder[64]; /* a temporary one, and the working directory */
    registry *plugins;
} run_kit;

void kit_open(run_kit *kit);
void kit_close(run_kit *kit);

/* Trains the small run in this process with these overrides ("train.epochs=2"), ending in NULL.
 * Returns what run_folder_check, assembly_open and train say. */
bool kit_train(run_kit *kit, int how, const char *const *overrides, int *ret_outcome,
               kd_error *err);

/* The bytes of a checkpoint's state; the caller frees. */
char *kit_state(const char *name, int64_t step, size_t *ret_bytes);
bool kit_same_state(const char *name, const char *other, int64_t step);
int kit_checkpoints(const char *name, int64_t **ret);

/* Numbers of metrics.jsonl by step; NAN where there is none. */
double kit_metric(const char *name, int64_t step, const char *key);

/* Starts the program (`kindred train run.yaml --resume ...`), its words ending in NULL; both
 * streams go to the file `log`. Returns its process id. */
int kit_start(const char *log, const char *const *words);
/* Its exit status, or 256 + the signal that ended it. */
int kit_wait(int pid);

#endif
