/* SPDX-License-Identifier: Apache-2.0
 * results.jsonl: what a finished run of a study came to, a line each.
 *
 *     {"run": "semantic-seed1", "values": {"arm": "semantic"}, "seed": 1, "steps": 500,
 *      "views": 256000, "seconds": 61.2, "data": "29359 samples (...) of ...",
 *      "evals": [{"eval": "knn", "value": 0.81, "protocol": "...", "untrained": 0.31,
 *                 "pixels": 0.28}]}
 *
 * The last two are of the untrained encoder and of raw pixels, where the eval has `before: true`.
 */
#ifndef CORE_STUDY_RECORD_H
#define CORE_STUDY_RECORD_H

#include "study/study_folder.h"

#include <jansson.h>

/* The line of a run that has come to its end, out of its folder.
 *
 * views    of each sample in a step
 * fails    when an eval of the run has no result */
bool record_of(const study *s, const study_run *r, const char *folder, json_t **ret, kd_error *err);

/* What the samples of a run that has begun were known by (images_identity): its result says it, of
 * a run that has none its folder, "unknown" where neither does. Lives in `a`. */
const char *record_data(const json_t *records, const study_folder *f, const char *name, arena *a);

/* All lines; an empty array where there is no file. A damaged line is left out: its run is looked
 * at again. The caller decrefs. NULL on failure. */
json_t *records_read(const char *path, kd_error *err);

/* Replaces the file in one step. */
bool records_write(const char *path, const json_t *records, kd_error *err);

/* The line of a run; NULL: none. Borrowed. */
json_t *records_find(const json_t *records, const char *name);

/* The same of a run that is done: a result counts while its run is there. */
json_t *records_done(const json_t *records, const study_folder *f, const char *name);

/* Puts a line (which it takes over) in place of that of the same run; NULL: takes that out. */
void records_put(json_t *records, const char *name, json_t *line);

#endif
