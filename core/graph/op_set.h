/* SPDX-License-Identifier: Apache-2.0
 * The ops that plugins bring to a run, beside kindred's own: names are one space.
 *
 *     op_set *s = op_set_create(host);
 *     op_set_add(s, &(op_source){"org.lab.tico 1.0.0", ops, n_ops, kernels, n_kernels}, &err)
 *     graph_create(&(graph_options){.ops = s}); engine_use_ops(engine, s);
 *
 * A set outlives the graphs and engines that use it, and what sources point to outlives the set. */
#ifndef CORE_GRAPH_OP_SET_H
#define CORE_GRAPH_OP_SET_H

#include <kindred/custom_ops.h>

typedef struct op_set op_set;

/* A plugin's ops, and kernels of them. */
typedef struct op_source {
    const char *plugin; /* "org.lab.tico 1.0.0": who brings them */
    const kd_op *ops;
    int n_ops;
    const kd_op_kernel *kernels;
    int n_kernels;
} op_source;

op_set *op_set_create(const kd_host *host);
void op_set_destroy(op_set *s);

/* fails when one of the names is an op's already, naming both plugins (or kindred) */
bool op_set_add(op_set *s, const op_source *source, kd_error *err);

/* An installed plugin that has an op with kernels for these devices, used or not: for messages. */
void op_set_mention(op_set *s, const char *plugin, const char *op, const char *devices);

/* kindred's own op of that name, or one of the set; NULL: none. s may be NULL. */
const kd_op *op_set_find(const op_set *s, const char *name);

/* Why there is no op of that name, and who has it: the sentence after the name; lives in the set or
 * for ever. */
const char *op_set_absence(const op_set *s, const char *name);

/* What a plugin's shape rule may get wrong: types, ranks and dimensions that there are none of. */
bool op_specs_are_sound(const kd_spec *specs, uint32_t n, kd_error *err);

#endif
