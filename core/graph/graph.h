/* SPDX-License-Identifier: Apache-2.0
 * A static graph of ops under construction: what core/include/kindred/graph.h is the outside of. */
#ifndef CORE_GRAPH_GRAPH_H
#define CORE_GRAPH_GRAPH_H

#include "graph/op_set.h"

typedef struct graph graph;

typedef struct graph_options {
    int32_t real;            /* KD_F32 (0 too) or KD_F64 */
    int32_t compute;         /* KD_BF16: layers that own parameters compute in it; 0: as real */
    bool keep_unfused;       /* leave batch norm, add and ReLU apart: for tests */
    bool draws;              /* a step that trains: kd_step_key gives its key */
    const op_set *ops;       /* that plugins bring; NULL: none */
    const kd_graph_api *api; /* what builders see; NULL: all of it. For checks: an older host's */
} graph_options;

graph *graph_create(const graph_options *options);
void graph_destroy(graph *g);

/* The scope with the empty path. */
kd_scope graph_root(graph *g);

/* False, with the first mistake of whoever built the graph. */
bool graph_check(const graph *g, kd_error *err);

/* The text that golden files hold: a line a node, with names, types and shapes. The caller frees.
 */
char *graph_dump(const graph *g);

/* How parameters become better: an optimizer by name and its constants. */
typedef struct optimizer {
    const char *name; /* sgd, lars, adamw */
    double momentum;
    bool nesterov;
    int lars_variant; /* KD_LARS_ */
    double trust;
    bool clip_ratio; /* LARS's: min(q / lr, 1), of the solo variant */
    double beta1, beta2, eps;
    bool decay_all;   /* decay and adapt biases and norms (tensors of one dimension) too */
    double lr;        /* as configured: of parameters whose rate is constant */
    double bias_lr;   /* times the rate, of tensors of one dimension; 0: 1 */
    double clip_norm; /* of the gradient; 0: none */
    bool clip_each;   /* of each tensor's by itself, not of the whole */
} optimizer;

/* Appends gradients of `loss`, the update of every parameter, and what rules say of averages. Adds
 * an input "hyper", real [5]: learning rate, weight decay, 1 - beta1^t, 1 - beta2^t, 1; and an
 * output "loss". Reports "grad_norm" when it clips the whole gradient. */
void graph_minimize(graph *g, kd_tensor *loss, const optimizer *optimizer);

/* Names of inputs, outputs and reported scalars, in the order they were declared. */
int graph_reports(const graph *g);
const char *graph_report_name(const graph *g, int i);
kd_tensor *graph_report(const graph *g, int i);

const kd_op *graph_find_op(const char *name);
/* The i-th op, or NULL at the end: for tests of completeness. */
const kd_op *graph_op_at(int i);

#endif
