/* SPDX-License-Identifier: Apache-2.0
 * Optimizer updates: one pass over the arena of parameters in pieces that threads share (LARS reads
 * them once more, for the norms). The arithmetic of an element is in kindred/update.h. */
#include <kindred/update.h>

#include "kernels.h"

#include <math.h>

#define PIECE 16384 /* elements */

/* Part of one segment. */
typedef struct piece {
    int64_t begin, count;
    int32_t segment, group;
    uint32_t flags;
} piece;

/* A node's pieces, in the order of segments. */
typedef struct schedule {
    int64_t pieces;
    int32_t segments;
    piece piece[];
} schedule;

/* For LARS: the squares of |w|, |g| and |g + wd w|. */
typedef struct norms {
    double w, g, d;
} norms;

static int64_t count_pieces(const int64_t *segments, uint32_t count) {
    int64_t pieces = 0;
    for (uint32_t i = 0; i < count; i += KD_UPDATE_SEGMENT) {
        pieces += (segments[i + 1] + PIECE - 1) / PIECE;
    }
    return pieces;
}

bool prepare_update(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                    kd_error *err) {
    uint32_t count;
    const int64_t *segments = kd_attr_ints(node, "segments", &count);
    if (!accept_types(node, 1u << KD_F32, err)) {
        return false;
    }
    const int64_t pieces = count_pieces(segments, count);
    schedule *s = state_create(sizeof *s + (size_t)pieces * sizeof s->piece[0], err);
    if (!s) {
        return false;
    }
    for (uint32_t i = 0; i < count; i += KD_UPDATE_SEGMENT) {
        const int64_t end = segments[i] + segments[i + 1];
        for (int64_t begin = segments[i]; begin < end; begin += PIECE) {
            s->piece[s->pieces++] = (piece){begin, end - begin < PIECE ? end - begin : PIECE,
                                            (int32_t)(i / KD_UPDATE_SEGMENT),
                                            (int32_t)segments[i + 3], (uint32_t)segments[i + 2]};
        }
    }
    s->segments = (int32_t)(count / KD_UPDATE_SEGMENT);
    *ret_state = s;
    *ret_scratch = (size_t)pieces * sizeof(norms) + (size_t)s->segments * sizeof(float);
    return true;
}

/* What every update reads: (param, grad, moments..., rates [groups, 5], grad_scale). */
typedef struct update {
    const schedule *schedule;
    float *w, *moment1, *moment2;
    const float *grad, *rates, *grad_scale;
    bool shared_scale; /* one for all segments */
    float momentum, beta1, beta2, eps;
    bool nesterov;
    int variant;
    norms *norms; /* [pieces] */
    float *ratio; /* [segments] */
} update;

static update update_of(const kd_node *node, void *state, void *const *in, void *scratch) {
    const schedule *s = state;
    norms *pieces = scratch;
    return (update){
        .schedule = s,
        .w = in[0],
        .grad = in[1],
        .moment1 = in[2],
        .moment2 = in[3], /* rates, where there is one moment */
        .rates = in[node->n_inputs - 2],
        .grad_scale = in[node->n_inputs - 1],
        .shared_scale = kd_elements(&node->inputs[node->n_inputs - 1]) == 1,
        .momentum = (float)kd_attr_float(node, "momentum", 0),
        .beta1 = (float)kd_attr_float(node, "beta1", 0.9),
        .beta2 = (float)kd_attr_float(node, "beta2", 0.999),
        .eps = (float)kd_attr_float(node, "eps", 1e-8),
        .nesterov = kd_attr_int(node, "nesterov", 0) != 0,
        .variant = (int)kd_attr_int(node, "variant", KD_LARS_FB),
        .norms = pieces,
        .ratio = (float *)(void *)(pieces + s->pieces),
    };
}

/* A row of rates, as it holds for one piece. */
typedef struct rates {
    float lr, weight_decay, correction1, correction2, grad_scale;
    bool active;
} rates;

static rates rates_of(const update *u, const piece *p) {
    const float *row = u->rates + (size_t)p->group * KD_RATES;
    return (rates){.lr = row[KD_RATE_LR],
                   .weight_decay = p->flags & KD_UPDATE_DECAY ? row[KD_RATE_DECAY] : 0,
                   .correction1 = row[KD_RATE_CORRECTION1],
                   .correction2 = row[KD_RATE_CORRECTION2],
                   .grad_scale = u->grad_scale[u->shared_scale ? 0 : p->segment],
                   .active = row[KD_RATE_ACTIVE] != 0};
}

static void pieces_for(const kd_device *device, const update *u, span_body *body) {
    span_for(device, u->schedule->pieces, 2, body, u);
}

static void sgd_span(const void *work, int64_t begin, int64_t end) {
    const update *u = work;
    for (int64_t index = begin; index < end; index++) {
        const piece *p = &u->schedule->piece[index];
        float *w = u->w + p->begin, *moment = u->moment1 + p->begin;
        const float *g = u->grad + p->begin;
        const rates r = rates_of(u, p);
        const float wd = r.weight_decay, lr = r.lr, m = u->momentum, scale = r.grad_scale;
        const bool nesterov = u->nesterov;
        if (!r.active) {
            continue;
        }
#pragma omp simd
        for (int64_t i = 0; i < p->count; i++) {
            kd_sgd_element_f32(&w[i], &moment[i], scale * g[i] + wd * w[i], lr, m, nesterov);
        }
    }
}

void run_sgd(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
             void *scratch) {
    const update u = update_of(node, state, in, scratch);
    pieces_for(device, &u, sgd_span);
}

/* Squares are summed in double: a tensor may have millions of elements. */
static void norms_span(const void *work, int64_t begin, int64_t end) {
    const update *u = work;
    for (int64_t index = begin; index < end; index++) {
        const piece *p = &u->schedule->piece[index];
        if (!(p->flags & KD_UPDATE_ADAPT)) {
            continue;
        }
        const float *w = u->w + p->begin, *grad = u->grad + p->begin;
        const rates r = rates_of(u, p);
        const float wd = r.weight_decay, scale = r.grad_scale;
        double w2 = 0, g2 = 0, d2 = 0;
#pragma omp simd reduction(+ : w2, g2, d2)
        for (int64_t i = 0; i < p->count; i++) {
            const double g = (double)(scale * grad[i]), d = g + (double)(wd * w[i]);
            w2 += (double)w[i] * (double)w[i];
            g2 += g * g;
            d2 += d * d;
        }
        u->norms[index] = (norms){w2, g2, d2};
    }
}

/* The ratio of each segment, its pieces' norms added in order. */
static void set_ratios(const kd_node *node, const update *u) {
    const double trust = kd_attr_float(node, "trust", 1e-3);
    const bool clip = kd_attr_int(node, "clip", 0) != 0;
    const schedule *s = u->schedule;
    for (int64_t i = 0; i < s->pieces;) {
        const piece *first = &s->piece[i];
        norms sum = {0, 0, 0};
        for (; i < s->pieces && s->piece[i].segment == first->segment; i++) {
            if (first->flags & KD_UPDATE_ADAPT) {
                sum = (norms){sum.w + u->norms[i].w, sum.g + u->norms[i].g, sum.d + u->norms[i].d};
            }
        }
        const rates r = rates_of(u, first);
        const double q =
            kd_lars_ratio(u->variant, trust, clip, (double)r.lr, (double)r.weight_decay,
                          sqrt(sum.w), sqrt(sum.g), sqrt(sum.d));
        u->ratio[first->segment] = first->flags & KD_UPDATE_ADAPT ? (float)q : 1;
    }
}

static void lars_span(const void *work, int64_t begin, int64_t end) {
    const update *u = work;
    for (int64_t index = begin; index < end; index++) {
        const piece *p = &u->schedule->piece[index];
        float *w = u->w + p->begin, *moment = u->moment1 + p->begin;
        const float *g = u->grad + p->begin;
        const rates r = rates_of(u, p);
        const float wd = r.weight_decay, q = u->ratio[p->segment];
        const float lr = r.lr, m = u->momentum, scale = r.grad_scale;
        const int variant = u->variant;
        if (!r.active) {
            continue;
        }
#pragma omp simd
        for (int64_t i = 0; i < p->count; i++) {
            kd_lars_element_f32(&w[i], &moment[i], q * (scale * g[i] + wd * w[i]), lr, m, variant);
        }
    }
}

void run_lars(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch) {
    const update u = update_of(node, state, in, scratch);
    pieces_for(device, &u, norms_span);
    set_ratios(node, &u);
    pieces_for(device, &u, lars_span);
}

static void adamw_span(const void *work, int64_t begin, int64_t end) {
    const update *u = work;
    for (int64_t index = begin; index < end; index++) {
        const piece *p = &u->schedule->piece[index];
        float *w = u->w + p->begin, *m1 = u->moment1 + p->begin, *m2 = u->moment2 + p->begin;
        const float *g = u->grad + p->begin;
        const rates r = rates_of(u, p);
        const float wd = r.weight_decay, lr = r.lr, scale = r.grad_scale, eps = u->eps;
        const float beta1 = u->beta1, beta2 = u->beta2;
        const float c1 = r.correction1, c2 = r.correction2;
        if (!r.active) {
            continue;
        }
#pragma omp simd
        for (int64_t i = 0; i < p->count; i++) {
            kd_adamw_moments_f32(&m1[i], &m2[i], scale * g[i], beta1, beta2);
            kd_adamw_element_f32(&w[i], m1[i], sqrtf(m2[i] / c2), lr, wd, c1, eps);
        }
    }
}

void run_adamw(kd_device *device, const kd_node *node, void *state, void *const *in,
               void *const *out, void *scratch) {
    const update u = update_of(node, state, in, scratch);
    pieces_for(device, &u, adamw_span);
}
