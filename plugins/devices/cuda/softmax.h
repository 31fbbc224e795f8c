/* SPDX-License-Identifier: Apache-2.0
 * Maximum and sum of powers of a row, in one pass over it. A warp takes a row, or a block a long
 * one. */
#ifndef CUDA_SOFTMAX_H
#define CUDA_SOFTMAX_H

#include "elements.h"
#include "folds.h"

namespace {

/* Of the elements seen so far: max, and the sum of exp(x - max). */
struct total {
    float max, sum;
};

/* x - x is 0, or NaN for an infinite maximum, as the definition has it. */
__device__ __forceinline__ void add(total &t, float x) {
    if (x > t.max) {
        t.sum = t.sum * expf(t.max - x) + 1 + (x - x);
        t.max = x;
    } else if (x != -INFINITY) {
        t.sum += expf(x - t.max);
    }
}

/* Of what a row's threads hold. room [WARP] is shared. */
template <class F> __device__ __forceinline__ float over_row(float x, float *room) {
    return blockDim.x == WARP ? warp_fold<F>(x) : block_fold<F>(x, room);
}

/* Of a whole row. */
template <class T>
__device__ __forceinline__ total total_of(const T *row, int64_t length, float *room) {
    total t = {-INFINITY, 0};
    for (int64_t i = threadIdx.x; i < length; i += blockDim.x) {
        add(t, widen(row[i]));
    }
    const float max = over_row<larger>(t.max, room);
    return {max, over_row<sum>(max == t.max ? t.sum : t.sum * expf(t.max - max), room)};
}

/* ---- On the host. ---- */

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
