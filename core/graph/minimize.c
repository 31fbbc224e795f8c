/* SPDX-License-Identifier: Apache-2.0
 * Gradients of every parameter into one region, clipping, and the optimizer's one pass over it; and
 * what ends a graph: pending assignments become copies, dead nodes go. */
#include "graph/plan.h"

#include <kindred/ops.h>
#include <kindred/update.h>

#define REGION_ALIGNMENT 64 /* bytes: of each tensor in a region */

static struct value *region(graph *g, int home, int64_t count) {
    struct value *v = graph_value(g, &(kd_spec){.dtype = KD_REAL, .rank = 1, .dim = {count}}, home);
    v->latest = v;
    v->name = "";
    return v;
}

/* Lays the parameters out one after another. Returns the region's element count. */
static int64_t lay_out(graph *g) {
    int64_t offset = 0;
    for (int i = 0; i < g->parameters.count; i++) {
        struct value *p = g->parameters.item[i];
        p->offset = offset;
        offset += (int64_t)kd_bytes(&p->spec);
        offset = (offset + REGION_ALIGNMENT - 1) / REGION_ALIGNMENT * REGION_ALIGNMENT;
    }
    return offset / (int64_t)kd_dtype_bytes(g->real);
}

/* Memory that a kernel writes, and no other gradient claims, can be the region's own. */
static bool can_home(const struct value *v) {
    return v->producer && v->home == HOME_ARENA && !v->producer->update;
}

static void home_gradients(graph *g, kd_tensor **gradients) {
    for (int i = 0; i < g->parameters.count && !g->failed; i++) {
        const struct value *p = g->parameters.item[i];
        struct value *d = plan_owner(as_value(kd_cast(gradients[i], KD_REAL)));
        if (!can_home(d)) {
            d = as_value(kd_emit1("copy", &d->base));
        }
        d->home = HOME_GRADIENT;
        d->offset = p->offset;
        list_add(&g->gradients, d);
    }
}

static kd_tensor *gradient_scale(graph *g, struct value *flat, double clip_norm) {
    kd_scope s = graph_root(g);
    if (clip_norm <= 0) {
        return kd_scalar(s, 1);
    }
    kd_tensor *norm = kd_sqrt(kd_sum(kd_mul(&flat->base, &flat->base)));
    kd_report(s, "grad_norm", norm);
    /* source: torch.nn.utils.clip_grad_norm_: min(1, clip / (norm + 1e-6)) */
    kd_tensor *ratio = kd_div(kd_scalar(s, clip_norm), kd_affine(norm, 1, 1e-6));
    return kd_neg(kd_maximum(kd_neg(ratio), kd_scalar(s, -1)));
}

static int64_t *segments_of(graph *g, const optimizer *o, uint32_t *ret_count) {
    const int count = g->parameters.count;
    int64_t *segments = arena_alloc(&g->memory, (size_t)(3 * count + 1) * sizeof *segments);
    const int64_t element = (int64_t)kd_dtype_bytes(g->real);
    for (int i = 0; i < count; i++) {
        const struct value *p = g->parameters.item[i];
        const bool full = p->spec.rank > 1 || o->decay_all;
        segments[3 * i] = p->offset / element;
        segments[3 * i + 1] = kd_elements(&p->spec);
        segments[3 * i + 2] = full ? KD_UPDATE_DECAY | KD_UPDATE_ADAPT : 0;
    }
    *ret_count = (uint32_t)(3 * count);
    return segments;
}

static void emit_update(graph *g, const optimizer *o, struct value *parameters,
                        struct value *gradients, int64_t count, kd_tensor *hyper,
                        kd_tensor *scale) {
    const bool two = strcmp(o->name, "adamw") == 0;
    g->moments = two ? 2 : 1;
    struct value *flat[4] = {parameters, gradients, region(g, HOME_MOMENT1, count),
                             two ? region(g, HOME_MOMENT2, count) : NULL};
    uint32_t n = two ? 4 : 3;
    kd_tensor *in[6], *out[3];
    for (uint32_t i = 0; i < n; i++) {
        in[i] = &flat[i]->base;
    }
    in[n] = hyper;
    in[n + 1] = scale;
    uint32_t n_segments;
    const int64_t *segments = segments_of(g, o, &n_segments);
    const kd_attr attrs[] = {KD_IS("segments", segments, n_segments),
                             KD_F("momentum", o->momentum),
                             KD_I("nesterov", o->nesterov),
                             KD_I("variant", o->lars_variant),
                             KD_F("trust", o->trust),
                             KD_I("clip", o->clip_ratio),
                             KD_F("beta1", o->beta1),
                             KD_F("beta2", o->beta2),
                             KD_F("eps", o->eps)};
    graph_emit(graph_root(g), o->name, in, n + 2, attrs, sizeof attrs / sizeof *attrs, out, n - 1);
    if (g->failed) {
        return;
    }
    struct value *const homes[] = {flat[0], flat[2], flat[3]};
    for (uint32_t i = 0; i < n - 1; i++) {
        as_value(out[i])->home = homes[i]->home;
        as_value(out[i])->producer->update = true;
    }
}

void graph_minimize(graph *g, kd_tensor *loss, const optimizer *o) {
    kd_scope s = graph_root(g);
    if (g->failed) {
        return;
    }
    const int n = g->parameters.count;
    if (n == 0) {
        graph_fail(g, "", "the loss has no parameter to train");
        return;
    }
    kd_output(s, "loss", loss);
    kd_tensor **wrt = arena_alloc(&g->memory, (size_t)n * sizeof(kd_tensor *));
    kd_tensor **d = arena_alloc(&g->memory, (size_t)n * sizeof(kd_tensor *));
    for (int i = 0; i < n; i++) {
        wrt[i] = &((struct value *)g->parameters.item[i])->base;
    }
    const int64_t count = lay_out(g);
    graph_gradients(loss, wrt, (uint32_t)n, d);
    home_gradients(g, d);
    kd_tensor *hyper = kd_input(s, "hyper", (kd_spec){.rank = 1, .dim = {4}});
    if (g->failed) {
        return;
    }
    struct value *parameters = region(g, HOME_PARAMETER, count),
                 *flat = region(g, HOME_GRADIENT, count);
    kd_tensor *scale = gradient_scale(g, flat, o->clip_norm);
    emit_update(g, o, parameters, flat, count, hyper, scale);
}

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

static void drop_dead(graph *g) {
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
    int kept = 0;
    for (int i = 0; i < g->nodes.count; i++) {
        struct node *n = g->nodes.item[i];
        if (n->live) {
            g->nodes.item[kept++] = n;
        }
    }
    g->nodes.count = kept;
}

/* A state is written last, when every reader of its old value is done. */
static void emit_assignments(graph *g) {
    for (int i = 0; i < g->states.count && !g->failed; i++) {
        struct value *s = g->states.item[i];
        if (s->latest == s) {
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
        drop_dead(g);
    }
}
