/* SPDX-License-Identifier: Apache-2.0
 * Optimizer updates: one pass over the arenas of parameters, gradients and moments, all tensors in
 * one launch. The arithmetic of an element is in kindred/update.h. LARS needs a pass before, for
 * the norms of each tensor. */
#include "elements.h"
#include "folds.h"
#include "kernels.h"
#include "segments.h"

#include <kindred/update.h>

namespace {

enum optimizer { SGD, LARS, ADAMW };

struct job {
    segments s;
    const float *rates, *grad_scale;
    bool shared_scale; /* one for all segments */
    float *param, *moment1, *moment2;
    const float *grad;
    float momentum, beta1, beta2, eps; /* of whichever has them */
    double trust;
    int variant;
    bool nesterov, clip;
    double *norms; /* [chunks, 3]: squares of w, of g, of d */
    float *ratios; /* [segments] */
};

/* What holds for a segment in this step. */
struct pace {
    bool active;
    float lr, decay, correction1, correction2, grad_scale, ratio;
};

__device__ __forceinline__ pace pace_of(const job &j, int32_t index) {
    const segment s = j.s.segments[index];
    const float *row = j.rates + s.group * KD_RATES;
    pace p;
    p.active = row[KD_RATE_ACTIVE] != 0;
    p.lr = row[KD_RATE_LR];
    p.decay = s.flags & KD_UPDATE_DECAY ? row[KD_RATE_DECAY] : 0;
    p.correction1 = row[KD_RATE_CORRECTION1];
    p.correction2 = row[KD_RATE_CORRECTION2];
    p.grad_scale = j.grad_scale[j.shared_scale ? 0 : index];
    p.ratio = 1;
    return p;
}

template <optimizer O>
__device__ __forceinline__ void step(const job &j, const pace &p, float &w, float g, float &moment1,
                                     float &moment2) {
    g *= p.grad_scale;
    if (O == SGD) {
        kd_sgd_element_f32(&w, &moment1, g + p.decay * w, p.lr, j.momentum, j.nesterov);
    } else if (O == LARS) {
        kd_lars_element_f32(&w, &moment1, p.ratio * (g + p.decay * w), p.lr, j.momentum, j.variant);
    } else {
        kd_adamw_moments_f32(&moment1, &moment2, g, j.beta1, j.beta2);
        kd_adamw_element_f32(&w, moment1, sqrtf(moment2 / p.correction2), p.lr, p.decay,
                             p.correction1, j.eps);
    }
}

template <optimizer O, int N>
__device__ __forceinline__ void step_at(const job &j, const pace &p, int64_t at) {
    pack<float, N> w = load<N>(j.param + at), moment1 = load<N>(j.moment1 + at), moment2 = {};
    const pack<float, N> g = load<N>(j.grad + at);
    if (O == ADAMW) {
        moment2 = load<N>(j.moment2 + at);
    }
#pragma unroll
    for (int k = 0; k < N; k++) {
        step<O>(j, p, w.at[k], g.at[k], moment1.at[k], moment2.at[k]);
    }
    store(j.param + at, w);
    store(j.moment1 + at, moment1);
    if (O == ADAMW) {
        store(j.moment2 + at, moment2);
    }
}

/* Elements before the first that is aligned for packs. */
__device__ __forceinline__ int32_t unaligned(const chunk &c) {
    const int32_t lead = (int32_t)(-c.begin & 3);
    return lead < c.count ? lead : c.count;
}

template <optimizer O> __global__ void __launch_bounds__(THREADS) update_all(job j) {
    const chunk c = j.s.chunks[blockIdx.x];
    pace p = pace_of(j, c.index);
    if (!p.active) {
        return;
    }
    if (O == LARS) {
        p.ratio = j.ratios[c.index];
    }
    const int32_t lead = unaligned(c), packs = (c.count - lead) / 4, rest = lead + packs * 4;
    for (int32_t i = (int32_t)threadIdx.x; i < packs; i += THREADS) {
        step_at<O, 4>(j, p, c.begin + lead + i * 4);
    }
    const int32_t i = (int32_t)threadIdx.x;
    if (i < lead) {
        step_at<O, 1>(j, p, c.begin + i);
    }
    if (i < c.count - rest) {
        step_at<O, 1>(j, p, c.begin + rest + i);
    }
}

/* The squares of a chunk's w, g and d = g + decay w: a thread's in float, then in double. */
__global__ void __launch_bounds__(THREADS) measure(job j) {
    __shared__ double room[WARP];
    const chunk c = j.s.chunks[blockIdx.x];
    const pace p = pace_of(j, c.index);
    float w2 = 0, g2 = 0, d2 = 0;
    for (int32_t i = (int32_t)threadIdx.x; i < c.count; i += THREADS) {
        const float w = j.param[c.begin + i], g = p.grad_scale * j.grad[c.begin + i];
        const float d = g + p.decay * w;
        w2 += w * w;
        g2 += g * g;
        d2 += d * d;
    }
    double *to = j.norms + 3 * (int64_t)blockIdx.x;
    const double all[] = {block_fold<sum>((double)w2, room), block_fold<sum>((double)g2, room),
                          block_fold<sum>((double)d2, room)};
    if (threadIdx.x == 0) {
        to[0] = all[0];
        to[1] = all[1];
        to[2] = all[2];
    }
}

/* A block a segment. */
__global__ void __launch_bounds__(THREADS) conclude(job j) {
    __shared__ double room[WARP];
    const segment s = j.s.segments[blockIdx.x];
    const pace p = pace_of(j, (int32_t)blockIdx.x);
    double norm[3] = {0, 0, 0};
    for (int32_t i = (int32_t)threadIdx.x; i < s.chunks; i += THREADS) {
        for (int k = 0; k < 3; k++) {
            norm[k] += j.norms[3 * (int64_t)(s.first_chunk + i) + k];
        }
    }
    for (int k = 0; k < 3; k++) {
        norm[k] = sqrt(block_fold<sum>(norm[k], room));
    }
    if (threadIdx.x == 0) {
        const double ratio = kd_lars_ratio(j.variant, j.trust, j.clip, (double)p.lr,
                                           (double)p.decay, norm[0], norm[1], norm[2]);
        j.ratios[blockIdx.x] = s.flags & KD_UPDATE_ADAPT ? (float)ratio : 1;
    }
}

/* ---- On the host. ---- */

bool prepare(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
             kd_error *err) {
    if (!accept_types(node, 1u << KD_F32, err)) {
        return false;
    }
    segments *s = (segments *)state_create(sizeof *s, err);
    if (!s || !segments_create(device, node, KD_UPDATE_SEGMENT, 0, 1, s, err)) {
        release_state(device, s);
        return false;
    }
    if (strcmp(node->op, "lars") == 0) {
        *ret_scratch =
            (size_t)s->n_chunks * 3 * sizeof(double) + (size_t)s->n_segments * sizeof(float);
    }
    *ret_state = s;
    return true;
}

void release(kd_device *device, void *state) {
    if (state) {
        segments_destroy(device, (segments *)state);
    }
    release_state(device, state);
}

job job_of(const kd_node *node, const void *state, void *const *in, void *const *out,
           void *scratch) {
    job j = {};
    j.s = *(const segments *)state;
    j.rates = (const float *)in[node->n_inputs - 2];
    j.grad_scale = (const float *)in[node->n_inputs - 1];
    j.shared_scale = kd_elements(&node->inputs[node->n_inputs - 1]) == 1;
    j.param = (float *)out[0];
    j.moment1 = (float *)out[1];
    j.moment2 = node->n_outputs > 2 ? (float *)out[2] : nullptr;
    j.grad = (const float *)in[1];
    j.momentum = (float)kd_attr_float(node, "momentum", 0);
    j.nesterov = kd_attr_int(node, "nesterov", 0) != 0;
    j.beta1 = (float)kd_attr_float(node, "beta1", 0.9);
    j.beta2 = (float)kd_attr_float(node, "beta2", 0.999);
    j.eps = (float)kd_attr_float(node, "eps", 1e-8);
    j.variant = (int)kd_attr_int(node, "variant", KD_LARS_FB);
    j.trust = kd_attr_float(node, "trust", 1e-3);
    j.clip = kd_attr_int(node, "clip", 0) != 0;
    j.norms = (double *)scratch;
    j.ratios = (float *)(j.norms + 3 * (int64_t)j.s.n_chunks);
    return j;
}

template <optimizer O>
void run(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
         void *scratch) {
    const job j = job_of(node, state, in, out, scratch);
    if (j.s.n_chunks == 0) {
        return;
    }
    if (O == LARS) {
        KD_LAUNCH(device, measure, (unsigned)j.s.n_chunks, THREADS, 0, j);
        KD_LAUNCH(device, conclude, (unsigned)j.s.n_segments, THREADS, 0, j);
    }
    KD_LAUNCH(device, update_all<O>, (unsigned)j.s.n_chunks, THREADS, 0, j);
}

} // namespace

extern "C" const kd_kernel cuda_update[] = {
    {sizeof(kd_kernel), 1, "sgd", prepare, run<SGD>, release},
    {sizeof(kd_kernel), 1, "lars", prepare, run<LARS>, release},
    {sizeof(kd_kernel), 1, "adamw", prepare, run<ADAMW>, release},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
