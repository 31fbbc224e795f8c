/* SPDX-License-Identifier: Apache-2.0
 * A node as a device gets it: two operands and an output. */
#ifndef TESTS_CUDA_DOUBLE_TEST_NODE_H
#define TESTS_CUDA_DOUBLE_TEST_NODE_H

#include <kindred/device.h>

/* The node borrows the specs: a, b, y. */
static inline kd_node node_of(const char *op, const char *path, const kd_spec specs[3]) {
    return (kd_node){.size = sizeof(kd_node),
                     .n_inputs = 2,
                     .n_outputs = 1,
                     .op = op,
                     .path = path,
                     .inputs = specs,
                     .outputs = specs + 2};
}

#endif
