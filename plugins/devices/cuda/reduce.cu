/* SPDX-License-Identifier: Apache-2.0
 * sum and max over any axes, accumulated in float or i32.
 *
 * Where the innermost axis is reduced, a warp or a block folds one output's elements (rows); where
 * it is kept, threads lie along it and each folds its own columns. Long reductions into few outputs
 * are cut into splits, whose results are folded as columns by a second launch. All cuts depend on
 * shapes alone. */
#include "elements.h"
#include "folds.h"
#include "kernels.h"
#include "walk.h"

#include <climits>

namespace {

struct largest {
    template <class T> static __device__ __forceinline__ T start();
    /* A NaN stays. */
    template <class T> static __device__ __forceinline__ T fold(T a, T b) {
        return a >= b || a != a ? a : b;
    }
};
template <> __device__ __forceinline__ float largest::start<float>() {
    return -INFINITY;
}
template <> __device__ __forceinline__ int32_t largest::start<int32_t>() {
    return INT_MIN;
}

/* Both walks have one operand, x: over its kept axes, which are the outputs in order, and over its
 * reduced ones. */
struct reduction {
    walk kept, reduced;
    int64_t split; /* steps of `reduced` */
};

/* with(pack) for steps begin, begin + by, ... of a walk over x, in this order; several are loaded
 * before the first is used. */
template <int N, class From, class With>
__device__ __forceinline__ void for_steps(const walk &w, const From *x, int64_t begin, int64_t end,
                                          int64_t by, const With &with) {
    constexpr int AHEAD = N > 4 ? 4 : 8;
    for (int64_t i = begin; i < end; i += AHEAD * by) {
        pack<From, N> from[AHEAD] = {};
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            if (i + k * by < end) {
                int64_t at[1];
                walk_locate(w, (uint32_t)(i + k * by), at);
                from[k] = load<N>(x + at[0]);
            }
        }
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            if (i + k * by < end) {
                with(from[k]);
            }
        }
    }
}

/* y [splits, kept]. blockDim.x threads an output: WARP of them, or the block. */
template <class F, class From, class To, int N>
__global__ void __launch_bounds__(THREADS) fold_rows(reduction r, const From *x, To *y) {
    typedef number_of<From> A;
    __shared__ A room[WARP];
    const int64_t output = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    const bool any = output < r.kept.count;
    int64_t row[1];
    walk_locate(r.kept, (uint32_t)(any ? output : 0), row);
    const int64_t begin = blockIdx.y * r.split, stop = begin + r.split;
    const int64_t end = !any ? 0 : stop < r.reduced.count ? stop : r.reduced.count;
    A total = F::template start<A>();
    for_steps<N>(r.reduced, x + row[0], begin + threadIdx.x, end, blockDim.x,
                 [&](const pack<From, N> &from) {
#pragma unroll
                     for (int k = 0; k < N; k++) {
                         total = F::fold(total, widen(from.at[k]));
                     }
                 });
    total = blockDim.x == WARP ? warp_fold<F>(total) : block_fold<F>(total, room);
    if (any && threadIdx.x == 0) {
        y[blockIdx.y * r.kept.count + output] = narrow<To>(total);
    }
}

#define LANES 32 /* along the kept axis */
#define LINES (THREADS / LANES)

/* y [splits, kept], N outputs a thread. */
template <class F, class From, class To, int N>
__global__ void __launch_bounds__(THREADS) fold_columns(reduction r, const From *x, To *y) {
    typedef number_of<From> A;
    __shared__ A room[LINES][LANES * N];
    const int64_t step = (int64_t)blockIdx.x * LANES + threadIdx.x;
    const bool any = step < r.kept.count;
    int64_t column[1];
    walk_locate(r.kept, (uint32_t)(any ? step : 0), column);
    const int64_t begin = blockIdx.y * r.split, stop = begin + r.split;
    const int64_t end = !any ? 0 : stop < r.reduced.count ? stop : r.reduced.count;
    A total[N];
    for (int k = 0; k < N; k++) {
        total[k] = F::template start<A>();
    }
    for_steps<N>(r.reduced, x + column[0], begin + threadIdx.y, end, LINES,
                 [&](const pack<From, N> &from) {
#pragma unroll
                     for (int k = 0; k < N; k++) {
                         total[k] = F::fold(total[k], widen(from.at[k]));
                     }
                 });
    for (int k = 0; k < N; k++) {
        room[threadIdx.y][threadIdx.x * N + k] = total[k];
    }
    __syncthreads();
    for (int k = threadIdx.y; any && k < N; k += LINES) {
        A all = room[0][threadIdx.x * N + k];
        for (int line = 1; line < LINES; line++) {
            all = F::fold(all, room[line][threadIdx.x * N + k]);
        }
        y[(blockIdx.y * r.kept.count + step) * N + k] = narrow<To>(all);
    }
}

/* ---- On the host. ---- */

struct plan {
    reduction first, second; /* second: over the splits of the first */
    bool rows, largest;
    int threads; /* an output, of rows */
    int64_t splits;
};

/* The axes of x that are reduced, or those that are kept. */
axes axes_of(const kd_node *node, bool reduced) {
    const kd_spec *x = &node->inputs[0];
    uint32_t listed, mask = 0;
    const int64_t *list = kd_attr_ints(node, "axes", &listed);
    for (uint32_t i = 0; i < listed; i++) {
        mask |= 1u << (list[i] < 0 ? list[i] + x->rank : list[i]);
    }
    mask = listed ? mask : ~0u;
    int64_t own[KD_MAX_RANK];
    dense_strides(x, own);
    axes a = {};
    a.operands = 1;
    for (int axis = 0; axis < x->rank; axis++) {
        if ((mask >> axis & 1) == (reduced ? 1u : 0u)) {
            a.dim[a.rank] = x->dim[axis];
            a.stride[0][a.rank++] = own[axis];
        }
    }
    return a;
}

/* Does the axis along which x has neighbours belong to these? */
bool has_neighbours(const axes *a) {
    for (int axis = 0; axis < a->rank; axis++) {
        if (a->dim[axis] > 1 && a->stride[0][axis] == 1) {
            return true;
        }
    }
    return false;
}

int64_t at_least_one(int64_t x) {
    return x < 1 ? 1 : x;
}

int64_t parts(int64_t count, int64_t size) {
    return (count + size - 1) / size;
}

int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Blocks that keep a large GPU busy. */
#define ENOUGH_BLOCKS 512

void cut(plan *p) {
    const int64_t kept = at_least_one(p->first.kept.count), all = p->first.reduced.count;
    p->threads = all > 512 ? THREADS : WARP;
    const int64_t blocks = p->rows ? kept : parts(kept, LANES);
    const int64_t most = p->rows ? parts(all, 8 * THREADS) : parts(all, 8 * LINES);
    p->splits = at_least_one(least(ENOUGH_BLOCKS / blocks, most));
    p->first.split = at_least_one(parts(all, p->splits));
    p->splits = at_least_one(parts(all, p->first.split));
}

bool plan_make(const kd_node *node, plan *p, kd_error *err) {
    const int elements = (int)(16 / kd_dtype_bytes(node->inputs[0].dtype));
    const axes kept = axes_of(node, false), reduced = axes_of(node, true);
    p->largest = strcmp(node->op, "max") == 0;
    p->rows = has_neighbours(&reduced) || !has_neighbours(&kept);
    if (!walk_create(node, &kept, p->rows ? 1 : elements, &p->first.kept, err) ||
        !walk_create(node, &reduced, p->rows ? elements : 1, &p->first.reduced, err)) {
        return false;
    }
    /* A pack must lie as one in every row or column. */
    walk *packed = p->rows ? &p->first.reduced : &p->first.kept;
    const walk *other = p->rows ? &p->first.kept : &p->first.reduced;
    for (int axis = 0; axis < other->rank; axis++) {
        if (packed->elements > 1 && other->stride[0][axis] % packed->elements != 0 &&
            !walk_create(node, p->rows ? &reduced : &kept, 1, packed, err)) {
            return false;
        }
    }
    cut(p);
    const int64_t outputs = kd_elements(&node->outputs[0]);
    axes partial_kept = {}, partial_reduced = {};
    partial_kept.rank = partial_reduced.rank = partial_kept.operands = partial_reduced.operands = 1;
    partial_kept.dim[0] = outputs;
    partial_kept.stride[0][0] = 1;
    partial_reduced.dim[0] = p->splits;
    partial_reduced.stride[0][0] = outputs;
    p->second.split = p->splits;
    return walk_create(node, &partial_kept, 1, &p->second.kept, err) &&
           walk_create(node, &partial_reduced, 1, &p->second.reduced, err);
}

bool prepare(kd_device *, const kd_node *node, void **ret_state, size_t *ret_scratch,
             kd_error *err) {
    plan p = {};
    if (!accept_types(node, FLOATS | 1u << KD_I32, err) || !plan_make(node, &p, err)) {
        return false;
    }
    plan *state = (plan *)state_create(sizeof p, err);
    if (!state) {
        return false;
    }
    *state = p;
    *ret_state = state;
    if (p.splits > 1) {
        *ret_scratch = (size_t)(p.splits * kd_elements(&node->outputs[0])) * sizeof(float);
    }
    return true;
}

template <class F, class From, class To, int N>
void launch_rows(kd_device *device, const plan *p, const From *x, To *y) {
    const int lines = THREADS / p->threads;
    const dim3 grid((unsigned)parts(p->first.kept.count, lines), (unsigned)p->splits);
    KD_LAUNCH(device, (fold_rows<F, From, To, N>), grid,
              dim3((unsigned)p->threads, (unsigned)lines), 0, p->first, x, y);
}

template <class F, class From, class To, int N>
void launch_columns(kd_device *device, const reduction *r, int64_t splits, const From *x, To *y) {
    const dim3 grid((unsigned)parts(r->kept.count, LANES), (unsigned)splits);
    KD_LAUNCH(device, (fold_columns<F, From, To, N>), grid, dim3(LANES, LINES), 0, *r, x, y);
}

template <class F, class From, class To>
void launch_first(kd_device *device, const plan *p, const From *x, To *y) {
    const walk *packed = p->rows ? &p->first.reduced : &p->first.kept;
    if (p->rows && packed->elements > 1) {
        launch_rows<F, From, To, PACK<From>>(device, p, x, y);
    } else if (p->rows) {
        launch_rows<F, From, To, 1>(device, p, x, y);
    } else if (packed->elements > 1) {
        launch_columns<F, From, To, PACK<From>>(device, &p->first, p->splits, x, y);
    } else {
        launch_columns<F, From, To, 1>(device, &p->first, p->splits, x, y);
    }
}

template <class F, class From, class To>
void reduce(kd_device *device, const plan *p, const void *x, void *y, void *scratch) {
    typedef number_of<From> A;
    if (p->splits == 1) {
        return launch_first<F, From, To>(device, p, (const From *)x, (To *)y);
    }
    launch_first<F, From, A>(device, p, (const From *)x, (A *)scratch);
    launch_columns<F, A, To, 1>(device, &p->second, 1, (const A *)scratch, (To *)y);
}

template <class T>
void reduce_of(kd_device *device, const plan *p, const void *x, void *y, void *scratch) {
    if (p->largest) {
        reduce<largest, T, T>(device, p, x, y, scratch);
    } else {
        reduce<sum, T, T>(device, p, x, y, scratch);
    }
}

void run(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
         void *scratch) {
    const plan *p = (const plan *)state;
    if (kd_elements(&node->outputs[0]) == 0) {
        return;
    }
    const bool widens = node->outputs[0].dtype == KD_F32;
    switch (node->inputs[0].dtype) {
    case KD_F32:
        return reduce_of<float>(device, p, in[0], out[0], scratch);
    case KD_BF16:
        return widens ? reduce<sum, bf16, float>(device, p, in[0], out[0], scratch)
                      : reduce_of<bf16>(device, p, in[0], out[0], scratch);
    default:
        return reduce_of<int32_t>(device, p, in[0], out[0], scratch);
    }
}

} // namespace

extern "C" const kd_kernel cuda_reduce[] = {
    {sizeof(kd_kernel), 0, "sum", prepare, run, release_state},
    {sizeof(kd_kernel), 0, "wide_sum", prepare, run, release_state},
    {sizeof(kd_kernel), 0, "max", prepare, run, release_state},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
