/* SPDX-License-Identifier: Apache-2.0
 * A device with all kernels that it can run: its own, and those that plugins bring for it. */
#ifndef CORE_GRAPH_OP_KERNEL_H
#define CORE_GRAPH_OP_KERNEL_H

#include "graph/op_set.h"

#include <kindred/device_extensions.h>

typedef struct op_device {
    const kd_device_plugin *table;
    kd_device *device;
    const op_set *ops;
    const char *accepts; /* words of kernels that it takes of others; "": none */
    kd_kernel_host host; /* kernels that run find the device behind it, to leave: */
    bool failed;
    kd_error failure; /* the first that such a kernel told of, until it is taken */
} op_device;
op_device op_device_of(const kd_device_plugin *table, kd_device *device, const op_set *ops);

/* After runs: the failure that a kernel of a plugin's told of becomes err; true when there is none.
 */
bool op_device_take_failure(op_device *d, kd_error *err);

/* One of the device's own, or one that a plugin brought. */
typedef struct op_kernel {
    const kd_kernel *own;
    const kd_op_kernel *brought;
} op_kernel;

/* False, saying who has one, when there is none. */
bool kernel_find(const op_device *d, const char *op, op_kernel *ret, kd_error *err);
uint32_t kernel_in_place(const op_kernel *k);
bool kernel_prepare(const op_device *d, const op_kernel *k, const kd_node *node, void **ret_state,
                    size_t *ret_scratch, kd_error *err);
void kernel_run(const op_device *d, const op_kernel *k, const kd_node *node, void *state,
                void *const *inputs, void *const *outputs, void *scratch);
void kernel_release(const op_device *d, const op_kernel *k, void *state);

#endif
