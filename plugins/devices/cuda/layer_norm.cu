/* SPDX-License-Identifier: Apache-2.0
 * Layer normalisation over the last axis, and its gradient. A warp takes a row, half of one a short
 * row, or a block a long one: it comes from memory once and from the cache after that. The
 * gradients of gamma and beta are sums over all rows, taken before dx, which may lie over dy or x.
 */
#include "channels.h"
#include "kernels.h"

namespace {

/* x [rows, length], in steps of N. */
struct rows_of {
    int64_t rows;
    int32_t steps, length;
};

/* The sum over a row of what its threads hold. */
__device__ __forceinline__ float row_fold(float x, float *room) {
    if (blockDim.x > WARP) {
        return block_fold<sum>(x, room);
    }
    for (int with = (int)blockDim.x / 2; with > 0; with /= 2) {
        x += __shfl_xor_sync(ALL_LANES, x, with);
    }
    return x;
}

template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    normalise(rows_of r, float eps, const T *x, const float *gamma, const float *beta, T *y,
              float *mean, float *inv_std) {
    __shared__ float room[WARP];
    const int64_t row = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    const bool any = row < r.rows;
    const int32_t steps = any ? r.steps : 0;
    const T *from = x + row * r.length;
    float total = 0, squares = 0;
    for (int32_t i = (int32_t)threadIdx.x; i < steps; i += (int32_t)blockDim.x) {
        const pack<T, N> at = load<N>(from + i * N);
#pragma unroll
        for (int k = 0; k < N; k++) {
            total += widen(at.at[k]);
        }
    }
    const float middle = row_fold(total, room) / (float)r.length;
    for (int32_t i = (int32_t)threadIdx.x; i < steps; i += (int32_t)blockDim.x) {
        const pack<T, N> at = load<N>(from + i * N);
#pragma unroll
        for (int k = 0; k < N; k++) {
            const float d = widen(at.at[k]) - middle;
            squares += d * d;
        }
    }
    const float scale = 1 / sqrtf(row_fold(squares, room) / (float)r.length + eps);
    for (int32_t i = (int32_t)threadIdx.x; i < steps; i += (int32_t)blockDim.x) {
        const pack<T, N> at = load<N>(from + i * N);
        const pack<float, N> times = load<N>(gamma + i * N), plus = load<N>(beta + i * N);
        pack<T, N> to;
#pragma unroll
        for (int k = 0; k < N; k++) {
            const float normal = (widen(at.at[k]) - middle) * scale;
            to.at[k] = narrow<T>(normal * times.at[k] + plus.at[k]);
        }
        store(y + row * r.length + i * N, to);
    }
    if (any && threadIdx.x == 0 && mean) {
        mean[row] = middle;
    }
    if (any && threadIdx.x == 0 && inv_std) {
        inv_std[row] = scale;
    }
}

/* dx = inv_std (d - mean(d) - n mean(d n)), d = dy gamma, n = (x - mean) inv_std */
template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    pass_back(rows_of r, const T *dy, const T *x, const float *gamma, const float *mean,
              const float *inv_std, T *dx) {
    __shared__ float room[WARP];
    const int64_t row = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    const bool any = row < r.rows;
    const int32_t steps = any ? r.steps : 0;
    const float middle = any ? mean[row] : 0, scale = any ? inv_std[row] : 0;
    const T *from = x + row * r.length, *back = dy + row * r.length;
    float level = 0, slope = 0;
    for (int32_t i = (int32_t)threadIdx.x; i < steps; i += (int32_t)blockDim.x) {
        const pack<T, N> at = load<N>(from + i * N), d = load<N>(back + i * N);
        const pack<float, N> times = load<N>(gamma + i * N);
#pragma unroll
        for (int k = 0; k < N; k++) {
            const float weighted = widen(d.at[k]) * times.at[k];
            level += weighted;
            slope += weighted * (widen(at.at[k]) - middle) * scale;
        }
    }
    level = row_fold(level, room) / (float)r.length;
    slope = row_fold(slope, room) / (float)r.length;
    for (int32_t i = (int32_t)threadIdx.x; i < steps; i += (int32_t)blockDim.x) {
        const pack<T, N> at = load<N>(from + i * N), d = load<N>(back + i * N);
        const pack<float, N> times = load<N>(gamma + i * N);
        pack<T, N> to;
#pragma unroll
        for (int k = 0; k < N; k++) {
            const float normal = (widen(at.at[k]) - middle) * scale;
            const float weighted = widen(d.at[k]) * times.at[k];
            to.at[k] = narrow<T>(scale * (weighted - level - normal * slope));
        }
        store(dx + row * r.length + i * N, to);
    }
}

template <class T, int N>
__global__ void __launch_bounds__(THREADS, 4)
    sum_up(tiling t, const T *dy, const T *x, const float *mean, const float *inv_std,
           float *dgamma, float *dbeta, float *partial, unsigned *counters) {
    __shared__ float4 room[TILE_ROOM(N) / 4];
    __shared__ float total[TILE_SUMS];
    const channel_place p = channel_place_of<N>(t);
    float gammas[N] = {}, betas[N] = {};
    for (int64_t row = p.begin; row < p.end; row += p.step) {
        const int64_t at = row * t.channels + p.channel;
        const pack<T, N> from = load<N>(x + at), d = load<N>(dy + at);
        const float middle = mean[row], scale = inv_std[row];
#pragma unroll
        for (int k = 0; k < N; k++) {
            gammas[k] += widen(d.at[k]) * (widen(from.at[k]) - middle) * scale;
            betas[k] += widen(d.at[k]);
        }
    }
    if (!fold_tile(t, p, gammas, betas, partial, counters, &room[0].x, total)) {
        return;
    }
    const int64_t channel = (int64_t)blockIdx.x * WIDTH<N> + threadIdx.x;
    if ((int)threadIdx.x < WIDTH<N> && channel < t.channels) {
        dgamma[channel] = total[threadIdx.x];
        dbeta[channel] = total[WIDTH<N> + threadIdx.x];
    }
}

/* ---- On the host. ---- */

struct plan {
    rows_of r;
    tiling t;
    unsigned *counters; /* [tiles] in device memory; NULL forward */
    size_t partial;     /* bytes of the partial sums; after them, vectors nobody asked for */
};

void release(kd_device *device, void *state) {
    if (state && ((plan *)state)->counters) {
        constant_destroy(device, ((plan *)state)->counters);
    }
    release_state(device, state);
}

plan *plan_create(const kd_node *node, const kd_spec *x, kd_error *err) {
    if (!accept_types(node, FLOATS, err)) {
        return nullptr;
    }
    const int64_t length = x->dim[x->rank - 1];
    if (length > INT32_MAX) {
        refuse(node, "rows are of 2^31 elements or more", err);
        return nullptr;
    }
    plan *p = (plan *)state_create(sizeof *p, err);
    if (p) {
        p->t = tiling_of(x, 4, 512);
        p->r = {p->t.rows, (int32_t)length / p->t.elements, (int32_t)length};
    }
    return p;
}

bool prepare(kd_device *, const kd_node *node, void **ret_state, size_t *, kd_error *err) {
    *ret_state = plan_create(node, &node->inputs[0], err);
    return *ret_state != nullptr;
}

bool prepare_grad(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                  kd_error *err) {
    plan *p = plan_create(node, &node->inputs[1], err);
    if (!p || !counters_create(device, &p->t, &p->counters, err)) {
        release_state(device, p);
        return false;
    }
    p->partial = tiling_scratch(&p->t);
    *ret_scratch = p->partial + 2 * (size_t)p->t.channels * sizeof(float);
    *ret_state = p;
    return true;
}

/* A warp a row up to this many steps; half of one up to the fewer where a warp's last turn would
 * have work for no more than half of it. */
#define WARP_STEPS 256
#define HALF_STEPS 64

dim3 block_of(const rows_of *r) {
    const int32_t left = r->steps % WARP;
    const bool half = r->steps <= HALF_STEPS && left > 0 && left <= WARP / 2;
    const unsigned threads = r->steps > WARP_STEPS ? THREADS : half ? WARP / 2 : WARP;
    return dim3(threads, THREADS / threads);
}

unsigned blocks_of(const rows_of *r) {
    const int64_t lines = block_of(r).y;
    return (unsigned)((r->rows + lines - 1) / lines);
}

template <class T, int N>
void forward(kd_device *device, const kd_node *node, const plan *p, void *const *in,
             void *const *out) {
    KD_LAUNCH(device, (normalise<T, N>), blocks_of(&p->r), block_of(&p->r), 0, p->r,
              (float)kd_attr_float(node, "eps", 1e-5), (const T *)in[0], (const float *)in[1],
              (const float *)in[2], (T *)out[0], node->n_outputs > 1 ? (float *)out[1] : nullptr,
              node->n_outputs > 2 ? (float *)out[2] : nullptr);
}

void run(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
         void *) {
    const plan *p = (const plan *)state;
    if (kd_elements(&node->inputs[0]) == 0) {
        return;
    }
    const bool packs = p->t.elements > 1;
    if (node->inputs[0].dtype == KD_BF16) {
        packs ? forward<bf16, PACK<bf16>>(device, node, p, in, out)
              : forward<bf16, 1>(device, node, p, in, out);
    } else {
        packs ? forward<float, PACK<float>>(device, node, p, in, out)
              : forward<float, 1>(device, node, p, in, out);
    }
}

template <class T, int N>
void backward(kd_device *device, const kd_node *node, const plan *p, void *const *in,
              void *const *out, void *scratch) {
    float *own = (float *)((char *)scratch + p->partial);
    float *dgamma = node->n_outputs > 1 ? (float *)out[1] : own;
    float *dbeta = node->n_outputs > 2 ? (float *)out[2] : own + p->t.channels;
    const T *dy = (const T *)in[0], *x = (const T *)in[1];
    const float *gamma = (const float *)in[2], *mean = (const float *)in[3];
    const float *inv_std = (const float *)in[4];
    KD_LAUNCH(device, (sum_up<T, N>), dim3((unsigned)p->t.tiles, (unsigned)p->t.splits), THREADS, 0,
              p->t, dy, x, mean, inv_std, dgamma, dbeta, (float *)scratch, p->counters);
    if (p->r.rows) {
        KD_LAUNCH(device, (pass_back<T, N>), blocks_of(&p->r), block_of(&p->r), 0, p->r, dy, x,
                  gamma, mean, inv_std, (T *)out[0]);
    }
}

void run_grad(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch) {
    const plan *p = (const plan *)state;
    if (p->t.tiles == 0) {
        return;
    }
    const bool packs = p->t.elements > 1;
    if (node->inputs[1].dtype == KD_BF16) {
        packs ? backward<bf16, PACK<bf16>>(device, node, p, in, out, scratch)
              : backward<bf16, 1>(device, node, p, in, out, scratch);
    } else {
        packs ? backward<float, PACK<float>>(device, node, p, in, out, scratch)
              : backward<float, 1>(device, node, p, in, out, scratch);
    }
}

} // namespace

extern "C" const kd_kernel cuda_layer_norm[] = {
    {sizeof(kd_kernel), 1, "layer_norm", prepare, run, release},
    {sizeof(kd_kernel), 3, "layer_norm_grad", prepare_grad, run_grad, release},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
