/* SPDX-License-Identifier: Apache-2.0
 * The list of all ops. */
#include "graph/graph.h"
#include "graph/shapes.h"

static const kd_op *const lists[] = {ops_elementwise, ops_source,   ops_shape,
                                     ops_reduce,      ops_contract, ops_image,
                                     ops_attention,   ops_update,   ops_augment};

const kd_op *graph_op_at(int i) {
    for (size_t l = 0; l < sizeof lists / sizeof *lists; l++) {
        for (const kd_op *op = lists[l]; op->name; op++) {
            if (i-- == 0) {
                return op;
            }
        }
    }
    return NULL;
}

const kd_op *graph_find_op(const char *name) {
    const kd_op *op;
    for (int i = 0; (op = graph_op_at(i)); i++) {
        if (strcmp(op->name, name) == 0) {
            return op;
        }
    }
    return NULL;
}
