/* SPDX-License-Identifier: Apache-2.0
 * Plans: the oneDNN primitives of a node, made once, shared by all nodes that are equal in op,
 * shapes, types and attributes, and run in order with nothing made anew.
 *
 * A plan is a list of steps; a step is a primitive or a loop of our own (packing). Its operands lie
 * at an input, at an output or at an offset in the node's scratch. */
#ifndef CPU_ONEDNN_H
#define CPU_ONEDNN_H

#include "device.h"

typedef dnnl_memory_desc_t layout;

/* Where an operand lies. */
#define AT_INPUT 0
#define AT_OUTPUT 1
#define AT_SCRATCH 2
typedef struct slot {
    int at, index;
    size_t offset;
} slot;
#define INPUT(i) ((slot){AT_INPUT, (i), 0})
#define OUTPUT(i) ((slot){AT_OUTPUT, (i), 0})

/* One argument of a primitive: DNNL_ARG_, how it is laid out, where. */
typedef struct operand {
    int arg;
    const layout *layout;
    slot slot;
} operand;

/* A loop of our own, from one slot to another. `work` is a copy of what plan_add_loop was given. */
typedef void plan_loop(const kd_device *device, const void *work, const void *from, void *to);

/* Fills an empty plan. */
typedef bool plan_builder(kd_device *device, const kd_node *node, plan *p, kd_error *err);

/* [prepare] Finds the plan of an equal node or builds one. For kd_kernel.prepare; plan_run and
 * plan_release (kernels.h) are the rest. */
bool plan_open(kd_device *device, const kd_node *node, plan_builder *build, void **ret_state,
               size_t *ret_scratch, kd_error *err);

/* Dense, of f32 or bf16, dimensions in oneDNN's order, laid out as the tag says (or any). */
layout layout_of(int rank, const int64_t *dims, int32_t dtype, dnnl_format_tag_t tag);

/* Bytes of the node's scratch, aligned. */
slot plan_scratch(plan *p, size_t bytes);

/* Appends a primitive. Takes `desc` over, whether it succeeds or not; operands' layouts may belong
 * to it. fails when only a reference implementation would do. */
bool plan_add(plan *p, const kd_node *node, dnnl_primitive_desc_t desc, const operand *operands,
              int count, kd_error *err);
bool plan_add_loop(plan *p, plan_loop *loop, const void *work, size_t bytes, slot from, slot to,
                   kd_error *err);

/* Where an operand that lies at `at`, laid out as `have`, is found laid out as `want`: there, or in
 * scratch after a reorder that is appended. */
bool plan_fit_in(plan *p, const kd_node *node, const layout *have, slot at, const layout *want,
                 slot *ret, kd_error *err);
/* The other direction: where a primitive may write `want`, and, once it is appended, the way from
 * there to `at`. */
slot plan_fit_out(plan *p, const layout *have, slot at, const layout *want);
bool plan_settle(plan *p, const kd_node *node, const layout *want, slot from, const layout *have,
                 slot at, kd_error *err);

/* Is the primitive oneDNN's slow reference? */
bool is_reference(const_dnnl_primitive_desc_t desc);

/* dnnl_primitive_desc_create with scratchpads in our own memory. */
dnnl_status_t plan_describe(plan *p, const_dnnl_op_desc_t op, const_dnnl_primitive_desc_t hint,
                            dnnl_primitive_desc_t *ret);

/* fails, naming the node and its shapes. */
bool refuse(const kd_node *node, const char *why, kd_error *err);

#endif
