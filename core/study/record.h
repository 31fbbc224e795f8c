/* SPDX-License-Identifier: Apache-2.0
 * results.jsonl: what a finished run of a study came to, a line each.
 *
 *     {"run": "semantic-seed1", "values": {"arm": "semantic"}, "seed": 1, "steps": 500,
 *      "views": 256000, "seconds": 61.2,
 *      "evals": [{"eval": "knn", "value": 0.81, "protocol": "..."}]} */
#ifndef CORE_STUDY_RECORD_H
#define CORE_STUDY_RECORD_H

#include "study/study.h"

#include <jansson.h>

/* The line of a run that has come to its end, out of its folder.
 *
 * views    of each sample in a step
 * fails    when an eval of the run has no result */
bool record_of(const study *s, const study_run *r, const char *folder, json_t **ret, kd_error *err);

/* All lines; an empty array where there is no file. A damaged line is left out: its run is looked
 * at again. The caller decrefs. NULL on failure. */
json_t *records_read(const char *path, kd_error *err);

/* Replaces the file in one step. */
bool records_write(const char *path, const json_t *records, kd_error *err);

/* The line of a run; NULL: none. Borrowed. */
json_t *records_find(const json_t *records, const char *name);

/* Puts a line (which it takes over) in place of that of the same run; NULL: takes that out. */
void records_put(json_t *records, const char *name, json_t *line);

#endif
