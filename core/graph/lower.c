/* SPDX-License-Identifier: Apache-2.0
 * Puts an op in another's place where the device has a kernel for it: a graph says the same for
 * every device, what runs need not be the same. After differentiation and fusion, before memory is
 * planned. */
#include "graph/internal.h"
#include "graph/shapes.h"

static bool is_op(const struct node *n, const char *name) {
    return n && strcmp(n->op->name, name) == 0;
}

static void set_op(struct node *n, const kd_op *op) {
    n->op = op;
    n->view.op = op->name;
}

static void set_input(struct node *n, uint32_t i, struct value *v) {
    n->in[i] = v;
    n->in_specs[i] = v->spec;
}

/* Of the gradient of a batch norm without residual: the norm's beta. NULL: it is no such thing. */
static struct value *beta_behind(const struct node *n) {
    const struct node *norm = n->in[2]->producer;
    const bool plain = n->view.n_outputs <= 3 && is_op(norm, "batch_norm") &&
                       norm->view.n_inputs == 5 && norm->out[0] == n->in[2];
    return plain && norm->in[0] == n->in[1] && norm->in[1] == n->in[3] &&
                   norm->out[1] == n->in[4] && norm->out[2] == n->in[5]
               ? norm->in[2]
               : NULL;
}

/* It takes y for the sign of what ReLU was given. Without a residual, x and beta tell it too, and x
 * is read anyway. */
static void read_x_for_y(graph *g, struct node *n, const kd_op *op) {
    struct value *beta = beta_behind(n);
    (void)g;
    if (beta) {
        set_op(n, op);
        set_input(n, 2, beta);
    }
}

/* The add of two equals whose sum is wanted by nobody else than n, as its dy. */
static struct node *sum_for(const graph *g, const struct node *n) {
    struct value *dy = n->in[0];
    struct node *sum = dy->producer;
    return is_op(sum, "add") && dy->home == HOME_ARENA && !dy->alias_of &&
                   equal_specs(&sum->in_specs[0], &sum->in_specs[1]) && graph_reads(g, dy) == 1
               ? sum
               : NULL;
}

/* With a residual it reads dy once, and leaves dz. Where dy is a sum, of the gradients by two
 * paths, it may as well add them itself. */
static void add_itself(graph *g, struct node *n, const kd_op *op) {
    struct node *sum = n->view.n_outputs == 4 ? sum_for(g, n) : NULL;
    if (!sum) {
        return;
    }
    const uint32_t count = n->view.n_inputs;
    struct value **in = arena_alloc(&g->memory, (count + 1) * sizeof *in);
    kd_spec *specs = arena_alloc(&g->memory, (count + 1) * sizeof *specs);
    memcpy(in, n->in, count * sizeof *in);
    memcpy(specs, n->in_specs, count * sizeof *specs);
    n->in = in;
    n->view.inputs = n->in_specs = specs;
    n->view.n_inputs = count + 1;
    set_op(n, op);
    set_input(n, 0, sum->in[0]);
    set_input(n, count, sum->in[1]);
    sum->live = false;
}

static const struct {
    const char *op, *by;
    void (*replace)(graph *g, struct node *n, const kd_op *by);
} rules[] = {
    {"batch_norm_grad", "batch_norm_grad_from_x", read_x_for_y},
    {"batch_norm_grad", "batch_norm_grad_of_sum", add_itself},
};

void graph_lower(graph *g, kernel_rule has_kernel, const void *context) {
    for (size_t r = 0; r < sizeof rules / sizeof *rules && !g->failed; r++) {
        const int nodes = has_kernel(context, rules[r].by) ? g->nodes.count : 0;
        for (int i = 0; i < nodes; i++) {
            struct node *n = g->nodes.item[i];
            if (is_op(n, rules[r].op)) {
                rules[r].replace(g, n, graph_find_op(rules[r].by));
            }
        }
        graph_drop_dead(g);
    }
}
