/* SPDX-License-Identifier: Apache-2.0
 * Lifetimes, in-place sharing, and offsets: the largest buffers are placed first, each at the
 * lowest offset where it meets no other that lives at the same time. */
#include "graph/plan.h"

#include <stdlib.h>

/* Bytes that one or several values share, one after another. */
typedef struct buffer {
    size_t bytes;
    int first, last; /* nodes during which it must hold */
    int64_t offset;
} buffer;

typedef struct planner {
    graph *g;
    buffer *buffers;
    int *buffer_of; /* by value id; -1: none */
    int *last_use;  /* by value id of owners: the last node that reads it */
    int count;
} planner;

struct value *plan_owner(struct value *v) {
    while (v->alias_of) {
        v = v->alias_of;
    }
    return v;
}

static void find_last_uses(planner *p) {
    const graph *g = p->g;
    for (int i = 0; i < g->nodes.count; i++) {
        const struct node *n = g->nodes.item[i];
        for (uint32_t k = 0; k < n->view.n_inputs; k++) {
            p->last_use[plan_owner(n->in[k])->id] = i;
        }
    }
    const list *const kept[] = {&g->outputs, &g->reports};
    for (int l = 0; l < 2; l++) {
        for (int i = 0; i < kept[l]->count; i++) {
            p->last_use[plan_owner(((named *)kept[l]->item[i])->value)->id] = g->nodes.count;
        }
    }
}

/* May output 0 of node i be written over its input k? The input must die here, have as many
 * elements of the same size (an i32 [n, 1] that is compared with [1, 4] has the bytes of its u8 [n,
 * 4], and is read after they are written), and be read by the node through that operand only. */
static bool can_share(const planner *p, const struct node *n, int i, uint32_t k) {
    const struct value *x = plan_owner(n->in[k]);
    if (p->buffer_of[x->id] < 0 || p->last_use[x->id] != i ||
        kd_bytes(&x->spec) != kd_bytes(&n->out[0]->spec) ||
        kd_elements(&x->spec) != kd_elements(&n->out[0]->spec)) {
        return false;
    }
    for (uint32_t other = 0; other < n->view.n_inputs; other++) {
        if (other != k && plan_owner(n->in[other]) == x) {
            return false;
        }
    }
    return true;
}

static int shared_input(const planner *p, const struct node *n, int i, uint32_t mask) {
    for (uint32_t k = 0; k < n->view.n_inputs && k < 32; k++) {
        if ((mask >> k & 1) && can_share(p, n, i, k)) {
            return (int)k;
        }
    }
    return -1;
}

static void place_output(planner *p, const struct value *v, int i, int share) {
    int b = share;
    if (b < 0) {
        b = p->count++;
        p->buffers[b] = (buffer){.bytes = kd_bytes(&v->spec), .first = i, .last = i};
    }
    const int last = p->last_use[v->id] > i ? p->last_use[v->id] : i;
    if (last > p->buffers[b].last) {
        p->buffers[b].last = last;
    }
    p->buffer_of[v->id] = b;
}

static void find_buffers(planner *p, in_place_rule in_place, const void *context) {
    for (int i = 0; i < p->g->nodes.count; i++) {
        const struct node *n = p->g->nodes.item[i];
        for (uint32_t k = 0; k < n->view.n_outputs; k++) {
            const struct value *v = n->out[k];
            if (v->home != HOME_ARENA || v->alias_of) {
                continue;
            }
            int share = -1;
            if (k == 0 && in_place) {
                const int from = shared_input(p, n, i, in_place(context, n->op->name));
                share = from < 0 ? -1 : p->buffer_of[plan_owner(n->in[from])->id];
            }
            place_output(p, v, i, share);
        }
    }
}

static int by_size(const void *a, const void *b) {
    const buffer *x = *(buffer *const *)a, *y = *(buffer *const *)b;
    if (x->bytes != y->bytes) {
        return x->bytes < y->bytes ? 1 : -1;
    }
    return x->first != y->first ? (x->first < y->first ? -1 : 1) : (x < y ? -1 : 1);
}

/* The lowest offset at which `b` meets none of `placed` (sorted by offset) that lives with it. */
static int64_t lowest_gap(const buffer *b, buffer *const *placed, int count, int64_t bytes) {
    int64_t at = 0;
    for (int i = 0; i < count; i++) {
        const buffer *o = placed[i];
        if (o->last < b->first || b->last < o->first) {
            continue;
        }
        if (o->offset >= at + bytes) {
            break;
        }
        const int64_t end = o->offset + (int64_t)o->bytes;
        at = end > at ? end : at;
    }
    return at;
}

/* Keeps `placed` sorted by offset. */
static void insert(buffer **placed, int count, buffer *b) {
    int at = count;
    for (; at > 0 && placed[at - 1]->offset > b->offset; at--) {
        placed[at] = placed[at - 1];
    }
    placed[at] = b;
}

static size_t place_buffers(planner *p, size_t alignment) {
    buffer **order = kd_alloc((size_t)(p->count + 1) * sizeof *order);
    buffer **placed = kd_alloc((size_t)(p->count + 1) * sizeof *placed);
    for (int i = 0; i < p->count; i++) {
        buffer *b = &p->buffers[i];
        b->bytes = (b->bytes + alignment - 1) / alignment * alignment;
        order[i] = b;
    }
    qsort(order, (size_t)p->count, sizeof *order, by_size);
    size_t end = 0;
    for (int i = 0; i < p->count; i++) {
        buffer *b = order[i];
        b->offset = lowest_gap(b, placed, i, (int64_t)b->bytes);
        insert(placed, i, b);
        const size_t stop = (size_t)b->offset + b->bytes;
        end = stop > end ? stop : end;
    }
    free(order);
    free(placed);
    return end;
}

void plan_make(graph *g, size_t alignment, in_place_rule in_place, const void *context, plan *ret) {
    const size_t values = (size_t)g->values.count + 1;
    planner p = {.g = g,
                 .buffers = kd_alloc(values * sizeof(buffer)),
                 .buffer_of = kd_alloc(values * sizeof(int)),
                 .last_use = kd_alloc(values * sizeof(int))};
    for (size_t i = 0; i < values; i++) {
        p.buffer_of[i] = p.last_use[i] = -1;
    }
    find_last_uses(&p);
    find_buffers(&p, in_place, context);
    ret->arena_bytes = place_buffers(&p, alignment);
    ret->offset = arena_alloc(&g->memory, values * sizeof *ret->offset);
    for (size_t i = 0; i < values; i++) {
        ret->offset[i] = p.buffer_of[i] < 0 ? -1 : p.buffers[p.buffer_of[i]].offset;
    }
    free(p.buffers);
    free(p.buffer_of);
    free(p.last_use);
}
