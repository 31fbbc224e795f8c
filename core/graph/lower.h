/* SPDX-License-Identifier: Apache-2.0
 * Rules of lowering that look at a whole graph, not at one node after the other; and what all rules
 * share. */
#ifndef CORE_GRAPH_LOWER_H
#define CORE_GRAPH_LOWER_H

#include "graph/internal.h"

bool is_op(const struct node *n, const char *name);
void set_op(struct node *n, const kd_op *op);
/* Input i of n is v from now on. */
void set_input(struct node *n, uint32_t i, struct value *v);
void set_inputs(graph *g, struct node *n, struct value *const *in, uint32_t count);
/* n makes these from now on. */
void set_outputs(graph *g, struct node *n, struct value *const *out, uint32_t count);
/* Who reads `from`, nodes and whoever takes results, reads `to`. */
void replace_value(graph *g, const struct value *from, struct value *to);

/* Views that are read in bf16 alone are made in bf16. by: narrow_augment */
void lower_views(graph *g, const kd_op *by);

/* Variables that layers cast to bf16 are cast by one node. by: cast_all */
void lower_casts(graph *g, const kd_op *by);

#endif
