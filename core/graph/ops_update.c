/* SPDX-License-Identifier: Apache-2.0
 * Optimizer updates: kindred/update.h says what they do. */
#include "graph/shapes.h"

/* (param, grad, moments..., hyper [4], grad_scale []) -> param, moments... */
static bool update_shape(const kd_node *node, kd_spec *out, kd_error *err) {
    const uint32_t flat = node->n_inputs - 2;
    uint32_t segments;
    kd_attr_ints(node, "segments", &segments);
    bool fits = node->n_outputs == flat - 1 && segments % 3 == 0 &&
                kd_elements(&node->inputs[flat]) == 4 && kd_elements(&node->inputs[flat + 1]) == 1;
    for (uint32_t i = 1; fits && i < flat; i++) {
        fits = kd_elements(&node->inputs[i]) == kd_elements(&node->inputs[0]);
    }
    if (!fits) {
        return kd_fail(err, KD_E_INVALID, "wants parameters, gradients and moments of one size");
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        out[i] = node->inputs[0];
    }
    return true;
}

#define OP(name_, inputs_, outputs_)                                                               \
    {                                                                                              \
        .size = sizeof(kd_op), .name = name_, .min_inputs = inputs_, .max_inputs = inputs_,        \
        .max_outputs = outputs_, .flags = KD_OP_CONSTANT, .shape = update_shape                    \
    }

const kd_op ops_update[] = {OP("sgd", 5, 2), OP("lars", 5, 2), OP("adamw", 6, 3), {0}};
