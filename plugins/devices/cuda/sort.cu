/* SPDX-License-Identifier: Apache-2.0
 * Sorting lists in device memory: runs in shared memory, one a block, then merges of two runs in
 * which each key finds its place by itself: behind as many as are before it in its own run and, by
 * bisection, in the other. */
#include "elements.h"

#include "sort.h"

namespace {

/* A block a run. */
__global__ void __launch_bounds__(THREADS) sort_runs(sort_key *keys, int64_t length, int64_t runs) {
    __shared__ sort_key run[SORT_RUN];
    const int64_t begin = blockIdx.x % runs * SORT_RUN;
    const int64_t left = length - begin, count = left < SORT_RUN ? left : SORT_RUN;
    sort_key *own = keys + blockIdx.x / runs * length + begin;
    for (int64_t i = threadIdx.x; i < SORT_RUN; i += THREADS) {
        run[i] = i < count ? own[i] : 0;
    }
    sort_down(run, SORT_RUN);
    for (int64_t i = threadIdx.x; i < count; i += THREADS) {
        own[i] = run[i];
    }
}

/* to: the lists of `from`, of `count` keys together, with every two runs of `width`,
 * a power of two, as one. */
__global__ void __launch_bounds__(THREADS)
    merge_runs(const sort_key *from, sort_key *to, int64_t count, int64_t length, int64_t width) {
    for (EACH(i, count)) {
        const int64_t list = i / length * length, at = i - list;
        const int64_t own = at & -width, other = own ^ width, pair = own & ~width;
        const int64_t left = length - other, there = left < width ? left : width;
        const sort_key key = from[i];
        to[list + pair + (at - own) + sort_before(from + list + other, there, key)] = key;
    }
}

} // namespace

size_t sort_scratch(int64_t lists, int64_t length) {
    return 2 * (size_t)(lists * length) * sizeof(sort_key);
}

const sort_key *sort_lists(kd_device *device, sort_key *scratch, int64_t lists, int64_t length) {
    const int64_t runs = (length + SORT_RUN - 1) / SORT_RUN, count = lists * length;
    sort_key *from = scratch, *to = scratch + count;
    KD_LAUNCH(device, sort_runs, (unsigned)(lists * runs), THREADS, 0, from, length, runs);
    for (int64_t width = SORT_RUN; width < length; width *= 2) {
        KD_LAUNCH(device, merge_runs, blocks_for(count), THREADS, 0, (const sort_key *)from, to,
                  count, length, width);
        sort_key *merged = to;
        to = from;
        from = merged;
    }
    return from;
}
