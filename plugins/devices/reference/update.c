/* SPDX-License-Identifier: Apache-2.0
 * Optimizer updates: one pass over the arena of parameters, segment by segment, in place.
 * The arithmetic of an element is in kindred/update.h. */
#include <kindred/update.h>

#include "element.h"
#include "kernels.h"

/* One tensor in the arenas. */
typedef struct segment {
    int64_t begin, end; /* empty when its group is not active */
    double lr, weight_decay, correction1, correction2, grad_scale;
    bool adapt;
} segment;

/* What every update reads: (param, grad, moments..., rates [groups, 5], grad_scale). */
typedef struct update {
    int32_t real;
    const int64_t *segments;
    uint32_t n_segments;
    const void *rates, *grad_scale;
    bool shared_scale; /* one for all segments */
} update;

static update update_of(const kd_node *node, void *const *in) {
    update u = {.real = node->inputs[0].dtype,
                .rates = in[node->n_inputs - 2],
                .grad_scale = in[node->n_inputs - 1],
                .shared_scale = kd_elements(&node->inputs[node->n_inputs - 1]) == 1};
    u.segments = kd_attr_ints(node, "segments", &u.n_segments);
    u.n_segments /= KD_UPDATE_SEGMENT;
    return u;
}

static segment segment_at(const update *u, uint32_t i) {
    const int64_t *s = u->segments + (size_t)i * KD_UPDATE_SEGMENT, row = s[3] * KD_RATES;
    const bool active = get(u->rates, u->real, row + KD_RATE_ACTIVE) != 0;
    const double decay = get(u->rates, u->real, row + KD_RATE_DECAY);
    return (segment){.begin = s[0],
                     .end = active ? s[0] + s[1] : s[0],
                     .lr = get(u->rates, u->real, row + KD_RATE_LR),
                     .weight_decay = s[2] & KD_UPDATE_DECAY ? decay : 0,
                     .correction1 = get(u->rates, u->real, row + KD_RATE_CORRECTION1),
                     .correction2 = get(u->rates, u->real, row + KD_RATE_CORRECTION2),
                     .grad_scale = get(u->grad_scale, u->real, u->shared_scale ? 0 : i),
                     .adapt = (s[2] & KD_UPDATE_ADAPT) != 0};
}

void run_sgd(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
             void *scratch) {
    const update u = update_of(node, in);
    const double momentum = kd_attr_float(node, "momentum", 0);
    const bool nesterov = kd_attr_int(node, "nesterov", 0) != 0;
    for (uint32_t index = 0; index < u.n_segments; index++) {
        const segment s = segment_at(&u, index);
        for (int64_t i = s.begin; i < s.end; i++) {
            double w = get(in[0], u.real, i), moment = get(in[2], u.real, i);
            const double d = s.grad_scale * get(in[1], u.real, i) + s.weight_decay * w;
            kd_sgd_element_f64(&w, &moment, d, s.lr, momentum, nesterov);
            put(out[0], u.real, i, w);
            put(out[1], u.real, i, moment);
        }
    }
}

/* The ratio by which LARS scales the step of one tensor. */
static double lars_ratio(const kd_node *node, const update *u, const segment *s, void *const *in) {
    double w2 = 0, g2 = 0, d2 = 0;
    for (int64_t i = s->begin; i < s->end; i++) {
        const double w = get(in[0], u->real, i), g = s->grad_scale * get(in[1], u->real, i);
        const double d = g + s->weight_decay * w;
        w2 += w * w;
        g2 += g * g;
        d2 += d * d;
    }
    const int variant = (int)kd_attr_int(node, "variant", KD_LARS_FB);
    const bool clip = kd_attr_int(node, "clip", 0) != 0;
    return kd_lars_ratio(variant, kd_attr_float(node, "trust", 1e-3), clip, s->lr, s->weight_decay,
                         sqrt(w2), sqrt(g2), sqrt(d2));
}

void run_lars(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch) {
    const update u = update_of(node, in);
    const double momentum = kd_attr_float(node, "momentum", 0);
    const int variant = (int)kd_attr_int(node, "variant", KD_LARS_FB);
    for (uint32_t index = 0; index < u.n_segments; index++) {
        const segment s = segment_at(&u, index);
        const double q = s.adapt ? lars_ratio(node, &u, &s, in) : 1;
        for (int64_t i = s.begin; i < s.end; i++) {
            double w = get(in[0], u.real, i), moment = get(in[2], u.real, i);
            const double d = q * (s.grad_scale * get(in[1], u.real, i) + s.weight_decay * w);
            kd_lars_element_f64(&w, &moment, d, s.lr, momentum, variant);
            put(out[0], u.real, i, w);
            put(out[1], u.real, i, moment);
        }
    }
}

void run_adamw(kd_device *device, const kd_node *node, void *state, void *const *in,
               void *const *out, void *scratch) {
    const update u = update_of(node, in);
    const double beta1 = kd_attr_float(node, "beta1", 0.9);
    const double beta2 = kd_attr_float(node, "beta2", 0.999);
    const double eps = kd_attr_float(node, "eps", 1e-8);
    for (uint32_t index = 0; index < u.n_segments; index++) {
        const segment s = segment_at(&u, index);
        for (int64_t i = s.begin; i < s.end; i++) {
            double w = get(in[0], u.real, i);
            double moment1 = get(in[2], u.real, i), moment2 = get(in[3], u.real, i);
            const double g = s.grad_scale * get(in[1], u.real, i);
            kd_adamw_moments_f64(&moment1, &moment2, g, beta1, beta2);
            kd_adamw_element_f64(&w, moment1, sqrt(moment2 / s.correction2), s.lr, s.weight_decay,
                                 s.correction1, eps);
            put(out[0], u.real, i, w);
            put(out[1], u.real, i, moment1);
            put(out[2], u.real, i, moment2);
        }
    }
}
