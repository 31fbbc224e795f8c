/* SPDX-License-Identifier: Apache-2.0
 * Maximum and sum of powers of a row, in one pass over it. A warp takes a row, or a block a long
 * one. */
#ifndef CUDA_SOFTMAX_H
#define CUDA_SOFTMAX_H

#include "elements.h"
#include "folds.h"

namespace {

/* with(i, pack) for the block's packs of a row, whose length is a multiple of N; two are loaded
 * before the first is used. */
template <int N, class T, class With>
__device__ __forceinline__ void for_packs(const T *row, int64_t length, const With &with) {
    const int64_t by = (int64_t)blockDim.x * N;
    int64_t i = (int64_t)threadIdx.x * N;
    for (; i + by < length; i += 2 * by) {
        const pack<T, N> first = load<N>(row + i), second = load<N>(row + i + by);
        with(i, first);
        with(i + by, second);
    }
    if (i < length) {
        with(i, load<N>(row + i));
    }
}

/* Of the elements seen so far: max, and the sum of exp(x - max). */
struct total {
    float max, sum;
};

/* -infinity counts nothing, even where there is no other yet; +infinity and NaN give NaN. */
template <class T, int N> __device__ __forceinline__ void add(total &t, const pack<T, N> &x) {
    float max = t.max;
#pragma unroll
    for (int k = 0; k < N; k++) {
        max = widen(x.at[k]) > max ? widen(x.at[k]) : max;
    }
    const float level = max == -INFINITY ? 0 : max;
    t.sum *= expf(t.max - level);
    t.max = max;
#pragma unroll
    for (int k = 0; k < N; k++) {
        t.sum += expf(widen(x.at[k]) - level);
    }
}

/* Of what a row's threads hold. room [WARP] is shared. */
template <class F> __device__ __forceinline__ float over_row(float x, float *room) {
    return blockDim.x == WARP ? warp_fold<F>(x) : block_fold<F>(x, room);
}

/* Of a whole row. */
template <int N, class T>
__device__ __forceinline__ total total_of(const T *row, int64_t length, float *room) {
    total t = {-INFINITY, 0};
    for_packs<N>(row, length, [&](int64_t, const pack<T, N> &x) { add(t, x); });
    const float max = over_row<larger>(t.max, room);
    return {max, over_row<sum>(max == t.max ? t.sum : t.sum * expf(t.max - max), room)};
}

/* ---- On the host. ---- */

/* Do rows consist of whole packs? */
inline bool comes_in_packs(const kd_spec *x) {
    return x->dim[x->rank - 1] * (int64_t)kd_dtype_bytes(x->dtype) % 16 == 0;
}

inline dim3 row_block(int64_t length) {
    const unsigned threads = length > 1024 ? THREADS : WARP;
    return dim3(threads, THREADS / threads);
}

inline unsigned row_blocks(int64_t rows, int64_t length) {
    const int64_t lines = row_block(length).y;
    return (unsigned)((rows + lines - 1) / lines);
}

} // namespace

#endif
