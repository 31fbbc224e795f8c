/* SPDX-License-Identifier: Apache-2.0
 * Weights in bf16. Each layer casts its own at each visit: what that costs a device which enqueues
 * is not the bytes but the launches. Casts of variables become one node, where the first of them
 * was, and one cast serves all visits.
 *
 * That takes memory sooner, which costs nothing where it is taken anyway at the end of the forward
 * pass, for the backward pass. Of what goes before, as a teacher's weights do, a node has no more
 * than MOST_EARLY bytes, and the next visit casts again. */
#include "graph/lower.h"
#include "graph/plan.h"

#include <stdlib.h>

#define MOST_EARLY ((size_t)8 << 20)

typedef struct weight_cast {
    struct node *node;
    int at;
    bool lasts; /* beyond the last cast of its home */
} weight_cast;

/* Casts of one home's variables, in their order; those from `begin` on are to be one node. */
typedef struct gathering {
    graph *g;
    const kd_op *by;
    weight_cast *cast;
    int count, begin, last; /* last: the place of the home's last cast */
    size_t early;           /* bytes from `begin` on that do not last */
} gathering;

static bool casts_weight(const struct node *n, int home) {
    return is_op(n, "cast") && n->out[0]->spec.dtype == KD_BF16 && n->out[0]->home == HOME_ARENA &&
           n->in[0]->home == home && !n->in[0]->producer && n->in[0]->spec.dtype == KD_F32;
}

/* A state by itself, or a region of parameters or averages with all that lies there? */
static bool writes(const struct node *n, const struct value *weight) {
    for (uint32_t k = 0; k < n->view.n_outputs; k++) {
        const struct value *to = plan_owner(n->out[k]);
        if (to == weight || (to->home == weight->home && to->home != HOME_STATE)) {
            return true;
        }
    }
    return false;
}

static bool written(const graph *g, int from, int to, const struct value *weight) {
    for (int i = from; i < to; i++) {
        if (writes(g->nodes.item[i], weight)) {
            return true;
        }
    }
    return false;
}

/* Is it read, under any shape, by a node behind that place, or from outside? */
static bool read_behind(const graph *g, int at, const struct value *v) {
    for (int i = at + 1; i < g->nodes.count; i++) {
        const struct node *n = g->nodes.item[i];
        for (uint32_t k = 0; k < n->view.n_inputs; k++) {
            if (plan_owner(n->in[k]) == v) {
                return true;
            }
        }
    }
    const list *const named_lists[] = {&g->outputs, &g->reports};
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < named_lists[l]->count; i++) {
            if (plan_owner(((const named *)named_lists[l]->item[i])->value) == v) {
                return true;
            }
        }
    }
    return false;
}

/* The cast of that variable that may serve at a place: one that is there anyway, or will be in the
 * node that is gathered. */
static const weight_cast *find_cast(const gathering *a, const struct value *weight, int at) {
    for (int i = a->count - 1; i >= 0; i--) {
        const weight_cast *c = &a->cast[i];
        if (c->node->in[0] == weight && (c->lasts || i >= a->begin)) {
            return written(a->g, c->at, at, weight) ? NULL : c;
        }
    }
    return NULL;
}

/* The first of those gathered becomes all of them. */
static void join(gathering *a) {
    const uint32_t count = (uint32_t)(a->count - a->begin);
    const weight_cast *first = &a->cast[a->begin];
    struct value **in = arena_alloc(&a->g->memory, (count + 1) * sizeof(struct value *));
    struct value **out = arena_alloc(&a->g->memory, (count + 1) * sizeof(struct value *));
    for (uint32_t i = 0; count > 1 && i < count; i++) {
        in[i] = first[i].node->in[0];
        out[i] = first[i].node->out[0];
        first[i].node->live = i == 0;
    }
    if (count > 1) {
        set_op(first->node, a->by);
        set_inputs(a->g, first->node, in, count);
        set_outputs(a->g, first->node, out, count);
    }
    a->begin = a->count;
    a->early = 0;
}

static void add(gathering *a, struct node *n, int at) {
    const weight_cast *before = find_cast(a, n->in[0], at);
    if (before) {
        replace_value(a->g, n->out[0], before->node->out[0]);
        n->live = false;
        return;
    }
    const bool lasts = read_behind(a->g, a->last, n->out[0]);
    const size_t early = lasts ? 0 : kd_bytes(&n->out[0]->spec);
    if (a->count > a->begin &&
        (a->early + early > MOST_EARLY || written(a->g, a->cast[a->begin].at, at, n->in[0]))) {
        join(a);
    }
    a->early += early;
    a->cast[a->count++] = (weight_cast){n, at, lasts};
}

static void gather(graph *g, int home, const kd_op *by) {
    gathering a = {.g = g, .by = by};
    a.cast = kd_alloc((size_t)(g->nodes.count + 1) * sizeof *a.cast);
    for (int i = 0; i < g->nodes.count; i++) {
        a.last = casts_weight(g->nodes.item[i], home) ? i : a.last;
    }
    for (int i = 0; i <= a.last && g->nodes.count; i++) {
        if (casts_weight(g->nodes.item[i], home)) {
            add(&a, g->nodes.item[i], i);
        }
    }
    join(&a);
    free(a.cast);
}

void lower_casts(graph *g, const kd_op *by) {
    gather(g, HOME_PARAMETER, by);
    gather(g, HOME_AVERAGE, by);
    gather(g, HOME_STATE, by);
}
