/* SPDX-License-Identifier: Apache-2.0
 * The gradient of batch normalisation, through ReLU and into the residual: one pass for the two
 * sums of a channel, one for dx. Where the gradient of the residual is asked for, it is dz, the
 * gradient before ReLU: the first pass writes it, and the second reads it instead of dy and y. */
#include "norm.h"

namespace {

struct vectors {
    const float *gamma, *mean, *inv_std;
    float *dgamma, *dbeta;
};

/* dy where y > 0, or dy where y is NULL. */
template <class T, int N>
__device__ __forceinline__ pack<T, N> before_relu(const T *dy, const T *y, int64_t at) {
    pack<T, N> d = load<N>(dy + at);
    if (y) {
        const pack<T, N> open = load<N>(y + at);
#pragma unroll
        for (int k = 0; k < N; k++) {
            d.at[k] = widen(open.at[k]) > 0 ? d.at[k] : narrow<T>(0);
        }
    }
    return d;
}

template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    sum_up(tiling t, vectors v, const T *dy, const T *x, const T *y, T *dz, float *partial,
           unsigned *counters) {
    __shared__ float4 room[TILE_ROOM(N) / 4];
    __shared__ float total[TILE_SUMS];
    const channel_place p = channel_place_of(t);
    float mean[N] = {}, dgamma[N] = {}, dbeta[N] = {};
    for (int k = 0; p.any && k < N; k++) {
        mean[k] = v.mean[p.channel + k];
    }
#pragma unroll 2
    for (int64_t row = p.begin; row < p.end; row += t.lines) {
        const int64_t at = row * t.channels + p.channel;
        const pack<T, N> from = load<N>(x + at), d = before_relu<T, N>(dy, y, at);
#pragma unroll
        for (int k = 0; k < N; k++) {
            dgamma[k] += widen(d.at[k]) * (widen(from.at[k]) - mean[k]);
            dbeta[k] += widen(d.at[k]);
        }
        if (dz) {
            store(dz + at, d);
        }
    }
    if (!fold_tile(t, p, dgamma, dbeta, partial, counters, &room[0].x, total)) {
        return;
    }
    const int64_t channel = (int64_t)blockIdx.x * t.width + threadIdx.x;
    if ((int)threadIdx.x < t.width && channel < t.channels) {
        v.dgamma[channel] = total[threadIdx.x] * v.inv_std[channel];
        v.dbeta[channel] = total[t.width + threadIdx.x];
    }
}

/* dx = gamma inv_std (dz - dbeta / rows - (x - mean) inv_std dgamma / rows) */
template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    pass_back(tiling t, vectors v, const T *dy, const T *x, const T *y, T *dx) {
    const channel_place p = channel_place_of(t);
    float mean[N] = {}, scale[N] = {}, level[N] = {}, slope[N] = {};
    for (int k = 0; p.any && k < N; k++) {
        const int64_t c = p.channel + k;
        mean[k] = v.mean[c];
        scale[k] = v.gamma[c] * v.inv_std[c];
        level[k] = v.dbeta[c] / (float)t.rows;
        slope[k] = v.inv_std[c] * (v.dgamma[c] / (float)t.rows);
    }
    for (int64_t row = p.begin; row < p.end; row += t.lines) {
        const int64_t at = row * t.channels + p.channel;
        const pack<T, N> from = load<N>(x + at), d = before_relu<T, N>(dy, y, at);
        pack<T, N> to;
#pragma unroll
        for (int k = 0; k < N; k++) {
            const float off = widen(from.at[k]) - mean[k];
            to.at[k] = narrow<T>(scale[k] * (widen(d.at[k]) - level[k] - off * slope[k]));
        }
        store(dx + at, to);
    }
}

/* ---- On the host. ---- */

bool prepare(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
             kd_error *err) {
    return norm_prepare(device, node, &node->inputs[1], ret_state, ret_scratch, err);
}

template <class T, int N>
void backward(kd_device *device, const kd_node *node, const norm_plan *p, void *const *in,
              void *const *out, void *scratch) {
    float *own = (float *)((char *)scratch + p->partial);
    vectors v = {};
    v.gamma = (const float *)in[3];
    v.mean = (const float *)in[4];
    v.inv_std = (const float *)in[5];
    v.dgamma = node->n_outputs > 1 ? (float *)out[1] : own;
    v.dbeta = node->n_outputs > 2 ? (float *)out[2] : own + p->summed.channels;
    const T *dy = (const T *)in[0], *x = (const T *)in[1];
    const T *y = kd_attr_int(node, "relu", 0) != 0 ? (const T *)in[2] : nullptr;
    T *dz = node->n_outputs > 3 ? (T *)out[3] : nullptr;
    KD_LAUNCH(device, (sum_up<T, N>), grid_of(&p->summed), THREADS, 0, p->summed, v, dy, x, y, dz,
              (float *)scratch, p->counters);
    KD_LAUNCH(device, (pass_back<T, N>), grid_of(&p->applied), THREADS, 0, p->applied, v,
              dz ? dz : dy, x, dz ? nullptr : y, (T *)out[0]);
}

void run(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
         void *scratch) {
    const norm_plan *p = (const norm_plan *)state;
    if (p->summed.tiles == 0) {
        return;
    }
    const bool half = node->inputs[1].dtype == KD_BF16, packs = p->summed.elements > 1;
    if (half) {
        packs ? backward<bf16, PACK<bf16>>(device, node, p, in, out, scratch)
              : backward<bf16, 1>(device, node, p, in, out, scratch);
    } else {
        packs ? backward<float, PACK<float>>(device, node, p, in, out, scratch)
              : backward<float, 1>(device, node, p, in, out, scratch);
    }
}

} // namespace

extern "C" const kd_kernel cuda_norm_grad[] = {
    {sizeof(kd_kernel), 3, "batch_norm_grad", prepare, run, norm_release},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
