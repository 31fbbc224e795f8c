/* SPDX-License-Identifier: Apache-2.0
 * plugins.lock: which plugins a run uses, to the byte; written by every run, and asked for by
 * `kindred train --locked`.
 *
 *     {"plugins": [{"kind": "method", "id": "simclr", "version": "1.0.0", "isa": "",
 *                   "sha256": DIGEST, "path": FILE}, ...]}
 *
 * A plugin that brings ops has "ops": [NAME, ...] too, and "companions": "DEVICE DIGEST ...", of
 * the files beside it that hold kernels. */
#ifndef CORE_TRAIN_LOCK_H
#define CORE_TRAIN_LOCK_H

#include "train/assembly.h"

/* The lock of a run; the caller frees. NULL on failure. */
char *lock_text(const assembly *a, kd_error *err);

/* Compares a run's plugins with those of a lock: kind, id, version and sha256, none more and none
 * less; where they lie may differ.
 *
 * device  the one in use; NULL: not chosen yet, and then no device is compared
 * fails   naming every difference, and what to do about the first */
bool lock_check(const char *file, const run *r, const plugin *device, const registry *plugins,
                kd_error *err);

#endif
