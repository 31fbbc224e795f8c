/* SPDX-License-Identifier: Apache-2.0
 * A device of the registry, opened to be checked. */
#ifndef CORE_CHECK_OPENED_H
#define CORE_CHECK_OPENED_H

#include "check/device.h"
#include "plugin/registry.h"

/* A device as a user names it. */
typedef struct device_choice {
    const char *name;        /* an id, or one pinned to a version */
    const char *const *keys; /* count texts "option=value" */
    int count;
} device_choice;

/* Loads and opens it, with its options as given.
 *
 * plugins  outlives the device
 * owns     opened_close, after success
 * fails    when there is no such plugin, with its reason when it cannot run here */
bool opened_open(registry *plugins, const device_choice *choice, check_device *ret, kd_error *err);
void opened_close(check_device *d);

#endif
