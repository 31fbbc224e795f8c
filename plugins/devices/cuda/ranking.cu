/* SPDX-License-Identifier: Apache-2.0
 * argmax and top_k along the last axis. Elements are compared by rank: value and index in one
 * integer, so that no two are equal and the order of threads cannot matter.
 *
 * top_k, a block a row: digit by digit from the top, a histogram says which digit the k-th largest
 * rank has, until exactly k ranks are at or above what is known of it (radix select); these are
 * collected and sorted, in shared memory, or in scratch when they are more than a block sorts. */
#include "elements.h"
#include "folds.h"
#include "kernels.h"
#include "sort.h"

namespace {

typedef sort_key rank;

struct higher {
    static __device__ __forceinline__ rank fold(rank a, rank b) {
        return a > b ? a : b;
    }
};

/* A NaN never wins, but in front, where nothing is larger. */
template <class T>
__global__ void __launch_bounds__(THREADS)
    find_largest(const T *x, int32_t *y, int64_t rows, int64_t length) {
    __shared__ rank room[WARP];
    const int64_t row = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    const bool any = row < rows;
    rank best = 0;
    for (int64_t i = threadIdx.x; any && i < length; i += blockDim.x) {
        best = higher::fold(best, rank_of(widen(x[row * length + i]), i));
    }
    best = blockDim.x == WARP ? warp_fold<higher>(best) : block_fold<higher>(best, room);
    if (any && threadIdx.x == 0) {
        const number_of<T> first = widen(x[row * length]);
        y[row] = first == first ? index_of_rank(best) : 0;
    }
}

#define DIGIT 8
#define DIGITS (1 << DIGIT) /* as many as threads */
static_assert(DIGITS == THREADS, "a thread a digit");

/* The threads' counts added up, up to and including one's own. room [THREADS / WARP] */
__device__ unsigned add_up(unsigned count, unsigned *room) {
    for (unsigned by = 1; by < WARP; by *= 2) {
        const unsigned before = __shfl_up_sync(ALL_LANES, count, by);
        count += threadIdx.x % WARP >= by ? before : 0;
    }
    if (threadIdx.x % WARP == WARP - 1) {
        room[threadIdx.x / WARP] = count;
    }
    __syncthreads();
    for (unsigned warp = 0; warp < threadIdx.x / WARP; warp++) {
        count += room[warp];
    }
    return count;
}

/* The smallest r such that k elements of the row have a rank of r or more. */
template <class T> __device__ rank threshold(const T *row, int64_t length, unsigned k) {
    __shared__ unsigned histogram[DIGITS], room[THREADS / WARP];
    __shared__ unsigned digit, wanted, there;
    rank known = 0;
    unsigned missing = k;
    for (int shift = 64 - DIGIT; shift >= 0; shift -= DIGIT) {
        histogram[threadIdx.x] = 0;
        __syncthreads();
        for (int64_t i = threadIdx.x; i < length; i += THREADS) {
            const rank r = rank_of(widen(row[i]), i);
            if (shift + DIGIT == 64 || (r ^ known) >> (shift + DIGIT) == 0) {
                atomicAdd(&histogram[r >> shift & (DIGITS - 1)], 1u);
            }
        }
        __syncthreads();
        const unsigned own = DIGITS - 1 - threadIdx.x, count = histogram[own];
        const unsigned so_far = add_up(count, room);
        if (so_far >= missing && so_far - count < missing) {
            digit = own;
            wanted = missing - (so_far - count);
            there = count;
        }
        __syncthreads();
        known |= (rank)digit << shift;
        missing = wanted;
        if (there == missing) {
            break;
        }
    }
    return known;
}

/* Those k elements into list [k], in any order. */
template <class T>
__device__ __forceinline__ void collect(const T *row, int64_t length, unsigned k, rank *list) {
    __shared__ unsigned found;
    const rank least = threshold(row, length, k);
    if (threadIdx.x == 0) {
        found = 0;
    }
    __syncthreads();
    for (int64_t i = threadIdx.x; i < length; i += THREADS) {
        const rank r = rank_of(widen(row[i]), i);
        if (r >= least) {
            list[atomicAdd(&found, 1u)] = r;
        }
    }
}

/* What goes out: for each rank the element and, where they are asked for, its index. */
template <class T> struct top {
    T *values;
    int32_t *indices; /* NULL: not asked for */
};

template <class T>
__device__ __forceinline__ void put(const top<T> &to, int64_t at, const T *row, rank r) {
    const int32_t index = index_of_rank(r);
    to.values[at] = row[index];
    if (to.indices) {
        to.indices[at] = index;
    }
}

template <class T>
__global__ void __launch_bounds__(THREADS)
    find_top(const T *x, top<T> to, int64_t length, unsigned k, unsigned size) {
    KD_DYNAMIC_SHARED(rank, list); /* [size] */
    const T *row = x + blockIdx.x * length;
    for (unsigned i = k + threadIdx.x; i < size; i += THREADS) {
        list[i] = 0;
    }
    collect(row, length, k, list);
    sort_down(list, size);
    for (unsigned i = threadIdx.x; i < k; i += THREADS) {
        put(to, blockIdx.x * (int64_t)k + i, row, list[i]);
    }
}

/* lists [rows, k]: what is above the threshold of each row. */
template <class T>
__global__ void __launch_bounds__(THREADS)
    collect_all(const T *x, rank *lists, int64_t length, unsigned k) {
    collect(x + blockIdx.x * length, length, k, lists + blockIdx.x * (int64_t)k);
}

template <class T>
__global__ void __launch_bounds__(THREADS)
    put_all(const T *x, const rank *lists, top<T> to, int64_t length, unsigned k, int64_t count) {
    for (EACH(i, count)) {
        put(to, i, x + i / k * length, lists[i]);
    }
}

/* ---- On the host. ---- */

int64_t last_of(const kd_spec *spec) {
    return spec->dim[spec->rank - 1];
}

bool prepare(kd_device *, const kd_node *node, void **, size_t *, kd_error *err) {
    if (!accept_types(node, FLOATS | 1u << KD_I32, err)) {
        return false;
    }
    return last_of(&node->inputs[0]) <= INT32_MAX ||
           refuse(node, "rows are of 2^31 elements or more", err);
}

bool prepare_top_k(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                   kd_error *err) {
    const int64_t k = last_of(&node->outputs[0]);
    if (k > SORT_RUN) {
        *ret_scratch = sort_scratch(kd_elements(&node->outputs[0]) / k, k);
    }
    return prepare(device, node, ret_state, ret_scratch, err);
}

template <class T> void largest_of(kd_device *device, const kd_spec *spec, const void *x, void *y) {
    const int64_t length = last_of(spec), rows = kd_elements(spec) / length;
    const int threads = length > 1024 ? THREADS : WARP, lines = THREADS / threads;
    KD_LAUNCH(device, find_largest<T>, (unsigned)((rows + lines - 1) / lines),
              dim3((unsigned)threads, (unsigned)lines), 0, (const T *)x, (int32_t *)y, rows,
              length);
}

void run_argmax(kd_device *device, const kd_node *node, void *, void *const *in, void *const *out,
                void *) {
    const kd_spec *x = &node->inputs[0];
    if (kd_elements(x) == 0) {
        return;
    }
    switch (x->dtype) {
    case KD_F32:
        return largest_of<float>(device, x, in[0], out[0]);
    case KD_BF16:
        return largest_of<bf16>(device, x, in[0], out[0]);
    default:
        return largest_of<int32_t>(device, x, in[0], out[0]);
    }
}

template <class T>
void top_of(kd_device *device, const kd_node *node, const void *in, void *const *out,
            void *scratch) {
    const T *x = (const T *)in;
    const top<T> to = {(T *)out[0], node->n_outputs > 1 ? (int32_t *)out[1] : nullptr};
    const int64_t length = last_of(&node->inputs[0]), k = last_of(&node->outputs[0]);
    const int64_t rows = kd_elements(&node->inputs[0]) / length;
    if (k > SORT_RUN) {
        rank *lists = (rank *)scratch;
        KD_LAUNCH(device, collect_all<T>, (unsigned)rows, THREADS, 0, x, lists, length,
                  (unsigned)k);
        const rank *sorted = sort_lists(device, lists, rows, k);
        KD_LAUNCH(device, put_all<T>, blocks_for(rows * k), THREADS, 0, x, sorted, to, length,
                  (unsigned)k, rows * k);
        return;
    }
    unsigned size = 2;
    while (size < k) {
        size *= 2;
    }
    KD_LAUNCH(device, find_top<T>, (unsigned)rows, THREADS, size * sizeof(rank), x, to, length,
              (unsigned)k, size);
}

void run_top_k(kd_device *device, const kd_node *node, void *, void *const *in, void *const *out,
               void *scratch) {
    if (kd_elements(&node->inputs[0]) == 0) {
        return;
    }
    switch (node->inputs[0].dtype) {
    case KD_F32:
        return top_of<float>(device, node, in[0], out, scratch);
    case KD_BF16:
        return top_of<bf16>(device, node, in[0], out, scratch);
    default:
        return top_of<int32_t>(device, node, in[0], out, scratch);
    }
}

} // namespace

extern "C" const kd_kernel cuda_ranking[] = {
    {sizeof(kd_kernel), 0, "argmax", prepare, run_argmax, nullptr},
    {sizeof(kd_kernel), 0, "top_k", prepare_top_k, run_top_k, nullptr},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
