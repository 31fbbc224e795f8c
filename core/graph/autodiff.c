/* SPDX-License-Identifier: Apache-2.0
 * Reverse-mode differentiation: walks back from the loss, sums what meets in a value, and undoes
 * broadcasting in one place. */
#include "graph/internal.h"
#include "graph/layers.h"
#include "graph/shapes.h"

#include <kindred/ops.h>

void graph_compose(kd_scope scope, const char *layer, kd_tensor *const *inputs, uint32_t n_inputs,
                   const kd_attr *attrs, uint32_t n_attrs, kd_tensor **outputs,
                   uint32_t n_outputs) {
    graph *g = as_place(scope)->g;
    for (uint32_t i = 0; i < n_outputs; i++) {
        outputs[i] = &g->poison.base;
    }
    if (g->failed) {
        return;
    }
    place *around = g->inside;
    g->inside = as_place(scope);
    const bool built =
        n_outputs == 1 && layer_build(scope, layer, inputs, n_inputs, attrs, n_attrs, outputs);
    g->inside = around;
    if (!built) {
        graph_fail(g, as_place(scope)->path, "'%s' is not a layer of this host", layer);
    }
    if (g->failed) {
        outputs[0] = &g->poison.base;
    }
}

/* Sums `d` over the axes along which a value of shape `spec` was broadcast. */
static kd_tensor *sum_to(kd_tensor *d, const kd_spec *spec) {
    const kd_spec from = kd_spec_of(d);
    int64_t axes[KD_MAX_RANK];
    int count = 0;
    for (int i = 0; i < from.rank; i++) {
        const int j = i - (from.rank - spec->rank);
        if (j < 0 || (spec->dim[j] == 1 && from.dim[i] != 1)) {
            axes[count++] = i;
        }
    }
    if (count) {
        d = kd_sum_axes(d, axes, count, true);
    }
    return kd_reshape(d, spec->rank, spec->dim);
}

/* A gradient has its value's type, but stays wider on its way to a weight that was cast down. */
static kd_tensor *match_type(kd_tensor *d, const struct value *v) {
    const bool through_cast = v->producer && strcmp(v->producer->op->name, "cast") == 0;
    return kd_spec_of(d).dtype == v->spec.dtype || through_cast ? d : kd_cast(d, v->spec.dtype);
}

static void accumulate(struct value *v, kd_tensor *d, bool broadcast) {
    if (!v->needs_gradient || !d) {
        return;
    }
    if (broadcast) {
        d = sum_to(d, &v->spec);
    }
    d = match_type(d, v);
    v->gradient = v->gradient ? as_value(kd_add(&v->gradient->base, d)) : as_value(d);
}

static bool needs_input(const struct node *n) {
    bool needs = false;
    for (uint32_t i = 0; i < n->view.n_inputs; i++) {
        needs = needs || n->in[i]->needs_gradient;
    }
    return needs;
}

/* What is asked for that a node's inputs depend on. */
static const struct value *asked_behind(const struct node *n) {
    const struct value *v = NULL;
    while (n && needs_input(n)) {
        uint32_t i = 0;
        while (!n->in[i]->needs_gradient) {
            i++;
        }
        v = n->in[i];
        n = v->producer;
    }
    return v;
}

static void refuse(graph *g, const struct node *n, uint32_t output) {
    const struct value *asked = asked_behind(n);
    char which[32] = "";
    if (output) {
        snprintf(which, sizeof which, "output %u of ", output);
    }
    graph_fail(g, n->view.path,
               "%s'%s' has no gradient, and the loss depends on '%s' through it; build the loss "
               "without it, or use kd_stop_gradient() on it",
               which, n->op->name,
               asked->name ? asked->name : "a value whose gradient is asked for");
}

/* Whether the op's rule covers all that the loss depends on; the first output it does not is
 * refused. */
static bool has_gradient(graph *g, const struct node *n, kd_tensor *const *dout) {
    const uint32_t covered = n->op->gradient ? 1 : 0;
    for (uint32_t i = covered; i < n->view.n_outputs; i++) {
        if (dout[i]) {
            refuse(g, n, i);
            return false;
        }
    }
    return true;
}

static void differentiate(graph *g, struct node *n) {
    /* A rule may want an output that the node was made without: NULL, which kd_emit() refuses. */
    const uint32_t n_in = n->view.n_inputs, n_out = n->op->max_outputs;
    kd_tensor *in[n_in + 1], *out[n_out], *dout[n_out], *din[n_in + 1];
    bool any = false;
    for (uint32_t i = 0; i < n_out; i++) {
        const struct value *v = i < n->view.n_outputs ? n->out[i] : NULL;
        out[i] = v ? &n->out[i]->base : NULL;
        dout[i] = v && v->gradient ? &v->gradient->base : NULL;
        any = any || dout[i];
    }
    if (!any || !needs_input(n) || !has_gradient(g, n, dout)) {
        return;
    }
    for (uint32_t i = 0; i < n_in; i++) {
        in[i] = &n->in[i]->base;
        din[i] = NULL;
    }
    g->path = n->view.path;
    n->op->gradient(&n->view, in, out, dout, din);
    for (uint32_t i = 0; i < n_in; i++) {
        accumulate(n->in[i], din[i], n->op->flags & KD_OP_BROADCAST);
    }
    g->path = NULL;
}

/* Marks the values that depend on what is asked for and can have a gradient: integers have none. */
static void mark(graph *g, int nodes) {
    for (int i = 0; i < nodes; i++) {
        struct node *n = g->nodes.item[i];
        const bool needs = needs_input(n) && !(n->op->flags & KD_OP_CONSTANT);
        for (uint32_t k = 0; k < n->view.n_outputs; k++) {
            struct value *v = n->out[k];
            v->needs_gradient = v->needs_gradient || (needs && is_real_type(v->spec.dtype));
        }
    }
}

void graph_gradients(kd_tensor *loss, kd_tensor *const *wrt, uint32_t count, kd_tensor **ret) {
    graph *g = as_value(loss)->g;
    for (uint32_t i = 0; i < count; i++) {
        ret[i] = &g->poison.base;
    }
    if (!g->failed && kd_rank(loss) != 0) {
        graph_fail(g, as_value(loss)->scope->path, "the loss is not a scalar");
    }
    if (g->failed) {
        return;
    }
    graph_fuse(g);
    for (int i = 0; i < g->values.count; i++) {
        struct value *v = g->values.item[i];
        v->gradient = NULL;
        v->needs_gradient = false;
    }
    for (uint32_t i = 0; i < count; i++) {
        as_value(wrt[i])->needs_gradient = true;
    }
    const int nodes = g->nodes.count;
    mark(g, nodes);
    as_value(loss)->gradient = as_value(kd_fill_like(loss, 1));
    for (int i = nodes - 1; i >= 0 && !g->failed; i--) {
        differentiate(g, g->nodes.item[i]);
    }
    for (uint32_t i = 0; i < count && !g->failed; i++) {
        struct value *d = as_value(wrt[i])->gradient;
        ret[i] = d ? &d->base : kd_fill_like(wrt[i], 0);
    }
}
