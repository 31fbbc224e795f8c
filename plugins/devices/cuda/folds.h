/* SPDX-License-Identifier: Apache-2.0
 * Folding values of many threads into one, always in the same order, so that two runs give the same
 * bits: within a warp, within a block, and between blocks.
 *
 * Between blocks there is one way, and no other: each block stores what it found, asks
 * block_is_last, and the last one to ask folds all that was stored, in the order of blocks. */
#ifndef CUDA_FOLDS_H
#define CUDA_FOLDS_H

#include "launch.h"

#include <cstdint>

#define WARP 32
#define ALL_LANES 0xffffffffu

struct sum {
    template <class T> static __device__ __forceinline__ T start() {
        return 0;
    }
    template <class T> static __device__ __forceinline__ T fold(T a, T b) {
        return a + b;
    }
};

struct larger {
    template <class T> static __device__ __forceinline__ T fold(T a, T b) {
        return a > b ? a : b;
    }
};

/* The same in all lanes. All of the warp calls it. */
template <class F, class T> __device__ __forceinline__ T warp_fold(T x) {
#pragma unroll
    for (int with = WARP / 2; with > 0; with /= 2) {
        x = F::fold(x, __shfl_xor_sync(ALL_LANES, x, with));
    }
    return x;
}

/* The same in all threads. All of the block calls it, whose first dimension is a multiple of WARP
 * and its only one; room [WARP] is shared memory that nobody else uses. */
template <class F, class T> __device__ __forceinline__ T block_fold(T x, T *room) {
    x = warp_fold<F>(x);
    __syncthreads();
    if (threadIdx.x % WARP == 0) {
        room[threadIdx.x / WARP] = x;
    }
    __syncthreads();
    x = room[0];
    for (unsigned warp = 1; warp < blockDim.x / WARP; warp++) {
        x = F::fold(x, room[warp]);
    }
    return x;
}

/* Is this the last of `blocks` to get here? Then it sees, through __ldcg, all that the others
 * stored before they asked. counter is 0 before, and again after. The whole block calls it; `room`
 * is shared.
 *
 * One thread's fences do for its block: what the others stored lies, by the barrier, before its
 * fence, and fences are cumulative.
 *
 * source  PTX ISA, memory consistency model: causality order, release and acquire patterns */
__device__ __forceinline__ bool block_is_last(unsigned *counter, unsigned blocks, unsigned *room) {
    __syncthreads();
    if (threadIdx.x == 0 && threadIdx.y == 0) {
        __threadfence();
        *room = atomicAdd(counter, 1u);
        if (*room == blocks - 1) {
            __threadfence();
            *counter = 0;
        }
    }
    __syncthreads();
    return *room == blocks - 1;
}

/* Floats in the order of unsigned integers: -0 as +0, every NaN below all else; likewise i32. */
__device__ __forceinline__ uint32_t order_of(float x) {
    const uint32_t bits = __float_as_uint(x + 0.0f);
    return x != x ? 0 : bits >> 31 ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ uint32_t order_of(int32_t x) {
    return (uint32_t)x ^ 0x80000000u;
}

/* Larger for larger values, among equals for lower indices; no two are equal. */
template <class N> __device__ __forceinline__ unsigned long long rank_of(N x, int64_t index) {
    return (unsigned long long)order_of(x) << 32 | (uint32_t) ~(uint32_t)index;
}
__device__ __forceinline__ int32_t index_of_rank(unsigned long long rank) {
    return (int32_t) ~(uint32_t)rank;
}

#endif
