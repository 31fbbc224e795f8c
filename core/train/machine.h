/* SPDX-License-Identifier: Apache-2.0
 * The device that a run computes on, opened, and the types it computes in. */
#ifndef CORE_TRAIN_MACHINE_H
#define CORE_TRAIN_MACHINE_H

#include "train/run.h"

#include <kindred/device.h>

typedef struct machine {
    const plugin *plugin;
    const kd_device_plugin *table;
    kd_device *device;
    int precision;       /* PRECISION_, never auto */
    graph_options graph; /* of programs that train or take features */
} machine;

/* Opens the configured device; `auto`: the first of cuda, cpu and reference that is there and
 * opens, and why the others do not is logged.
 *
 * r  its arena gets the options of a device that was not configured
 * when [main thread]. owns: machine_close */
bool machine_open(run *r, registry *plugins, const kd_host *host, machine *ret, kd_error *err);
void machine_close(machine *m);

/* "cpu 1.0.0: 2 threads, ...; bf16": what bits depend on; lives in `a`. */
const char *machine_text(const machine *m, arena *a);
const char *machine_precision(const machine *m);

#endif
