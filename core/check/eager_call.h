/* SPDX-License-Identifier: Apache-2.0
 * An eager graph from inside: its tensors, and an op that it runs. */
#ifndef CORE_CHECK_EAGER_CALL_H
#define CORE_CHECK_EAGER_CALL_H

#include "check/eager.h"

#include "check/guarded.h"
#include "graph/graph.h"
#include "graph/op_kernel.h"

typedef struct eager_value {
    kd_tensor base;
    eager *owner;
    kd_spec spec;
    block block;
    unsigned char *bytes; /* what the block should hold */
    double *values;
    struct eager_value *next;
} eager_value;

struct eager {
    kd_place root; /* the only scope; first, so that a scope is an eager graph */
    const check_device *device;
    op_device on; /* the same, with kernels that plugins bring */
    int32_t real, compute;
    int status;
    char why[1400];
    eager_value poison;
    eager_value *tensors;
    arena memory;
};

#define MAX_OPERANDS 192

/* An op on its way through a kernel. */
typedef struct eager_call {
    eager *e;
    kd_node node;
    op_kernel kernel;
    void *state;
    block scratch;
    eager_value *in[MAX_OPERANDS], *out[MAX_OPERANDS];
    kd_spec in_specs[MAX_OPERANDS], out_specs[MAX_OPERANDS];
    kd_attr attrs[MAX_OPERANDS];
} eager_call;

/* Runs the kernel of a call that has been described; what is wrong is the graph's first fault. */
void eager_run(eager_call *c);

/* Ends the graph, unless something else has. status: EAGER_... */
__attribute__((format(printf, 3, 4))) void eager_fault(eager *e, int status, const char *format,
                                                       ...);

#endif
