/* SPDX-License-Identifier: Apache-2.0
 * What saving and loading of checkpoints share. */
#ifndef CORE_TRAIN_CHECKPOINT_INTERNAL_H
#define CORE_TRAIN_CHECKPOINT_INTERNAL_H

#include "train/checkpoint.h"

#include <limits.h>

#define CHECKPOINT_STATE "state.safetensors"
#define CHECKPOINT_SUMS "SHA256SUMS"
#define CHECKPOINT_BEST "best.json"

/* The step noted as the best, or -1. */
int64_t checkpoint_best(const char *folder, double *ret_value);

/* True when the state is there and is what SHA256SUMS says. */
bool checkpoint_verify(const char *folder, int64_t step, kd_error *err);

/* The state's path, in `ret`. */
void checkpoint_state_path(const char *folder, int64_t step, char ret[PATH_MAX]);

/* What checkpoint_save does.
 *
 * copied  the values are those of the engine's copy, whose wait is over, and the engine itself is
 *         left alone; else they are read from the device */
bool checkpoint_write(const char *folder, engine *e, const checkpoint_info *info, bool copied,
                      int keep, kd_error *err);

/* Removes all but the newest `keep` and the best. One that cannot be removed costs space only. */
void checkpoint_prune(const char *folder, int keep);

#endif
