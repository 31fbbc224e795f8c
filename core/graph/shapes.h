/* SPDX-License-Identifier: Apache-2.0
 * Rules for shapes that several ops share. */
#ifndef CORE_GRAPH_SHAPES_H
#define CORE_GRAPH_SHAPES_H

#include <kindred/op.h>
#include <kindred/ops.h>

/* As input 0. */
bool same_shape(const kd_node *node, kd_spec *out, kd_error *err);
/* All inputs broadcast together; the type is the last input's. */
bool broadcast_shape(const kd_node *node, kd_spec *out, kd_error *err);
/* "[2, 3]" for messages; to holds at least 128 bytes. Returns to. */
const char *shape_text(const kd_spec *spec, char *to);
bool is_real_type(int32_t dtype);
/* Of one type and one shape. */
bool equal_specs(const kd_spec *a, const kd_spec *b);

/* A scalar 0 of x's type, to broadcast. */
kd_tensor *zero_of(kd_tensor *x);

/* Definitions by file, each list ended by a NULL name. */
extern const kd_op ops_elementwise[], ops_source[], ops_shape[], ops_reduce[], ops_contract[],
    ops_image[], ops_attention[], ops_update[], ops_augment[];

#endif
