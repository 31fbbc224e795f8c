/* SPDX-License-Identifier: Apache-2.0
 * Views in bf16. A graph says that they are real, and a layer that computes in bf16 casts them
 * first: where nothing else reads them they may as well be rounded when they are made, to the same
 * bits. On the way from one to the other they may be moved (views joined to one batch, shuffled,
 * cut to patches), which is then done with half the bytes. */
#include "graph/lower.h"

#include <stdlib.h>

/* What these give are elements of input 0, of all inputs in concat's case, or zeros. */
static const char *const movers[] = {"concat", "gather",        "pad",      "reshape",
                                     "slice",  "stop_gradient", "transpose"};

static bool is_mover(const struct node *n) {
    for (size_t i = 0; i < sizeof movers / sizeof *movers; i++) {
        if (is_op(n, movers[i])) {
            return n->out[0]->home == HOME_ARENA && !n->update;
        }
    }
    return false;
}

static uint32_t moved_inputs(const struct node *n) {
    return is_op(n, "concat") ? n->view.n_inputs : 1;
}

static bool is_narrowing(const struct node *n) {
    return is_op(n, "cast") && n->out[0]->spec.dtype == KD_BF16;
}

/* By value id: an f32 view, whole or moved, that may be bf16. */
typedef struct marks {
    graph *g;
    bool *may;
} marks;

static bool all_may(const marks *m, const struct node *n) {
    for (uint32_t k = 0; k < moved_inputs(n); k++) {
        if (!m->may[n->in[k]->id]) {
            return false;
        }
    }
    return true;
}

static void mark_views(const marks *m) {
    for (int i = 0; i < m->g->nodes.count; i++) {
        const struct node *n = m->g->nodes.item[i];
        const bool view = is_op(n, "augment") && n->out[0]->spec.dtype == KD_F32;
        if (view || (is_mover(n) && all_may(m, n))) {
            m->may[n->out[0]->id] = true;
        }
    }
}

static bool unmark(const marks *m, const struct value *v) {
    const bool marked = m->may[v->id];
    m->may[v->id] = false;
    return marked;
}

/* Unmarks what n reads as f32, and what it makes of something that stays f32. True: there was
 * such. */
static bool unmark_by(const marks *m, const struct node *n) {
    const bool moves = is_mover(n) && m->may[n->out[0]->id];
    bool changed = moves && !all_may(m, n) && unmark(m, n->out[0]);
    for (uint32_t k = 0; k < n->view.n_inputs; k++) {
        const bool moved = moves && !changed && k < moved_inputs(n);
        changed = (!moved && !is_narrowing(n) && unmark(m, n->in[k])) || changed;
    }
    return changed;
}

static void unmark_readers(const marks *m) {
    const list *const named_lists[] = {&m->g->outputs, &m->g->reports};
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < named_lists[l]->count; i++) {
            unmark(m, ((const named *)named_lists[l]->item[i])->value);
        }
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = m->g->nodes.count - 1; i >= 0; i--) {
            changed = unmark_by(m, m->g->nodes.item[i]) || changed;
        }
    }
}

static void narrow_output(struct node *n) {
    n->out[0]->spec.dtype = n->out_specs[0].dtype = KD_BF16;
}

static void make_narrow(struct node *n, const kd_op *by) {
    set_op(n, by);
    narrow_output(n);
    for (uint32_t i = 0; i < n->view.n_attrs; i++) {
        if (strcmp(n->attrs[i].name, "dtype") == 0) {
            n->attrs[i].i = KD_BF16;
        }
    }
}

static void narrow(const marks *m, struct node *n, const kd_op *by) {
    if (m->may[n->out[0]->id]) {
        if (is_mover(n)) {
            for (uint32_t k = 0; k < moved_inputs(n); k++) {
                set_input(n, k, n->in[k]);
            }
            narrow_output(n);
        } else {
            make_narrow(n, by);
        }
    } else if (is_narrowing(n) && m->may[n->in[0]->id]) {
        replace_value(m->g, n->out[0], n->in[0]);
        n->live = false;
    }
}

void lower_views(graph *g, const kd_op *by) {
    const marks m = {g, kd_alloc((size_t)g->values.count + 1)};
    mark_views(&m);
    unmark_readers(&m);
    for (int i = 0; i < g->nodes.count; i++) {
        narrow(&m, g->nodes.item[i], by);
    }
    free(m.may);
}
