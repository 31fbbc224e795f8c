/* SPDX-License-Identifier: Apache-2.0
 * What the data of a study's runs are now: a manifest or a list of rejected pairs may say another
 * thing under the same name. A process is asked once for each `data` that differs, and packs images
 * that have not been packed. */
#ifndef CORE_STUDY_STUDY_DATA_H
#define CORE_STUDY_STUDY_DATA_H

#include "study/study_train.h"

/* `data` of a run as text: where it is the same, samples are the same. Lives in `a`. */
const char *study_data_text(const run *r, arena *a);

/* What the run's samples are known by; lives with the work. fails as plan_child does */
bool study_data_identity(study_work *w, const study_run *r, const char **ret, kd_error *err);

/* Steps of an epoch of the run. fails as plan_child does */
bool study_epoch_steps(study_work *w, const study_run *r, int64_t *ret, kd_error *err);

#endif
