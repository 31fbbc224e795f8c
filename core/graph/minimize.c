/* SPDX-License-Identifier: Apache-2.0
 * Gradients of every parameter into one region, clipping, and the optimizer's one pass over it. */
#include "graph/plan.h"

#include <kindred/ops.h>
#include <kindred/update.h>

#define REGION_ALIGNMENT 64 /* bytes: of each tensor in a region */

struct value *graph_region(graph *g, int home, int64_t count) {
    struct value *v = graph_value(g, &(kd_spec){.dtype = KD_REAL, .rank = 1, .dim = {count}}, home);
    v->latest = v;
    v->name = "";
    return v;
}

void graph_update_in_place(kd_tensor *out, const struct value *region) {
    struct value *v = as_value(out);
    if (!region->g->failed) {
        v->home = region->home;
        v->producer->update = true;
    }
}

/* Lays variables out one after another. Returns the region's element count. */
static int64_t lay_out(graph *g, const list *variables) {
    int64_t offset = 0;
    for (int i = 0; i < variables->count; i++) {
        struct value *p = variables->item[i];
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

/* source: torch.nn.utils.clip_grad_norm_: min(1, clip / (norm + 1e-6)) */
static kd_tensor *clip_scale(kd_scope s, kd_tensor *norm, double clip_norm) {
    kd_tensor *ratio = kd_div(kd_scalar(s, clip_norm), kd_affine(norm, 1, 1e-6));
    return kd_neg(kd_maximum(kd_neg(ratio), kd_scalar(s, -1)));
}

/* What gradients are multiplied by: [], or one a tensor. */
static kd_tensor *gradient_scale(graph *g, struct value *flat, const optimizer *o) {
    kd_scope s = graph_root(g);
    if (o->clip_norm <= 0) {
        return kd_scalar(s, 1);
    }
    if (!o->clip_each) {
        kd_tensor *norm = kd_sqrt(kd_sum(kd_mul(&flat->base, &flat->base)));
        kd_report(s, "grad_norm", norm);
        return clip_scale(s, norm, o->clip_norm);
    }
    const int count = g->parameters.count;
    int64_t *segments =
        arena_alloc(&g->memory, (size_t)count * KD_NORMS_SEGMENT * sizeof *segments);
    for (int i = 0; i < count; i++) {
        const struct value *p = g->parameters.item[i];
        segments[KD_NORMS_SEGMENT * i] = p->offset / (int64_t)kd_dtype_bytes(g->real);
        segments[KD_NORMS_SEGMENT * i + 1] = kd_elements(&p->spec);
    }
    const kd_attr attr = KD_IS("segments", segments, count * KD_NORMS_SEGMENT);
    kd_tensor *in = &flat->base;
    return clip_scale(s, kd_emit("segment_norms", &in, 1, &attr, 1), o->clip_norm);
}

static int64_t flags_of(const struct value *p, const optimizer *o) {
    const uint32_t rule = p->rule ? p->rule->flags : 0;
    const bool full = p->spec.rank > 1 || o->decay_all;
    return (full && !(rule & KD_RULE_NO_DECAY) ? KD_UPDATE_DECAY : 0) |
           (full && !(rule & KD_RULE_NO_ADAPT) ? KD_UPDATE_ADAPT : 0);
}

/* Of every parameter: where it lies, how it is trained, and its group. */
static int64_t *segments_of(graph *g, const optimizer *o, const int64_t *group) {
    const int count = g->parameters.count;
    int64_t *segments =
        arena_alloc(&g->memory, (size_t)count * KD_UPDATE_SEGMENT * sizeof *segments);
    const int64_t element = (int64_t)kd_dtype_bytes(g->real);
    for (int i = 0; i < count; i++) {
        const struct value *p = g->parameters.item[i];
        int64_t *s = segments + (size_t)i * KD_UPDATE_SEGMENT;
        s[0] = p->offset / element;
        s[1] = kd_elements(&p->spec);
        s[2] = flags_of(p, o);
        s[3] = group[i];
    }
    return segments;
}

/* parameters, gradients: whole regions of `count` elements. */
static void emit_update(graph *g, const optimizer *o, struct value *parameters,
                        struct value *gradients, int64_t count) {
    const bool two = strcmp(o->name, "adamw") == 0;
    kd_scope s = graph_root(g);
    kd_tensor *scale = gradient_scale(g, gradients, o);
    kd_tensor *hyper = kd_input(s, "hyper", (kd_spec){.rank = 1, .dim = {KD_RATES}});
    int64_t *group = arena_alloc(&g->memory, (size_t)g->parameters.count * sizeof *group);
    kd_tensor *rates = rates_build(g, o, hyper, group);
    g->moments = two ? 2 : 1;
    struct value *moment[2] = {graph_region(g, HOME_MOMENT1, count),
                               two ? graph_region(g, HOME_MOMENT2, count) : NULL};
    kd_tensor *in[6] = {&parameters->base, &gradients->base, &moment[0]->base}, *out[3];
    uint32_t n = 3;
    if (two) {
        in[n++] = &moment[1]->base;
    }
    in[n++] = rates;
    in[n++] = scale;
    const kd_attr attrs[] = {
        KD_IS("segments", segments_of(g, o, group), g->parameters.count * KD_UPDATE_SEGMENT),
        KD_F("momentum", o->momentum),
        KD_I("nesterov", o->nesterov),
        KD_I("variant", o->lars_variant),
        KD_F("trust", o->trust),
        KD_I("clip", o->clip_ratio),
        KD_F("beta1", o->beta1),
        KD_F("beta2", o->beta2),
        KD_F("eps", o->eps)};
    graph_emit(s, o->name, in, n, attrs, sizeof attrs / sizeof *attrs, out, n - 3);
    const struct value *const homes[] = {parameters, moment[0], moment[1]};
    for (uint32_t i = 0; i < n - 3; i++) {
        graph_update_in_place(out[i], homes[i]);
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
    const int64_t count = lay_out(g, &g->parameters);
    lay_out(g, &g->averages);
    graph_gradients(loss, wrt, (uint32_t)n, d);
    home_gradients(g, d);
    if (g->failed) {
        return;
    }
    struct value *parameters = graph_region(g, HOME_PARAMETER, count);
    emit_update(g, o, parameters, graph_region(g, HOME_GRADIENT, count), count);
    if (!g->failed) {
        rates_follow(g, parameters);
    }
}
