/* SPDX-License-Identifier: Apache-2.0
 * The gradient of batch normalisation, through ReLU and into the residual: one pass for the two
 * sums of a channel, one for dx. Where the gradient of the residual is asked for, it is dz, the
 * gradient before ReLU: the first pass writes it, and the second reads it instead of dy and y; dy
 * may then come as two that are to be added.
 * Where there was no residual, both passes make again from x what ReLU was given, and read no y. */
#include "norm.h"

namespace {

/* Where dy counts: everywhere, where y > 0, where z is, made again from x. */
enum gate { OPEN, BY_Y, BY_X };

struct vectors {
    const float *gamma, *beta, *mean, *inv_std; /* beta: for BY_X alone */
    float *dgamma, *dbeta;
};

template <class T> struct operands {
    const T *dy, *more, *x, *y; /* more: to be added to dy, or NULL */
    T *dx, *dz;                 /* dz NULL: nobody asks for it */
};

/* What belongs to the channels of a thread. */
template <int N> struct own_channels {
    float mean[N], scale[N], beta[N];
};

template <int N, gate G>
__device__ __forceinline__ own_channels<N> own_channels_of(const vectors &v,
                                                           const channel_place &p) {
    own_channels<N> own = {};
    for (int k = 0; p.any && k < N; k++) {
        const int64_t c = p.channel + k;
        own.mean[k] = v.mean[c];
        own.scale[k] = v.gamma[c] * v.inv_std[c];
        own.beta[k] = G == BY_X ? v.beta[c] : 0;
    }
    return own;
}

/* dz of what lies at `at`, of which `from` is x. */
template <gate G, class T, int N>
__device__ __forceinline__ pack<T, N> before_relu(const operands<T> &o, const pack<T, N> &from,
                                                  int64_t at, const own_channels<N> &own) {
    pack<T, N> d = load<N>(o.dy + at), seen = from, more = {};
    if (G == BY_Y) {
        seen = load<N>(o.y + at);
    }
    if (o.more) {
        more = load<N>(o.more + at);
    }
#pragma unroll
    for (int k = 0; k < N; k++) {
        const float x = widen(seen.at[k]);
        const float z = G == BY_X ? apply_norm(x, own.mean[k], own.scale[k], own.beta[k]) : x;
        const float whole = widen(d.at[k]) + widen(more.at[k]);
        d.at[k] = narrow<T>(G == OPEN || z > 0 ? whole : 0);
    }
    return d;
}

/* For more blocks at once the registers of BY_X do not suffice. */
template <gate G> constexpr int BLOCKS_EACH = G == BY_X ? 3 : 4;

template <class T, int N, gate G>
__global__ void __launch_bounds__(THREADS, BLOCKS_EACH<G>)
    sum_up(tiling t, vectors v, operands<T> o, float *partial, unsigned *counters) {
    __shared__ float4 room[TILE_ROOM(N) / 4];
    __shared__ float total[TILE_SUMS];
    const channel_place p = channel_place_of(t);
    const own_channels<N> own = own_channels_of<N, G>(v, p);
    float dgamma[N] = {}, dbeta[N] = {};
#pragma unroll 2
    for (int64_t row = p.begin; row < p.end; row += t.lines) {
        const int64_t at = row * t.channels + p.channel;
        const pack<T, N> from = load<N>(o.x + at), d = before_relu<G>(o, from, at, own);
#pragma unroll
        for (int k = 0; k < N; k++) {
            dgamma[k] += widen(d.at[k]) * (widen(from.at[k]) - own.mean[k]);
            dbeta[k] += widen(d.at[k]);
        }
        if (o.dz) {
            store(o.dz + at, d);
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
template <class T, int N, gate G>
__global__ void __launch_bounds__(THREADS)
    pass_back(tiling t, vectors v, operands<T> o) {
    const channel_place p = channel_place_of(t);
    const own_channels<N> own = own_channels_of<N, G>(v, p);
    float level[N] = {}, slope[N] = {};
    for (int k = 0; p.any && k < N; k++) {
        const int64_t c = p.channel + k;
        level[k] = v.dbeta[c] / (float)t.rows;
        slope[k] = v.inv_std[c] * (v.dgamma[c] / (float)t.rows);
    }
    for (int64_t row = p.begin; row < p.end; row += t.lines) {
        const int64_t at = row * t.channels + p.channel;
        const pack<T, N> from = load<N>(o.x + at), d = before_relu<G>(o, from, at, own);
        pack<T, N> to;
#pragma unroll
        for (int k = 0; k < N; k++) {
            const float off = widen(from.at[k]) - own.mean[k];
            to.at[k] = narrow<T>(own.scale[k] * (widen(d.at[k]) - level[k] - off * slope[k]));
        }
        store(o.dx + at, to);
    }
}

/* ---- On the host. ---- */

template <gate G>
bool prepare(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
             kd_error *err) {
    const int blocks = BLOCKS_EACH<G> == 3 ? THREE_EACH : FOUR_EACH;
    return norm_prepare(device, node, &node->inputs[1], blocks, ret_state, ret_scratch, err);
}

template <class T, int N, gate G>
void launch(kd_device *device, const norm_plan *p, const vectors &v, const operands<T> &o,
            float *partial) {
    KD_LAUNCH(device, (sum_up<T, N, G>), grid_of(&p->summed), THREADS, 0, p->summed, v, o,
              partial, p->counters);
    if (!o.dz) {
        KD_LAUNCH(device, (pass_back<T, N, G>), grid_of(&p->applied), THREADS, 0, p->applied, v, o);
        return;
    }
    operands<T> kept = {};
    kept.dy = o.dz;
    kept.x = o.x;
    kept.dx = o.dx;
    KD_LAUNCH(device, (pass_back<T, N, OPEN>), grid_of(&p->applied), THREADS, 0, p->applied, v,
              kept);
}

/* G: what the op's third input, y or beta, is for. */
template <class T, int N, gate G>
void backward(kd_device *device, const kd_node *node, const norm_plan *p, void *const *in,
              void *const *out, void *scratch) {
    float *own = (float *)((char *)scratch + p->partial);
    vectors v = {};
    v.gamma = (const float *)in[3];
    v.beta = G == BY_X ? (const float *)in[2] : nullptr;
    v.mean = (const float *)in[4];
    v.inv_std = (const float *)in[5];
    v.dgamma = node->n_outputs > 1 ? (float *)out[1] : own;
    v.dbeta = node->n_outputs > 2 ? (float *)out[2] : own + p->summed.channels;
    operands<T> o = {};
    o.dy = (const T *)in[0];
    o.more = node->n_inputs > 6 ? (const T *)in[6] : nullptr;
    o.x = (const T *)in[1];
    o.y = G == BY_Y ? (const T *)in[2] : nullptr;
    o.dx = (T *)out[0];
    o.dz = node->n_outputs > 3 ? (T *)out[3] : nullptr;
    if (kd_attr_int(node, "relu", 0) != 0) {
        launch<T, N, G>(device, p, v, o, (float *)scratch);
    } else {
        launch<T, N, OPEN>(device, p, v, o, (float *)scratch);
    }
}

template <gate G>
void run(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
         void *scratch) {
    const norm_plan *p = (const norm_plan *)state;
    if (p->summed.tiles == 0) {
        return;
    }
    const bool half = node->inputs[1].dtype == KD_BF16, packs = p->summed.elements > 1;
    if (half) {
        packs ? backward<bf16, PACK<bf16>, G>(device, node, p, in, out, scratch)
              : backward<bf16, 1, G>(device, node, p, in, out, scratch);
    } else {
        packs ? backward<float, PACK<float>, G>(device, node, p, in, out, scratch)
              : backward<float, 1, G>(device, node, p, in, out, scratch);
    }
}

} // namespace

extern "C" const kd_kernel cuda_norm_grad[] = {
    {sizeof(kd_kernel), 3, "batch_norm_grad", prepare<BY_Y>, run<BY_Y>, norm_release},
    {sizeof(kd_kernel), 3 | 1u << 6, "batch_norm_grad_of_sum", prepare<BY_Y>, run<BY_Y>, norm_release},
    {sizeof(kd_kernel), 3, "batch_norm_grad_from_x", prepare<BY_X>, run<BY_X>, norm_release},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
