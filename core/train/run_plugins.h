/* SPDX-License-Identifier: Apache-2.0
 * The plugins of a run, and the ops that they bring to it. */
#ifndef CORE_TRAIN_RUN_PLUGINS_H
#define CORE_TRAIN_RUN_PLUGINS_H

#include "train/machine.h"

typedef struct plugin_list {
    int n;
    const plugin **items;
} plugin_list;

/* Each once, in the order of first use; lives in `a`. device: NULL: not chosen yet. */
plugin_list run_plugins(const run *r, const plugin *device, arena *a);

/* "cuda DIGEST ...": the files beside a plugin that hold kernels of its ops, in `a`; "": none. */
bool companion_digests(const plugin *p, arena *a, const char **ret, kd_error *err);

/* Adds to the ops of a loaded plugin the kernels of its companions for the words that a device
 * takes kernels by, where its note says that it has some and its own file has none.
 *
 * fails  when such a companion is missing or is not what it should be */
bool companions_add(op_set *ops, const char *accepts, registry *plugins, const plugin *p,
                    kd_error *err);

/* The ops of all of them, with the kernels that are for the machine; what installed plugins could
 * bring is mentioned. All of them are loaded.
 *
 * fails  when two bring one op, or a companion with kernels for the machine is missing */
bool run_ops(const run *r, const machine *m, registry *plugins, op_set **ret, kd_error *err);

#endif
