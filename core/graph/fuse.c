/* SPDX-License-Identifier: Apache-2.0
 * Folds relu(batch_norm(x)) and relu(batch_norm(x) + r) into one batch_norm node, so that authors
 * write the plain thing and devices make one pass. Runs before differentiation. */
#include "graph/internal.h"
#include "graph/shapes.h"

#include <stdlib.h>

typedef struct use {
    int count; /* consumers, outputs, reports and pending assignments */
    int first; /* position of the first consuming struct node */
} use;

static void note_use(use *uses, const struct value *v, int position) {
    use *u = &uses[v->id];
    if (!u->count || position < u->first) {
        u->first = position;
    }
    u->count++;
}

static use *count_uses(const graph *g) {
    use *uses = kd_alloc((size_t)g->values.count * sizeof *uses);
    for (int i = 0; i < g->nodes.count; i++) {
        const struct node *n = g->nodes.item[i];
        for (uint32_t k = 0; k < n->view.n_inputs; k++) {
            note_use(uses, n->in[k], i);
        }
    }
    const list *const roots[] = {&g->outputs, &g->reports};
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < roots[l]->count; i++) {
            note_use(uses, ((const named *)roots[l]->item[i])->value, g->nodes.count);
        }
    }
    for (int i = 0; i < g->states.count; i++) {
        note_use(uses, ((const struct value *)g->states.item[i])->latest, g->nodes.count);
    }
    return uses;
}

static bool is_op(const struct node *n, const char *name) {
    return n && strcmp(n->op->name, name) == 0;
}

static bool has_attr(const struct node *n, const char *name) {
    return kd_attr_int(&n->view, name, 0) != 0;
}

/* The batch norm whose first output `v` is, when the only thing made of it is the node at
 * `position` and nothing else of it is used before `end`. */
static struct node *foldable(const use *uses, const struct value *v, int end) {
    struct node *n = v->producer;
    if (!(is_op(n, "batch_norm") || is_op(n, "batch_norm_inference")) || v != n->out[0] ||
        has_attr(n, "relu") || n->view.n_inputs != 5 || uses[v->id].count != 1) {
        return NULL;
    }
    for (uint32_t i = 1; i < n->view.n_outputs; i++) {
        if (uses[n->out[i]->id].count && uses[n->out[i]->id].first < end) {
            return NULL;
        }
    }
    return n;
}

static void move_node(graph *g, struct node *n, int to) {
    int from = 0;
    while (g->nodes.item[from] != n) {
        from++;
    }
    memmove(&g->nodes.item[from], &g->nodes.item[from + 1],
            (size_t)(to - from) * sizeof *g->nodes.item);
    g->nodes.item[to] = n;
}

static void set_relu(graph *g, struct node *n) {
    const uint32_t count = n->view.n_attrs;
    kd_attr *attrs = arena_alloc(&g->memory, (count + 1) * sizeof *attrs);
    memcpy(attrs, n->attrs, count * sizeof *attrs);
    attrs[count] = KD_I("relu", 1);
    n->view.attrs = n->attrs = attrs;
    n->view.n_attrs = count + 1;
}

static void add_residual(graph *g, struct node *n, struct value *residual) {
    const uint32_t count = n->view.n_inputs;
    struct value **in = arena_alloc(&g->memory, (count + 1) * sizeof *in);
    kd_spec *specs = arena_alloc(&g->memory, (count + 1) * sizeof *specs);
    memcpy(in, n->in, count * sizeof(struct value *));
    memcpy(specs, n->in_specs, count * sizeof *specs);
    in[count] = residual;
    specs[count] = residual->spec;
    n->in = in;
    n->view.inputs = n->in_specs = specs;
    n->view.n_inputs = count + 1;
}

/* relu at `position` becomes part of `norm`, which takes over its output. */
static void fold(graph *g, int position, struct node *norm, struct value *residual) {
    struct node *relu = g->nodes.item[position];
    move_node(g, norm, position);
    g->nodes.item[position - 1] = relu;
    if (residual) {
        add_residual(g, norm, residual);
    }
    set_relu(g, norm);
    struct value *y = relu->out[0];
    relu->out[0] = norm->out[0];
    relu->out[0]->producer = relu;
    norm->out[0] = y;
    y->producer = norm;
}

/* The list item at `position` is a relu. True when it was folded and has lost its use. */
static bool try_fold(graph *g, const use *uses, int position) {
    struct node *relu = g->nodes.item[position];
    struct value *z = relu->in[0];
    struct node *norm = foldable(uses, z, position);
    if (norm) {
        fold(g, position, norm, NULL);
        return true;
    }
    struct node *sum = z->producer;
    if (!is_op(sum, "add") || uses[z->id].count != 1 ||
        !equal_specs(&sum->in[0]->spec, &sum->in[1]->spec)) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        norm = foldable(uses, sum->in[i], position);
        if (norm) {
            fold(g, position, norm, sum->in[1 - i]);
            return true;
        }
    }
    return false;
}

static void drop(graph *g, const bool *gone) {
    int kept = 0;
    for (int i = 0; i < g->nodes.count; i++) {
        if (!gone[i]) {
            g->nodes.item[kept++] = g->nodes.item[i];
        }
    }
    g->nodes.count = kept;
}

void graph_fuse(graph *g) {
    if (g->fused || g->failed || g->options.keep_unfused) {
        return;
    }
    g->fused = true;
    for (int i = 0; i < g->nodes.count; i++) {
        const struct node *n = g->nodes.item[i];
        if (!is_op(n, "relu")) {
            continue;
        }
        use *uses = count_uses(g);
        struct node *sum = n->in[0]->producer;
        if (try_fold(g, uses, i)) {
            bool *gone = kd_alloc((size_t)g->nodes.count);
            for (int k = 0; k < g->nodes.count; k++) {
                gone[k] = g->nodes.item[k] == n || (is_op(sum, "add") && g->nodes.item[k] == sum);
            }
            drop(g, gone);
            free(gone);
            i -= 2;
        }
        free(uses);
    }
}
