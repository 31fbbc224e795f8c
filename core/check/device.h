/* SPDX-License-Identifier: Apache-2.0
 * A device that is checked: its table and an open handle. */
#ifndef CORE_CHECK_DEVICE_H
#define CORE_CHECK_DEVICE_H

#include "base/arena.h"
#include "graph/op_set.h"

#include <kindred/device.h>

typedef struct check_device {
    const char *name;              /* of the file: "reference", "cpu-x86-64-v4" */
    const kd_device_plugin *table; /* the plugin's own */
    kd_device *handle;
    void *config;      /* of the plugin's size, filled with its defaults */
    const op_set *ops; /* of a plugin that is checked; NULL: none */
    arena memory;
} check_device;

/* The kernel for an op, NULL when the device has none; and the i-th, NULL at the end. */
const kd_kernel *check_kernel(const check_device *d, const char *op);
const kd_kernel *check_kernel_at(const check_device *d, uint32_t i);

#endif
