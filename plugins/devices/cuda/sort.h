/* SPDX-License-Identifier: Apache-2.0
 * Sorting 64-bit keys, no two equal, largest first: so there is one order, whatever that of the
 * threads. A block sorts a short list in shared memory; long lists are sorted in scratch, in runs
 * that blocks sort and that are then merged two by two. */
#ifndef CUDA_SORT_H
#define CUDA_SORT_H

#include "device.h"

typedef unsigned long long sort_key; /* not 0 */

#define SORT_RUN 1024 /* keys that a block sorts, in 8 KiB of shared memory */

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of scratch that sort_lists wants, the lists at its beginning. */
size_t sort_scratch(int64_t lists, int64_t length);

/* [run] Sorts keys [lists, length], each list by itself. Returns where in scratch they then lie. */
const sort_key *sort_lists(kd_device *device, sort_key *scratch, int64_t lists, int64_t length);

#ifdef __cplusplus
}
#endif

#ifdef KD_LAUNCH
/* How many of keys [count], in order, come before this one, by bisection. */
static __device__ __forceinline__ int64_t sort_before(const sort_key *keys, int64_t count,
                                                      sort_key key) {
    int64_t low = 0, high = count;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (keys[middle] > key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* list [size] in shared memory, size a power of two. All of the block, of THREADS, calls it. */
static __device__ __forceinline__ void sort_down(sort_key *list, unsigned size) {
    for (unsigned width = 2; width <= size; width *= 2) {
        for (unsigned step = width / 2; step > 0; step /= 2) {
            __syncthreads();
            for (unsigned pair = threadIdx.x; pair < size / 2; pair += THREADS) {
                const unsigned i = 2 * pair - (pair & (step - 1)), other = i + step;
                const sort_key a = list[i], b = list[other];
                if ((a < b) == ((i & width) == 0)) {
                    list[i] = b;
                    list[other] = a;
                }
            }
        }
    }
    __syncthreads();
}
#endif

#endif
