/* SPDX-License-Identifier: Apache-2.0
 * The rates of each group of parameters, and what follows their update: rows of unit length and
 * moving averages. A group is a rule, apart for vectors where biases have a rate of their own. */
#include "graph/internal.h"

#include <kindred/ops.h>
#include <kindred/update.h>

#include <stdlib.h>

typedef struct group {
    const kd_rule *rule;
    bool vector; /* with the biases' rate */
} group;

static kd_tensor *element(kd_tensor *hyper, int i) {
    return kd_slice(hyper, 0, i, i + 1);
}

static kd_tensor *as_vector(kd_tensor *scalar) {
    return KD_RESHAPE(scalar, 1);
}

/* Adam's correction 1 - beta^t, where t counts only active steps: c <- beta c + (1 - beta), which
 * keeps its digits where 1 - beta^t would lose them. */
static kd_tensor *correction(kd_scope s, const char *name, double beta, kd_tensor *active) {
    kd_tensor *old = kd_state(s, name, (kd_spec){.dtype = KD_REAL}, (kd_init){0});
    kd_tensor *on = kd_greater(active, kd_scalar(s, 0));
    kd_tensor *now = kd_where(on, kd_affine(old, beta, 1 - beta), old);
    kd_assign(old, now);
    return as_vector(now);
}

/* [5] */
static kd_tensor *row(graph *g, const optimizer *o, kd_tensor *hyper, const group *q, int index) {
    kd_scope s = graph_root(g);
    const kd_rule none = {.lr_scale = 1};
    const kd_rule *rule = q->rule ? q->rule : &none;
    const double scale = rule->lr_scale * (q->vector ? o->bias_lr : 1);
    const kd_spec one = {.dtype = KD_REAL, .rank = 1, .dim = {1}};
    kd_tensor *part[KD_RATES] = {
        rule->flags & KD_RULE_CONSTANT_LR ? kd_fill(s, one, o->lr * scale)
                                          : kd_scale(element(hyper, KD_RATE_LR), scale),
        element(hyper, KD_RATE_DECAY),
        element(hyper, KD_RATE_CORRECTION1),
        element(hyper, KD_RATE_CORRECTION2),
        element(hyper, KD_RATE_ACTIVE),
    };
    if (rule->active) {
        part[KD_RATE_ACTIVE] = as_vector(rule->active);
        if (strcmp(o->name, "adamw") == 0) {
            kd_scope own = kd_child(kd_child(s, "optimizer"), "group%d", index);
            part[KD_RATE_CORRECTION1] = correction(own, "correction1", o->beta1, rule->active);
            part[KD_RATE_CORRECTION2] = correction(own, "correction2", o->beta2, rule->active);
        }
    }
    return kd_concat_all(part, KD_RATES, 0);
}

static bool changes_rates(const kd_rule *rule) {
    return rule && (rule->lr_scale != 1 || rule->active || (rule->flags & KD_RULE_CONSTANT_LR));
}

static int find_group(group *groups, int *count, group wanted) {
    for (int i = 0; i < *count; i++) {
        if (groups[i].rule == wanted.rule && groups[i].vector == wanted.vector) {
            return i;
        }
    }
    groups[*count] = wanted;
    return (*count)++;
}

kd_tensor *rates_build(graph *g, const optimizer *o, kd_tensor *hyper, int64_t *group_of) {
    const int n = g->parameters.count;
    group *groups = kd_alloc((size_t)(n + 1) * sizeof *groups);
    int count = 1; /* the first has the rates as they come */
    for (int i = 0; i < n; i++) {
        const struct value *p = g->parameters.item[i];
        const bool scaled = o->bias_lr > 0 && o->bias_lr != 1;
        const group wanted = {.rule = changes_rates(p->rule) ? p->rule : NULL,
                              .vector = scaled && p->spec.rank <= 1};
        group_of[i] = find_group(groups, &count, wanted);
    }
    kd_tensor *rates = hyper;
    for (int i = 1; i < count; i++) {
        rates = kd_concat(rates, row(g, o, hyper, &groups[i], i), 0);
    }
    free(groups);
    return rates;
}

static void emit_unit_rows(graph *g, struct value *parameters) {
    const int64_t bytes = (int64_t)kd_dtype_bytes(g->real);
    int64_t *segments =
        kd_alloc((size_t)(g->parameters.count + 1) * KD_ROWS_SEGMENT * sizeof *segments);
    uint32_t count = 0;
    for (int i = 0; i < g->parameters.count; i++) {
        const struct value *p = g->parameters.item[i];
        if (p->rule && (p->rule->flags & KD_RULE_UNIT_ROWS)) {
            const int64_t rows = p->spec.rank > 1 ? p->spec.dim[0] : 1;
            segments[count++] = p->offset / bytes;
            segments[count++] = rows;
            segments[count++] = rows > 0 ? kd_elements(&p->spec) / rows : 0;
        }
    }
    if (count) {
        kd_tensor *in = &parameters->base;
        graph_update_in_place(
            kd_emit("unit_rows", &in, 1, (kd_attr[]){KD_IS("segments", segments, count)}, 1),
            parameters);
    }
    free(segments);
}

/* The index of `keep` among the distinct ones. */
static int64_t find_keep(kd_tensor **keeps, uint32_t *count, kd_tensor *keep) {
    for (uint32_t i = 0; i < *count; i++) {
        if (keeps[i] == keep) {
            return i;
        }
    }
    keeps[*count] = keep;
    return (*count)++;
}

static void emit_averages(graph *g, struct value *parameters) {
    const int n = g->averages.count;
    const int64_t bytes = (int64_t)kd_dtype_bytes(g->real);
    if (n == 0 || g->failed) {
        return;
    }
    int64_t *segments = kd_alloc((size_t)n * KD_AVERAGE_SEGMENT * sizeof *segments);
    int64_t *at = segments, end = 0;
    kd_tensor **keeps = kd_alloc((size_t)n * sizeof *keeps);
    uint32_t n_keeps = 0;
    for (int i = 0; i < n; i++, at += KD_AVERAGE_SEGMENT) {
        const struct value *a = g->averages.item[i];
        at[0] = a->offset / bytes;
        at[1] = a->followed->offset / bytes;
        at[2] = kd_elements(&a->spec);
        at[3] = find_keep(keeps, &n_keeps, rule_of(a->scope)->keep);
        end = at[0] + at[2];
    }
    for (uint32_t i = 0; i < n_keeps; i++) {
        keeps[i] = as_vector(keeps[i]);
    }
    struct value *averages = graph_region(g, HOME_AVERAGE, end);
    kd_tensor *in[] = {&averages->base, &parameters->base, kd_concat_all(keeps, n_keeps, 0)};
    const kd_attr attr = KD_IS("segments", segments, n * KD_AVERAGE_SEGMENT);
    graph_update_in_place(kd_emit("average", in, 3, &attr, 1), averages);
    free(keeps);
    free(segments);
}

void rates_follow(graph *g, struct value *parameters) {
    emit_unit_rows(g, parameters);
    emit_averages(g, parameters);
}
