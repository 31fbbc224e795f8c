/* SPDX-License-Identifier: Apache-2.0
 * Finds the kernels of an open device. */
#include "check/device.h"

#include <string.h>

const kd_kernel *check_kernel_at(const check_device *d, uint32_t i) {
    const char *first = (const char *)d->table->kernels;
    return i < d->table->n_kernels
               ? (const kd_kernel *)(const void *)(first + (size_t)i * d->table->kernel_stride)
               : NULL;
}

const kd_kernel *check_kernel(const check_device *d, const char *op) {
    const kd_kernel *kernel;
    for (uint32_t i = 0; (kernel = check_kernel_at(d, i)); i++) {
        if (strcmp(kernel->op, op) == 0) {
            return kernel;
        }
    }
    return NULL;
}
