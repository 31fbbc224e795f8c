/* SPDX-License-Identifier: Apache-2.0
 * What ends a graph: pending assignments write their states, and nodes that nothing reads go. */
#include "graph/internal.h"

#include <kindred/ops.h>

static void revive_node(struct node *n) {
    if (n->live) {
        return;
    }
    n->live = true;
    for (uint32_t i = 0; i < n->view.n_inputs; i++) {
        if (n->in[i]->producer) {
            revive_node(n->in[i]->producer);
        }
    }
}

static void revive(const struct value *v) {
    if (v->producer) {
        revive_node(v->producer);
    }
}

void graph_drop_dead(graph *g) {
    int kept = 0;
    for (int i = 0; i < g->nodes.count; i++) {
        struct node *n = g->nodes.item[i];
        if (n->live) {
            g->nodes.item[kept++] = n;
        }
    }
    g->nodes.count = kept;
}

static void drop_unread(graph *g) {
    for (int i = 0; i < g->outputs.count; i++) {
        revive(((named *)g->outputs.item[i])->value);
    }
    for (int i = 0; i < g->reports.count; i++) {
        revive(((named *)g->reports.item[i])->value);
    }
    for (int i = 0; i < g->gradients.count; i++) {
        revive(g->gradients.item[i]);
    }
    for (int i = 0; i < g->nodes.count; i++) {
        struct node *n = g->nodes.item[i];
        if (n->update) {
            revive_node(n);
        }
    }
    graph_drop_dead(g);
}

int graph_reads(const graph *g, const struct value *v) {
    int reads = 0;
    for (int i = 0; i < g->nodes.count; i++) {
        const struct node *n = g->nodes.item[i];
        for (uint32_t k = 0; k < n->view.n_inputs; k++) {
            reads += n->in[k] == v;
        }
    }
    const list *const named_lists[] = {&g->outputs, &g->reports};
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < named_lists[l]->count; i++) {
            reads += ((const named *)named_lists[l]->item[i])->value == v;
        }
    }
    return reads;
}

static void move_last(graph *g, struct node *n) {
    int kept = 0;
    for (int i = 0; i < g->nodes.count; i++) {
        if (g->nodes.item[i] != n) {
            g->nodes.item[kept++] = g->nodes.item[i];
        }
    }
    g->nodes.item[kept] = n;
}

/* A bank's new rows are written where the bank lies, if nothing else reads the bank that they make:
 * the node moves behind every reader of the old rows. Behind them, what it reads must be as before
 * the step. */
static bool scatter_in_place(graph *g, struct value *s) {
    struct node *n = s->latest->producer;
    if (!n || strcmp(n->op->name, "scatter_rows") != 0 || n->in[0] != s ||
        graph_reads(g, n->out[0]) != 0 || graph_is_variable(n->in[1]) ||
        graph_is_variable(n->in[2])) {
        return false;
    }
    n->out[0]->alias_of = s;
    n->update = true;
    move_last(g, n);
    return true;
}

/* A state is written last, when every reader of its old value is done. */
static void emit_assignments(graph *g) {
    for (int i = 0; i < g->states.count && !g->failed; i++) {
        struct value *s = g->states.item[i];
        if (s->latest == s || scatter_in_place(g, s)) {
            continue;
        }
        kd_tensor *copy = kd_emit("copy", (kd_tensor *[]){&s->latest->base}, 1, NULL, 0);
        if (!g->failed) {
            as_value(copy)->alias_of = s;
            as_value(copy)->producer->update = true;
        }
    }
}

void graph_finish(graph *g) {
    graph_fuse(g);
    emit_assignments(g);
    if (!g->failed) {
        drop_unread(g);
    }
}
