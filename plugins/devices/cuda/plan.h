/* SPDX-License-Identifier: Apache-2.0
 * Plans: what a library built for a node, made once, shared by all nodes that are equal in op,
 * shapes, types and attributes: an execution plan of cuDNN's, and where its operands lie. */
#ifndef CUDA_PLAN_H
#define CUDA_PLAN_H

#include "dnn.h"

/* Where an operand lies. */
#define AT_INPUT 0
#define AT_OUTPUT 1
#define AT_SCRATCH 2
typedef struct operand {
    int64_t number; /* of the graph's tensor */
    int at, index;  /* in scratch there is one, before cuDNN's workspace */
    size_t offset;  /* bytes */
} operand;

#define PLAN_MAX_OPERANDS 8

struct plan {
    plan *next;
    int uses;
    size_t key_bytes;
    char *key;
    dnn_build graph;    /* holds all that cuDNN made */
    dnn_plan dnn;       /* plan NULL: output 0 is cleared, as an empty sum */
    size_t own_scratch; /* bytes of what is AT_SCRATCH */
    int64_t widened;    /* elements at the start of scratch, bf16, that become output 0, f32 */
    int operands;
    operand operand[PLAN_MAX_OPERANDS];
};

/* Describes the node's graph, chooses its engine and names its operands, in an empty plan. */
typedef bool plan_builder(dnn_build *b, plan *p);

/* [prepare] Finds the plan of an equal node or builds one. */
bool plan_open(kd_device *device, const kd_node *node, plan_builder *build, void **ret_state,
               size_t *ret_scratch, kd_error *err);
/* For kd_kernel.run and .release of every kernel whose state is a plan. */
void plan_run(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch);
void plan_release(kd_device *device, void *state);

/* [prepare] Builds a plan that nobody shares: for tests. The caller frees it with plan_destroy. */
plan *plan_create(const vendor *v, const kd_node *node, plan_builder *build, kd_error *err);
void plan_destroy(const vendor *v, plan *p);

/* Appends an operand of the graph. */
void plan_add_operand(plan *p, int64_t number, int at, int index, size_t offset);

/* Puts output 0, f32, into scratch as bf16 under this number, and widens it after each run. */
void plan_widen_output(plan *p, int64_t number, const kd_spec *output);

#endif
