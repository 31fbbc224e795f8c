/* SPDX-License-Identifier: Apache-2.0
 * Taking ops out of the views of a run: `without: [grayscale]`, `only: [random_resized_crop]`. */
#ifndef CORE_STUDY_ABLATION_H
#define CORE_STUDY_ABLATION_H

#include "config/config.h"

/* Takes the keys `without` and `only` out of a run's configuration and does what they say to the
 * `ops` of every view. A view whose first op goes, which is its cut, begins with `resize` then:
 * views must have one size.
 *
 * fails on a name that no view has, and on a view that has a recipe in place of ops */
bool ablate(config *c, kd_error *err);

#endif
