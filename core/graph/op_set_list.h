/* SPDX-License-Identifier: Apache-2.0
 * A set of ops from inside: who brings what. */
#ifndef CORE_GRAPH_OP_SET_LIST_H
#define CORE_GRAPH_OP_SET_LIST_H

#include "graph/internal.h"
#include "graph/op_set.h"

/* Someone who could have been asked. */
typedef struct mention {
    const char *plugin, *op, *devices;
} mention;

struct op_set {
    arena memory;
    const kd_host *host;
    list sources;  /* op_source * */
    list mentions; /* mention * */
};

/* Who brings an op; NULL: nobody. s may be NULL. */
const op_source *op_set_source(const op_set *s, const char *name);

#endif
