/* SPDX-License-Identifier: Apache-2.0
 * What a program costs: floating-point operations (a multiply-add is 2) and bytes touched. */
#include "graph/engine_internal.h"

static double product(const kd_spec *s, int from, int to) {
    double p = 1;
    for (int i = from; i < to; i++) {
        p *= (double)s->dim[i];
    }
    return p;
}

static double matmul_flops(const kd_node *n) {
    const kd_spec *a = &n->inputs[0];
    const int inner = kd_attr_int(n, "transpose_a", 0) ? a->rank - 2 : a->rank - 1;
    return 2 * (double)kd_elements(&n->outputs[0]) * (double)a->dim[inner];
}

/* All three convolutions: output positions x kernel elements; `map` is the strided side's tensor.
 */
static double conv_flops(const kd_spec *map, const kd_spec *weight) {
    return 2 * product(map, 0, 3) * (double)kd_elements(weight);
}

static double forward_flops(const kd_node *n) {
    return conv_flops(&n->outputs[0], &n->inputs[1]);
}

static double input_grad_flops(const kd_node *n) {
    return conv_flops(&n->inputs[0], &n->inputs[1]);
}

static double weight_grad_flops(const kd_node *n) {
    return conv_flops(&n->inputs[1], &n->outputs[0]);
}

/* Two products of t x t scores a head, and five of them back. */
static double attention_flops(const kd_node *n) {
    return 4 * (double)kd_elements(&n->outputs[0]) * (double)n->inputs[0].dim[1];
}

static double attention_grad_flops(const kd_node *n) {
    return 10 * (double)kd_elements(&n->inputs[0]) * (double)n->inputs[0].dim[1];
}

static double cast_all_flops(const kd_node *n) {
    double sum = 0;
    for (uint32_t i = 0; i < n->n_outputs; i++) {
        sum += (double)kd_elements(&n->outputs[i]);
    }
    return sum;
}

static const struct {
    const char *op;
    double (*flops)(const kd_node *n);
} rules[] = {{"matmul", matmul_flops},
             {"matmul_bias", matmul_flops},
             {"conv2d", forward_flops},
             {"conv2d_input_grad", input_grad_flops},
             {"conv2d_weight_grad", weight_grad_flops},
             {"attention", attention_flops},
             {"attention_grad", attention_grad_flops},
             {"cast_all", cast_all_flops}};

static double flops_of(const kd_node *n) {
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        if (strcmp(rules[i].op, n->op) == 0) {
            return rules[i].flops(n);
        }
    }
    return (double)kd_elements(&n->outputs[0]);
}

/* Of input i, once. */
static double input_bytes(const kd_node *n, uint32_t i) {
    return (double)kd_bytes(&n->inputs[i]);
}

/* Batch norm takes two passes over x: one for its statistics, one that applies them. */
static double norm_bytes(const kd_node *n, uint32_t i) {
    return (i == 0 ? 2 : 1) * input_bytes(n, i);
}

/* Two as well: sums, then dx. Both read dy, x, and y for ReLU's sake. Where dz is kept for a
 * residual, the second reads that in the place of dy and y. */
static double norm_grad_bytes(const kd_node *n, uint32_t i) {
    const int of_y = kd_attr_int(n, "relu", 0) == 0 ? 0 : n->n_outputs > 3 ? 1 : 2;
    return (i < 2 ? 2 : i == 2 ? of_y : 1) * input_bytes(n, i);
}

static double norm_grad_from_x_bytes(const kd_node *n, uint32_t i) {
    return (i < 2 ? 2 : 1) * input_bytes(n, i);
}

/* An input that is a whole store counts as what the node makes of it. */
static double augment_bytes(const kd_node *n, uint32_t i) {
    return i == 0 ? (double)kd_elements(&n->outputs[0]) : input_bytes(n, i);
}

static const struct {
    const char *op;
    double (*bytes)(const kd_node *n, uint32_t i); /* that are read of input i */
} reads[] = {{"batch_norm", norm_bytes},
             {"batch_norm_in_place", norm_bytes},
             {"batch_norm_grad", norm_grad_bytes},
             {"batch_norm_grad_from_x", norm_grad_from_x_bytes},
             {"batch_norm_grad_of_sum", norm_grad_bytes},
             {"augment", augment_bytes},
             {"narrow_augment", augment_bytes}};

static double read_bytes(const kd_node *n, uint32_t i) {
    for (size_t k = 0; k < sizeof reads / sizeof *reads; k++) {
        if (strcmp(reads[k].op, n->op) == 0) {
            return reads[k].bytes(n, i);
        }
    }
    return input_bytes(n, i);
}

void program_get_cost(const kd_program *p, program_cost *ret) {
    *ret = (program_cost){0};
    for (int i = 0; i < p->count; i++) {
        const kd_node *n = p->code[i].node;
        if (!p->code[i].runs) {
            continue;
        }
        ret->nodes++;
        ret->flops += flops_of(n);
        for (uint32_t k = 0; k < n->n_inputs; k++) {
            ret->bytes += read_bytes(n, k);
        }
        for (uint32_t k = 0; k < n->n_outputs; k++) {
            ret->bytes += (double)kd_bytes(&n->outputs[k]);
        }
    }
}
