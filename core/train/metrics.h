/* SPDX-License-Identifier: Apache-2.0
 * metrics.jsonl, lines as base/json_lines.h reads them, each with the "step" after which it was
 * taken. */
#ifndef CORE_TRAIN_METRICS_H
#define CORE_TRAIN_METRICS_H

#include "train/events.h"

typedef struct metrics metrics;

/* Opens for appending, after dropping what a stopped run left behind that will come again: lines of
 * steps above `step`, and a last line that was cut short. NULL on failure. */
metrics *metrics_open(const char *path, int64_t step, kd_error *err);
void metrics_close(metrics *m);

/* Lines are written to TensorBoard's files too, which stay the caller's. */
void metrics_mirror(metrics *m, events *to);

/* Appends a line and takes the object over. A line that cannot be written warns once and is lost:
 * a full disk does not end a training run. */
void metrics_write(metrics *m, json_t *line);

/* A real that JSON can hold: null for what is not finite. */
json_t *metrics_real(double value);

/* The last line of the eval `name` taken at that step of what `of` says ("trained encoder"); NULL:
 * none. The caller decrefs. */
json_t *metrics_find(const char *path, int64_t step, const char *name, const char *of);

#endif
