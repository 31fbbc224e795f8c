/* SPDX-License-Identifier: Apache-2.0
 * Batch normalisation, with residual and ReLU in the same pass: x is read twice and y written once,
 * forward; the gradient reads its inputs twice and writes once. Statistics and their consequences
 * are float whatever the type of x.
 *
 * Sums are taken of x - pivot, the pivot being the channel's first element: a mean that is large
 * against the deviation then costs no digits, and one pass is enough.
 *
 * source  Chan, Golub and LeVeque 1983 on shifted sums; otherwise as the reference device's norm.c
 */
#include "norm.h"

namespace {

/* Blocks a multiprocessor holds at once: their registers are bound to that. */
#define BLOCKS_EACH 4

/* Of channel vectors; NULL: not asked for. */
struct statistics {
    float *mean, *inv_std, *running_mean, *running_var;
    float *scale; /* gamma inv_std, for normalise */
    const float *gamma, *old_mean, *old_var;
    float eps, momentum;
};

__device__ void conclude(const statistics &s, int64_t channel, double pivot, double sum,
                         double squares, double rows) {
    const double shift = sum / rows, variance = squares / rows - shift * shift;
    const double mean = pivot + shift, biased = variance < 0 ? 0 : variance;
    const double unbiased = rows > 1 ? biased * rows / (rows - 1) : biased;
    const float inv_std = (float)(1 / sqrt(biased + (double)s.eps));
    s.mean[channel] = (float)mean;
    s.scale[channel] = s.gamma[channel] * inv_std;
    if (s.inv_std) {
        s.inv_std[channel] = inv_std;
    }
    if (s.running_mean) {
        s.running_mean[channel] =
            (float)((1 - (double)s.momentum) * (double)s.old_mean[channel] + s.momentum * mean);
    }
    if (s.running_var) {
        s.running_var[channel] =
            (float)((1 - (double)s.momentum) * (double)s.old_var[channel] + s.momentum * unbiased);
    }
}

template <class T, int N>
__global__ void __launch_bounds__(THREADS, BLOCKS_EACH)
    measure(tiling t, statistics s, const T *x, float *partial, unsigned *counters) {
    __shared__ float4 room[TILE_ROOM(N) / 4];
    __shared__ float total[TILE_SUMS];
    const channel_place p = channel_place_of<N>(t);
    float pivot[N] = {}, sum[N] = {}, squares[N] = {};
    if (p.any && t.rows) {
        const pack<T, N> first = load<N>(x + p.channel);
        for (int k = 0; k < N; k++) {
            pivot[k] = widen(first.at[k]);
        }
    }
    in_batches<4>(
        p.begin, p.end, p.step,
        [&](int64_t row) { return load<N>(x + row * t.channels + p.channel); },
        [&](int64_t, const pack<T, N> &from) {
#pragma unroll
            for (int k = 0; k < N; k++) {
                const float d = widen(from.at[k]) - pivot[k];
                sum[k] += d;
                squares[k] += d * d;
            }
        });
    if (!fold_tile(t, p, sum, squares, partial, counters, &room[0].x, total)) {
        return;
    }
    const int64_t channel = (int64_t)blockIdx.x * WIDTH<N> + threadIdx.x;
    if ((int)threadIdx.x < WIDTH<N> && channel < t.channels) {
        conclude(s, channel, t.rows ? (double)widen(x[channel]) : 0, (double)total[threadIdx.x],
                 (double)total[WIDTH<N> + threadIdx.x], (double)t.rows);
    }
}

/* scale, where the statistics are given. */
__global__ void __launch_bounds__(THREADS)
    scale_by(int64_t channels, const float *gamma, const float *variance, float eps, float *scale) {
    for (EACH(c, channels)) {
        scale[c] = gamma[c] * (1 / sqrtf(variance[c] + eps));
    }
}

/* What y is made with. */
struct application {
    const float *mean, *scale, *beta;
    bool relu;
};

/* What a pack of y is made from. */
template <class T, int N> struct terms { pack<T, N> x, residual; };

template <class T, int N, bool RESIDUAL>
__global__ void __launch_bounds__(THREADS, BLOCKS_EACH)
    normalise(tiling t, application f, const T *x, const T *residual, T *y) {
    const channel_place p = channel_place_of<N>(t);
    const backwards b = backwards_of(t, p);
    float mean[N] = {}, scale[N] = {}, beta[N] = {};
    load_channels(mean, f.mean, p);
    load_channels(scale, f.scale, p);
    load_channels(beta, f.beta, p);
    in_batches<RESIDUAL ? 2 : 3>(
        b.begin, b.end, b.step,
        [&](int64_t i) {
            const int64_t at = b.at(i);
            terms<T, N> from = {};
            from.x = load<N>(x + at);
            if (RESIDUAL) {
                from.residual = load<N>(residual + at);
            }
            return from;
        },
        [&](int64_t i, const terms<T, N> &from) {
            pack<T, N> to;
#pragma unroll
            for (int k = 0; k < N; k++) {
                float z = apply_norm(widen(from.x.at[k]), mean[k], scale[k], beta[k]);
                z = RESIDUAL ? z + widen(from.residual.at[k]) : z;
                to.at[k] = narrow<T>(f.relu && z < 0 ? 0 : z);
            }
            store_whole(y + b.at(i), to);
        });
}

/* ---- On the host. ---- */

bool prepare(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
             kd_error *err) {
    return norm_prepare(device, node, &node->inputs[0], BLOCKS_EACH, ret_state, ret_scratch, err);
}

template <class T, int N>
void apply(kd_device *device, const norm_plan *p, const application *f, void *const *in,
           bool residual, void *y) {
    const T *x = (const T *)in[0];
    if (residual) {
        KD_LAUNCH(device, (normalise<T, N, true>), grid_of(&p->applied), THREADS, 0, p->applied, *f,
                  x, (const T *)in[5], (T *)y);
    } else {
        KD_LAUNCH(device, (normalise<T, N, false>), grid_of(&p->applied), THREADS, 0, p->applied,
                  *f, x, (const T *)nullptr, (T *)y);
    }
}

application application_of(const kd_node *node, void *const *in, const float *mean,
                           const float *scale) {
    return {mean, scale, (const float *)in[2], kd_attr_int(node, "relu", 0) != 0};
}

template <class T, int N>
void forward(kd_device *device, const kd_node *node, const norm_plan *p, void *const *in,
             void *const *out, void *scratch) {
    statistics s = {};
    s.mean = node->n_outputs > 1 ? (float *)out[1] : scratch_vector(p, scratch, 0);
    s.scale = scratch_vector(p, scratch, 1);
    s.inv_std = node->n_outputs > 2 ? (float *)out[2] : nullptr;
    s.running_mean = node->n_outputs > 3 ? (float *)out[3] : nullptr;
    s.running_var = node->n_outputs > 4 ? (float *)out[4] : nullptr;
    s.gamma = (const float *)in[1];
    s.old_mean = (const float *)in[3];
    s.old_var = (const float *)in[4];
    s.eps = (float)kd_attr_float(node, "eps", 1e-5);
    s.momentum = (float)kd_attr_float(node, "momentum", 0.1);
    KD_LAUNCH(device, (measure<T, N>), grid_of(&p->summed), THREADS, 0, p->summed, s,
              (const T *)in[0], (float *)scratch, p->counters);
    const application f = application_of(node, in, s.mean, s.scale);
    apply<T, N>(device, p, &f, in, node->n_inputs > 5, out[0]);
}

void run(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
         void *scratch) {
    const norm_plan *p = (const norm_plan *)state;
    if (p->summed.tiles == 0) {
        return;
    }
    const bool half = node->inputs[0].dtype == KD_BF16, packs = p->summed.elements > 1;
    if (half) {
        packs ? forward<bf16, PACK<bf16>>(device, node, p, in, out, scratch)
              : forward<bf16, 1>(device, node, p, in, out, scratch);
    } else {
        packs ? forward<float, PACK<float>>(device, node, p, in, out, scratch)
              : forward<float, 1>(device, node, p, in, out, scratch);
    }
}

void run_inference(kd_device *device, const kd_node *node, void *state, void *const *in,
                   void *const *out, void *scratch) {
    const norm_plan *p = (const norm_plan *)state;
    if (kd_elements(&node->inputs[0]) == 0) {
        return;
    }
    float *scale = scratch_vector(p, scratch, 0);
    KD_LAUNCH(device, scale_by, blocks_for(p->applied.channels), THREADS, 0, p->applied.channels,
              (const float *)in[1], (const float *)in[4], (float)kd_attr_float(node, "eps", 1e-5),
              scale);
    const application f = application_of(node, in, (const float *)in[3], scale);
    const bool half = node->inputs[0].dtype == KD_BF16, packs = p->applied.elements > 1;
    const bool residual = node->n_inputs > 5;
    if (half) {
        packs ? apply<bf16, PACK<bf16>>(device, p, &f, in, residual, out[0])
              : apply<bf16, 1>(device, p, &f, in, residual, out[0]);
    } else {
        packs ? apply<float, PACK<float>>(device, p, &f, in, residual, out[0])
              : apply<float, 1>(device, p, &f, in, residual, out[0]);
    }
}

} // namespace

extern "C" const kd_kernel cuda_norm[] = {
    {sizeof(kd_kernel), 1 | 1u << 5, "batch_norm", prepare, run, norm_release},
    {sizeof(kd_kernel), 1 | 1u << 5, "batch_norm_in_place", prepare, run, norm_release},
    {sizeof(kd_kernel), 1 | 1u << 5, "batch_norm_inference", prepare, run_inference, norm_release},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
