/* SPDX-License-Identifier: Apache-2.0
 * TensorBoard's event files beside metrics.jsonl: the same numbers, for its charts. */
#ifndef CORE_TRAIN_EVENTS_H
#define CORE_TRAIN_EVENTS_H

#include <kindred/error.h>

#include <jansson.h>

typedef struct events events;

/* Begins a file of its own, events.out.tfevents.NUMBER.kindred, one number for each start of the
 * run. When it goes on after `step` steps, what its earlier files hold of later ones is cut off,
 * with a record that a kill left half-written; and the new file begins by saying so to a
 * TensorBoard that has read them already. NULL on failure. */
events *events_open(const char *folder, int64_t step, kd_error *err);
void events_close(events *e);

/* Every number of a line of metrics.jsonl: "loss" as train/loss; an eval's as eval/NAME/RESULT,
 * with " (raw pixels)" or the like behind it where it is not of the trained encoder. What cannot be
 * written warns once and is lost. */
void events_write(events *e, const json_t *line);

#endif
