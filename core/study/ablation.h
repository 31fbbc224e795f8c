/* SPDX-License-Identifier: Apache-2.0
 * Taking ops out of the views of a run: `without: [grayscale]`, `only: [random_resized_crop]`. */
#ifndef CORE_STUDY_ABLATION_H
#define CORE_STUDY_ABLATION_H

#include "config/config.h"

/* Takes the keys `without` and `only` of an axis' value out of a run that it was laid on. */
void ablation_leave_out(config *c, const config_node *value);

/* Does what `without` and `only` of an axis' value say to the `ops` of every view of the run. A
 * view whose first op goes, which is its cut, begins with `resize` then: views must have one size.
 *
 * fails on a name that no view has, and on a view that has a recipe in place of ops */
bool ablate(config *c, const config_node *value, kd_error *err);

#endif
