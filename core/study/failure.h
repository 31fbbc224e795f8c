/* SPDX-License-Identifier: Apache-2.0
 * logs/NAME.failed: why a run has come to no result, until it is begun again. */
#ifndef CORE_STUDY_FAILURE_H
#define CORE_STUDY_FAILURE_H

#include "study/study_folder.h"

/* Writes how the run's process ended, and its log's last words.
 *
 * status  as child_wait returns it */
bool failure_write(const study_folder *f, const char *name, int status, kd_error *err);

/* "failed with status 1: run.yaml:3:5: ..."; NULL where the run has not failed. Lives in `a`. */
const char *failure_read(const study_folder *f, const char *name, arena *a);

/* Forgets it. */
bool failure_clear(const study_folder *f, const char *name, kd_error *err);

#endif
