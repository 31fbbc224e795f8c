/* SPDX-License-Identifier: Apache-2.0
 * The training loop: batch -> step -> metrics -> checkpoint, each a function of the configuration
 * and the step, so that nothing but variables needs to be kept for a run to go on. */
#ifndef CORE_TRAIN_TRAINER_H
#define CORE_TRAIN_TRAINER_H

#include "train/run_folder.h"

#define TRAINED 0
#define INTERRUPTED 1 /* after a checkpoint; interrupt_signal says by what */

/* Trains an assembly (ASSEMBLE_STEP | ASSEMBLE_EVALS | ASSEMBLE_MEMORY) to the end of its run, from
 * the newest checkpoint in the folder when there is one. Evals run as configured.
 *
 * fails  naming step and last good checkpoint when the loss is not finite */
bool train(assembly *a, const run_folder *folder, int *ret_outcome, kd_error *err);

#endif
