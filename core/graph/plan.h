/* SPDX-License-Identifier: Apache-2.0
 * The memory plan of one finished graph: which intermediate values share which bytes of one arena.
 */
#ifndef CORE_GRAPH_PLAN_H
#define CORE_GRAPH_PLAN_H

#include "graph/internal.h"

typedef struct plan {
    int64_t *offset; /* by value id: bytes from the arena's start; -1: not in the arena */
    size_t arena_bytes;
} plan;

/* The bit mask of kd_kernel.in_place for an op; a device's. */
typedef uint32_t (*in_place_rule)(const void *context, const char *op);

/* Values that outputs and reports name live to the end. in_place NULL: nothing shares. The offsets
 * belong to the graph. */
void plan_make(graph *g, size_t alignment, in_place_rule in_place, const void *context, plan *ret);

/* The value that owns the memory: through reshapes. */
struct value *plan_owner(struct value *v);

#endif
