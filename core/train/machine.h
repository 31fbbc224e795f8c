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
    int others;          /* that `auto` has left to try; 0 when the device was named */
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

/* A device that `auto` chose has too little memory of its own for the run, says `why`, and there is
 * another to go on with. */
bool machine_can_be_left(const machine *m, const kd_error *why);

/* Logs that the device is not used, with the reason in `err`, closes it, and opens what `auto`
 * tries next. What was made on the device is gone before.
 *
 * m    only after machine_can_be_left
 * when [main thread]. After a failure `m` is closed, and `err` says why the last does not open */
bool machine_open_next(run *r, registry *plugins, const kd_host *host, machine *m, kd_error *err);

/* "cpu 1.0.0: 2 threads, ...; bf16": what bits depend on; lives in `a`. */
const char *machine_text(const machine *m, arena *a);
const char *machine_precision(const machine *m);

#endif
