/* SPDX-License-Identifier: Apache-2.0
 * Puts an op in another's place where the device has a kernel for it: a graph says the same for
 * every device, what runs need not be the same. After differentiation and fusion, before memory is
 * planned. */
#include "graph/lower.h"
#include "graph/shapes.h"

bool is_op(const struct node *n, const char *name) {
    return n && strcmp(n->op->name, name) == 0;
}

void set_op(struct node *n, const kd_op *op) {
    n->op = op;
    n->view.op = op->name;
}

void set_input(struct node *n, uint32_t i, struct value *v) {
    n->in[i] = v;
    n->in_specs[i] = v->spec;
}

void replace_value(graph *g, const struct value *from, struct value *to) {
    for (int i = 0; i < g->nodes.count; i++) {
        struct node *n = g->nodes.item[i];
        for (uint32_t k = 0; k < n->view.n_inputs; k++) {
            if (n->in[k] == from) {
                set_input(n, k, to);
            }
        }
    }
    const list *const named_lists[] = {&g->outputs, &g->reports};
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < named_lists[l]->count; i++) {
            named *n = named_lists[l]->item[i];
            n->value = n->value == from ? to : n->value;
        }
    }
}

void set_inputs(graph *g, struct node *n, struct value *const *in, uint32_t count) {
    n->in = arena_alloc(&g->memory, count * sizeof *n->in);
    n->in_specs = arena_alloc(&g->memory, count * sizeof *n->in_specs);
    n->view.inputs = n->in_specs;
    n->view.n_inputs = count;
    for (uint32_t i = 0; i < count; i++) {
        set_input(n, i, in[i]);
    }
}

void set_outputs(graph *g, struct node *n, struct value *const *out, uint32_t count) {
    n->out = arena_alloc(&g->memory, count * sizeof *n->out);
    n->out_specs = arena_alloc(&g->memory, count * sizeof *n->out_specs);
    n->view.outputs = n->out_specs;
    n->view.n_outputs = count;
    for (uint32_t i = 0; i < count; i++) {
        n->out[i] = out[i];
        n->out[i]->producer = n;
        n->out_specs[i] = n->out[i]->spec;
    }
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
    set_op(n, op);
    set_inputs(g, n,
               (struct value *[]){sum->in[0], n->in[1], n->in[2], n->in[3], n->in[4], n->in[5],
                                  sum->in[1]},
               7);
    sum->live = false;
}

static void drop_unread(const graph *g, struct value *v) {
    v->producer->live = graph_reads(g, v) > 0;
}

/* A sum that widens what it reads on the way. */
static void widen_itself(graph *g, struct node *n, const kd_op *op) {
    struct value *wide = n->in[0];
    const struct node *cast = wide->producer;
    if (is_op(cast, "cast") && cast->in_specs[0].dtype == KD_BF16 &&
        wide->spec.dtype == n->out_specs[0].dtype && graph_reads(g, wide) == 1) {
        set_op(n, op);
        set_input(n, 0, cast->in[0]);
        drop_unread(g, wide);
    }
}

/* The product to which n adds a vector, a number a column, when nobody else wants it. */
static struct node *product_under(const graph *g, const struct node *n, int i) {
    struct value *y = n->in[i];
    const kd_spec *bias = &n->in_specs[1 - i];
    struct node *product = y->producer;
    return is_op(product, "matmul") && y->spec.rank == 2 && bias->rank == 1 &&
                   bias->dim[0] == y->spec.dim[1] && bias->dtype == y->spec.dtype &&
                   kd_elements(&product->in_specs[0]) > 0 && y->home == HOME_ARENA &&
                   graph_reads(g, y) == 1
               ? product
               : NULL;
}

static void add_in_product(graph *g, struct node *n, const kd_op *op) {
    for (int i = 0; i < 2; i++) {
        struct node *product = product_under(g, n, i);
        if (!product) {
            continue;
        }
        struct value *bias = n->in[1 - i];
        set_op(n, op);
        n->attrs = product->attrs;
        n->view.attrs = product->view.attrs;
        n->view.n_attrs = product->view.n_attrs;
        set_inputs(g, n, (struct value *[]){product->in[0], product->in[1], bias}, 3);
        drop_unread(g, product->out[0]);
        return;
    }
}

/* The state that output k is the new value of, when no one else wants that value and nothing that
 * comes later the old one. */
static struct node *assignment_of(const graph *g, const struct node *n, uint32_t k) {
    struct value *state = n->in[k];
    struct node *copy = NULL;
    bool later = false;
    for (int i = 0; i < g->nodes.count; i++) {
        struct node *other = g->nodes.item[i];
        for (uint32_t j = 0; j < other->view.n_inputs; j++) {
            if (later && other->in[j] == state) {
                return NULL;
            }
            if (other->in[j] == n->out[k]) {
                copy = other;
            }
        }
        later = later || other == n;
    }
    return copy && copy->update && is_op(copy, "copy") && copy->out[0]->alias_of == state &&
                   graph_reads(g, n->out[k]) == 1
               ? copy
               : NULL;
}

/* Running statistics are few numbers: what costs is one more kernel for each. */
static void write_states(graph *g, struct node *n, const kd_op *op) {
    struct node *mean = n->view.n_outputs == 5 ? assignment_of(g, n, 3) : NULL;
    struct node *variance = mean ? assignment_of(g, n, 4) : NULL;
    if (!variance) {
        return;
    }
    set_op(n, op);
    n->update = true;
    for (uint32_t k = 3; k < 5; k++) {
        n->out[k]->alias_of = n->in[k];
    }
    mean->live = variance->live = false;
}

static const struct {
    const char *op, *by;
    void (*replace)(graph *g, struct node *n, const kd_op *by);
} rules[] = {
    {"batch_norm_grad", "batch_norm_grad_from_x", read_x_for_y},
    {"batch_norm_grad", "batch_norm_grad_of_sum", add_itself},
    {"sum", "wide_sum", widen_itself},
    {"add", "matmul_bias", add_in_product},
    {"batch_norm", "batch_norm_in_place", write_states}, /* last: the others know a batch_norm */
};

static const struct {
    const char *by;
    void (*replace)(graph *g, const kd_op *by);
} whole_rules[] = {
    {"narrow_augment", lower_views},
    {"cast_all", lower_casts},
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
    for (size_t r = 0; r < sizeof whole_rules / sizeof *whole_rules && !g->failed; r++) {
        if (has_kernel(context, whole_rules[r].by)) {
            whole_rules[r].replace(g, graph_find_op(whole_rules[r].by));
            graph_drop_dead(g);
        }
    }
}
