/* SPDX-License-Identifier: Apache-2.0
 * argmax and top_k along the last axis. Elements are compared by rank: value and index in one
 * integer, so that no two are equal and the order of threads cannot matter.
 *
 * top_k, a block a row: digit by digit from the top, a histogram says which digit the k-th largest
 * rank has, until exactly k ranks are at or above what is known of it (radix select); these are
 * collected and sorted in shared memory. */
#include "elements.h"
#include "folds.h"
#include "kernels.h"

namespace {

typedef unsigned long long rank;

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

/* Largest first. list [size], size a power of two. */
__device__ void sort_down(rank *list, unsigned size) {
    for (unsigned width = 2; width <= size; width *= 2) {
        for (unsigned step = width / 2; step > 0; step /= 2) {
            __syncthreads();
            for (unsigned i = threadIdx.x; i < size; i += THREADS) {
                const unsigned other = i ^ step;
                const rank a = list[i], b = list[other < size ? other : i];
                const bool down = (i & width) == 0;
                if (other > i && (a < b) == down) {
                    list[i] = b;
                    list[other] = a;
                }
            }
        }
    }
    __syncthreads();
}

template <class T>
__global__ void __launch_bounds__(THREADS)
    find_top(const T *x, T *values, int32_t *indices, int64_t length, unsigned k, unsigned size) {
    KD_DYNAMIC_SHARED(rank, list); /* [size] */
    __shared__ unsigned found;
    const T *row = x + blockIdx.x * length;
    const rank least = threshold(row, length, k);
    if (threadIdx.x == 0) {
        found = 0;
    }
    for (unsigned i = threadIdx.x; i < size; i += THREADS) {
        list[i] = 0;
    }
    __syncthreads();
    for (int64_t i = threadIdx.x; i < length; i += THREADS) {
        const rank r = rank_of(widen(row[i]), i);
        if (r >= least) {
            list[atomicAdd(&found, 1u)] = r;
        }
    }
    sort_down(list, size);
    for (unsigned i = threadIdx.x; i < k; i += THREADS) {
        const int32_t index = index_of_rank(list[i]);
        values[blockIdx.x * (int64_t)k + i] = row[index];
        if (indices) {
            indices[blockIdx.x * (int64_t)k + i] = index;
        }
    }
}

/* ---- On the host. ---- */

#define MOST_K 4096 /* ranks in shared memory that every device has */

int64_t last_of(const kd_spec *spec) {
    return spec->dim[spec->rank - 1];
}

bool prepare(kd_device *, const kd_node *node, void **, size_t *, kd_error *err) {
    const kd_spec *x = &node->inputs[0];
    if (!accept_types(node, FLOATS | 1u << KD_I32, err)) {
        return false;
    }
    if (last_of(x) > INT32_MAX) {
        return refuse(node, "rows are of 2^31 elements or more", err);
    }
    if (strcmp(node->op, "top_k") == 0 && last_of(&node->outputs[0]) > MOST_K) {
        return refuse(node, "k is above 4096", err);
    }
    return true;
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
void top_of(kd_device *device, const kd_node *node, const void *x, void *const *out) {
    const int64_t length = last_of(&node->inputs[0]);
    const unsigned k = (unsigned)last_of(&node->outputs[0]);
    unsigned size = 2;
    while (size < k) {
        size *= 2;
    }
    int32_t *indices = node->n_outputs > 1 ? (int32_t *)out[1] : nullptr;
    KD_LAUNCH(device, find_top<T>, (unsigned)(kd_elements(&node->inputs[0]) / length), THREADS,
              size * sizeof(rank), (const T *)x, (T *)out[0], indices, length, k, size);
}

void run_top_k(kd_device *device, const kd_node *node, void *, void *const *in, void *const *out,
               void *) {
    if (kd_elements(&node->inputs[0]) == 0) {
        return;
    }
    switch (node->inputs[0].dtype) {
    case KD_F32:
        return top_of<float>(device, node, in[0], out);
    case KD_BF16:
        return top_of<bf16>(device, node, in[0], out);
    default:
        return top_of<int32_t>(device, node, in[0], out);
    }
}

} // namespace

extern "C" const kd_kernel cuda_ranking[] = {
    {sizeof(kd_kernel), 0, "argmax", prepare, run_argmax, nullptr},
    {sizeof(kd_kernel), 0, "top_k", prepare, run_top_k, nullptr},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
