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
    float *dgamma, *dbeta;                      /* NULL: not asked for */
    float *scale, *level, *slope;               /* what pass_back needs, of sum_up */
};

/* What of dz is kept, and what of: nothing, dz, or dz where dy is a sum of two. */
enum keep { NONE, DZ, DZ_OF_SUM };

template <class T> struct operands {
    const T *dy, *more, *x, *y; /* more: to be added to dy, with DZ_OF_SUM */
    T *dx, *dz;
};

/* What belongs to the channels of a thread. */
template <int N> struct own_channels { float mean[N], scale[N], beta[N]; };

/* What a pack of dz and of dx is made from. */
template <class T, int N> struct terms { pack<T, N> x, dy, y, more; };

template <gate G, keep K, int N, class T>
__device__ __forceinline__ terms<T, N> load_terms(const operands<T> &o, int64_t at) {
    terms<T, N> from = {};
    from.x = load<N>(o.x + at);
    from.dy = load<N>(o.dy + at);
    if (G == BY_Y) {
        from.y = load<N>(o.y + at);
    }
    if (K == DZ_OF_SUM) {
        from.more = load<N>(o.more + at);
    }
    return from;
}

template <gate G, keep K, class T, int N>
__device__ __forceinline__ pack<T, N> before_relu(const terms<T, N> &from,
                                                  const own_channels<N> &own) {
    pack<T, N> dz;
#pragma unroll
    for (int k = 0; k < N; k++) {
        const float x = widen(from.x.at[k]);
        const float z =
            G == BY_X ? apply_norm(x, own.mean[k], own.scale[k], own.beta[k]) : widen(from.y.at[k]);
        const float dy = widen(from.dy.at[k]);
        const float whole = K == DZ_OF_SUM ? dy + widen(from.more.at[k]) : dy;
        dz.at[k] = narrow<T>(G == OPEN || z > 0 ? whole : 0);
    }
    return dz;
}

/* Blocks a multiprocessor holds at once; for more their registers do not suffice. */
#define BLOCKS_EACH 3

/* off: the sum of dz (x - mean). */
__device__ void conclude(const vectors &v, int64_t channel, float off, float dbeta, float rows) {
    const float inv_std = v.inv_std[channel], dgamma = off * inv_std;
    v.scale[channel] = v.gamma[channel] * inv_std;
    v.level[channel] = dbeta / rows;
    v.slope[channel] = inv_std * (dgamma / rows);
    if (v.dgamma) {
        v.dgamma[channel] = dgamma;
    }
    if (v.dbeta) {
        v.dbeta[channel] = dbeta;
    }
}

template <class T, int N, gate G, keep K>
__global__ void __launch_bounds__(THREADS, BLOCKS_EACH)
    sum_up(tiling t, vectors v, operands<T> o, float *partial, unsigned *counters) {
    __shared__ float4 room[TILE_ROOM(N) / 4];
    __shared__ float total[TILE_SUMS];
    const channel_place p = channel_place_of<N>(t);
    own_channels<N> own = {};
    load_channels(own.mean, v.mean, p);
    if (G == BY_X) {
        float inv_std[N];
        load_channels(inv_std, v.inv_std, p);
        load_channels(own.scale, v.gamma, p);
        load_channels(own.beta, v.beta, p);
        for (int k = 0; k < N; k++) {
            own.scale[k] *= inv_std[k];
        }
    }
    float dgamma[N] = {}, dbeta[N] = {};
    in_batches<2>(
        p.begin, p.end, p.step,
        [&](int64_t row) { return load_terms<G, K, N>(o, row * t.channels + p.channel); },
        [&](int64_t row, const terms<T, N> &from) {
            const pack<T, N> dz = before_relu<G, K>(from, own);
#pragma unroll
            for (int k = 0; k < N; k++) {
                dgamma[k] += widen(dz.at[k]) * (widen(from.x.at[k]) - own.mean[k]);
                dbeta[k] += widen(dz.at[k]);
            }
            if (K != NONE) {
                store(o.dz + row * t.channels + p.channel, dz);
            }
        });
    if (!fold_tile(t, p, dgamma, dbeta, partial, counters, &room[0].x, total)) {
        return;
    }
    const int64_t channel = (int64_t)blockIdx.x * WIDTH<N> + threadIdx.x;
    if ((int)threadIdx.x < WIDTH<N> && channel < t.channels) {
        conclude(v, channel, total[threadIdx.x], total[WIDTH<N> + threadIdx.x], (float)t.rows);
    }
}

/* dx = gamma inv_std (dz - dbeta / rows - (x - mean) inv_std dgamma / rows)
 *    = scale (dz - level - (x - mean) slope)
 * With BY_X a row more is under way in each of fewer blocks, for which the registers suffice. */
template <class T, int N, gate G>
__global__ void __launch_bounds__(THREADS, G == BY_X ? 2 : BLOCKS_EACH)
    pass_back(tiling t, vectors v, operands<T> o) {
    const channel_place p = channel_place_of<N>(t);
    const backwards b = backwards_of(t, p);
    own_channels<N> own = {};
    float level[N], slope[N];
    load_channels(own.mean, v.mean, p);
    load_channels(own.scale, v.scale, p);
    load_channels(level, v.level, p);
    load_channels(slope, v.slope, p);
    if (G == BY_X) {
        load_channels(own.beta, v.beta, p);
    }
    in_batches<G == BY_X ? 3 : 2>(
        b.begin, b.end, b.step, [&](int64_t i) { return load_terms<G, NONE, N>(o, b.at(i)); },
        [&](int64_t i, const terms<T, N> &from) {
            const pack<T, N> dz = before_relu<G, NONE>(from, own);
            pack<T, N> to;
#pragma unroll
            for (int k = 0; k < N; k++) {
                const float off = widen(from.x.at[k]) - own.mean[k];
                to.at[k] = narrow<T>(own.scale[k] * (widen(dz.at[k]) - level[k] - off * slope[k]));
            }
            store_whole(o.dx + b.at(i), to);
        });
}

/* ---- On the host. ---- */

bool prepare(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
             kd_error *err) {
    return norm_prepare(device, node, &node->inputs[1], BLOCKS_EACH, ret_state, ret_scratch, err);
}

template <class T, int N, gate G, keep K>
void launch(kd_device *device, const norm_plan *p, const vectors &v, const operands<T> &o,
            float *partial) {
    KD_LAUNCH(device, (sum_up<T, N, G, K>), grid_of(&p->summed), THREADS, 0, p->summed, v, o,
              partial, p->counters);
    if (K == NONE) {
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

template <class T, int N, gate G>
void launch(kd_device *device, const norm_plan *p, const vectors &v, const operands<T> &o,
            float *partial) {
    if (!o.dz) {
        launch<T, N, G, NONE>(device, p, v, o, partial);
    } else if (!o.more) {
        launch<T, N, G, DZ>(device, p, v, o, partial);
    } else {
        launch<T, N, G, DZ_OF_SUM>(device, p, v, o, partial);
    }
}

/* G: what the op's third input, y or beta, is for. */
template <class T, int N, gate G>
void backward(kd_device *device, const kd_node *node, const norm_plan *p, void *const *in,
              void *const *out, void *scratch) {
    vectors v = {};
    v.gamma = (const float *)in[3];
    v.beta = G == BY_X ? (const float *)in[2] : nullptr;
    v.mean = (const float *)in[4];
    v.inv_std = (const float *)in[5];
    v.dgamma = node->n_outputs > 1 ? (float *)out[1] : nullptr;
    v.dbeta = node->n_outputs > 2 ? (float *)out[2] : nullptr;
    v.scale = scratch_vector(p, scratch, 0);
    v.level = scratch_vector(p, scratch, 1);
    v.slope = scratch_vector(p, scratch, 2);
    operands<T> o = {};
    o.dy = (const T *)in[0];
    o.more = node->n_inputs > 6 ? (const T *)in[6] : nullptr;
    o.x = (const T *)in[1];
    o.y = G == BY_Y ? (const T *)in[2] : nullptr;
    o.dx = (T *)out[0];
    o.dz = node->n_outputs > 3 ? (T *)out[3] : nullptr;
    const bool relu = kd_attr_int(node, "relu", 0) != 0;
    if (relu && G == BY_X) {
        launch<T, N, BY_X, NONE>(device, p, v, o, (float *)scratch);
    } else if (relu) {
        launch<T, N, BY_Y>(device, p, v, o, (float *)scratch);
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
    {sizeof(kd_kernel), 3, "batch_norm_grad", prepare, run<BY_Y>, norm_release},
    {sizeof(kd_kernel), 3 | 1u << 6, "batch_norm_grad_of_sum", prepare, run<BY_Y>, norm_release},
    {sizeof(kd_kernel), 3, "batch_norm_grad_from_x", prepare, run<BY_X>, norm_release},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
