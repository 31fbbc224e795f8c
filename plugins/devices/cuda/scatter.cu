/* SPDX-License-Identifier: Apache-2.0
 * Into rows by their index: scatter_add and scatter_rows. An index that names no row is skipped,
 * and reported.
 *
 * Sums are taken in the order of the indices: a block owns one row of the output and looks for its
 * index in the whole list, 32 at a time. A long list is sorted first, by row and then by place, for
 * the search would be as many steps as there are rows and indices multiplied. */
#include "channels.h"
#include "kernels.h"
#include "picks.h"
#include "sort.h"

namespace {

/* What a thread adds up: N neighbours in a row. */
template <class T, int N> struct row_sum {
    number_of<T> total[N];

    __device__ __forceinline__ void add(const pack<T, N> &from) {
#pragma unroll
        for (int k = 0; k < N; k++) {
            total[k] += widen(from.at[k]);
        }
    }
    __device__ __forceinline__ void end(T *y) const {
        pack<T, N> to;
#pragma unroll
        for (int k = 0; k < N; k++) {
            to.at[k] = narrow<T>(total[k]);
        }
        store(y, to);
    }
};

/* y [rows, width]: zeros, plus source [count, width] row i at row indices[i]. N elements a thread.
 */
template <class T, int N>
__global__ void __launch_bounds__(THREADS) add_rows(picks p, const T *source, T *y, int64_t width) {
    const int64_t column = ((int64_t)blockIdx.y * THREADS + threadIdx.x) * N;
    row_sum<T, N> sum = {};
    for (int64_t begin = 0; begin < p.count; begin += WARP) {
        const int64_t mine = begin + threadIdx.x % WARP;
        unsigned here =
            __ballot_sync(ALL_LANES, mine < p.count && p.index[mine] == (int32_t)blockIdx.x);
        if (blockIdx.x == 0 && blockIdx.y == 0 && mine < p.count && !names_row(p, mine)) {
            fault_report(p.fault, p.watch, p.index[mine], mine);
        }
        for (; here && column < width; here &= here - 1) {
            const int64_t i = begin + __ffs((int)here) - 1;
            sum.add(load<N>(source + i * width + column));
        }
    }
    if (column < width) {
        sum.end(y + blockIdx.x * width + column);
    }
}

/* The key of index i: the larger, the earlier its row, and in a row the earlier its place. What
 * names no row has its key behind all that do. */
__device__ __forceinline__ sort_key key_of(uint32_t row, uint32_t place) {
    return ~((sort_key)row << 32 | place);
}
__device__ __forceinline__ uint32_t place_of(sort_key key) {
    return (uint32_t)~key;
}
__device__ __forceinline__ uint32_t row_of(sort_key key) {
    return (uint32_t)(~key >> 32);
}

__global__ void __launch_bounds__(THREADS) make_keys(picks p, sort_key *keys) {
    for (EACH(i, p.count)) {
        const bool known = names_row(p, i);
        if (!known) {
            fault_report(p.fault, p.watch, p.index[i], i);
        }
        keys[i] = key_of(known ? (uint32_t)p.index[i] : UINT32_MAX, (uint32_t)i);
    }
}

/* As add_rows, the keys being in order. */
template <class T, int N>
__global__ void __launch_bounds__(THREADS)
    add_sorted(picks p, const sort_key *keys, const T *source, T *y, int64_t width) {
    const int64_t column = ((int64_t)blockIdx.y * THREADS + threadIdx.x) * N;
    if (column >= width) {
        return;
    }
    row_sum<T, N> sum = {};
    const int64_t begin = sort_before(keys, p.count, key_of(blockIdx.x, 0));
    const int64_t end = sort_before(keys, p.count, key_of(blockIdx.x + 1, 0));
    in_batches<4>(
        begin, end, (int64_t)1,
        [&](int64_t i) { return load<N>(source + place_of(keys[i]) * width + column); },
        [&](int64_t, const pack<T, N> &from) { sum.add(from); });
    sum.end(y + blockIdx.x * width + column);
}

/* Row indices[i] of y becomes row i of the source, unless a later i names it too. Units of T. */
template <class T>
__global__ void __launch_bounds__(THREADS)
    replace_rows(picks p, const T *source, T *y, int64_t width) {
    const int64_t row = p.index[blockIdx.x];
    bool later = !names_row(p, blockIdx.x);
    if (later && threadIdx.x == 0) {
        fault_report(p.fault, p.watch, p.index[blockIdx.x], blockIdx.x);
    }
    for (int64_t begin = blockIdx.x + 1; begin < p.count && !later; begin += WARP) {
        const int64_t mine = begin + threadIdx.x % WARP;
        later = __ballot_sync(ALL_LANES, mine < p.count && p.index[mine] == row) != 0;
    }
    for (int64_t i = threadIdx.x; i < width && !later; i += THREADS) {
        y[row * width + i] = source[blockIdx.x * width + i];
    }
}

/* As replace_rows, the keys being in order: the last of a row is the last of its keys. */
template <class T>
__global__ void __launch_bounds__(THREADS)
    replace_sorted(picks p, const sort_key *keys, const T *source, T *y, int64_t width) {
    const sort_key key = keys[blockIdx.x];
    const int64_t row = row_of(key), from = place_of(key), next = blockIdx.x + (int64_t)1;
    if (row >= p.rows || (next < p.count && row_of(keys[next]) == row)) {
        return;
    }
    for (int64_t i = threadIdx.x; i < width; i += THREADS) {
        y[row * width + i] = source[from * width + i];
    }
}

/* ---- On the host. ---- */

/* Bytes of scratch for the keys of so many indices: none where the list is short. */
size_t keys_scratch(int64_t count) {
    return count > SORT_RUN ? sort_scratch(1, count) : 0;
}

/* The keys in order; NULL where the list is short. */
const sort_key *sort_picks(kd_device *device, const picks &p, void *scratch) {
    sort_key *keys = (sort_key *)scratch;
    if (p.count <= SORT_RUN) {
        return nullptr;
    }
    KD_LAUNCH(device, make_keys, blocks_for(p.count), THREADS, 0, p, keys);
    return sort_lists(device, keys, 1, p.count);
}

bool prepare_add(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                 kd_error *err) {
    *ret_scratch = keys_scratch(node->inputs[0].dim[0]);
    return accept_types(node, FLOATS | 1u << KD_I32, err) &&
           fault_watch(device, node, "index", node->outputs[0].dim[0], "rows", ret_state, err);
}

template <class T, int N>
void add_packs(kd_device *device, const picks &p, const sort_key *sorted, int64_t width,
               const void *from, void *out) {
    const dim3 grid((unsigned)p.rows, (unsigned)((width / N + THREADS - 1) / THREADS));
    if (sorted) {
        KD_LAUNCH(device, (add_sorted<T, N>), grid, THREADS, 0, p, sorted, (const T *)from,
                  (T *)out, width);
    } else {
        KD_LAUNCH(device, (add_rows<T, N>), grid, THREADS, 0, p, (const T *)from, (T *)out, width);
    }
}

template <class T>
void add_of(kd_device *device, const picks &p, const sort_key *sorted, int64_t width,
            const void *from, void *out) {
    if (width % PACK<T> == 0) {
        add_packs<T, PACK<T>>(device, p, sorted, width, from, out);
    } else {
        add_packs<T, 1>(device, p, sorted, width, from, out);
    }
}

void run_add(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
             void *scratch) {
    const kd_spec *y = &node->outputs[0];
    if (kd_elements(y) == 0) {
        return;
    }
    const picks p = picks_of(device, &node->inputs[0], y, in[0], state);
    const sort_key *sorted = sort_picks(device, p, scratch);
    switch (y->dtype) {
    case KD_F32:
        return add_of<float>(device, p, sorted, width_of(y), in[1], out[0]);
    case KD_BF16:
        return add_of<bf16>(device, p, sorted, width_of(y), in[1], out[0]);
    default:
        return add_of<int32_t>(device, p, sorted, width_of(y), in[1], out[0]);
    }
}

bool prepare_rows(kd_device *device, const kd_node *node, void **ret_state, size_t *ret_scratch,
                  kd_error *err) {
    *ret_scratch = keys_scratch(node->inputs[1].dim[0]);
    return picks_prepare(device, node, ret_state, err);
}

template <class T>
void replace_of(kd_device *device, const picks &p, const sort_key *sorted, int64_t width,
                const void *from, void *out) {
    if (sorted) {
        KD_LAUNCH(device, replace_sorted<T>, (unsigned)p.count, THREADS, 0, p, sorted,
                  (const T *)from, (T *)out, width);
    } else {
        KD_LAUNCH(device, replace_rows<T>, (unsigned)p.count, THREADS, 0, p, (const T *)from,
                  (T *)out, width);
    }
}

void run_rows(kd_device *device, const kd_node *node, void *state, void *const *in,
              void *const *out, void *scratch) {
    const kd_spec *y = &node->outputs[0];
    if (kd_elements(y) == 0) {
        return;
    }
    if (out[0] != in[0]) {
        cudaMemcpyAsync(out[0], in[0], kd_bytes(y), cudaMemcpyDeviceToDevice, device->stream);
        device_check_launch(device, "scatter_rows");
    }
    const picks p = picks_of(device, &node->inputs[1], y, in[1], state);
    if (p.count == 0) {
        return;
    }
    const sort_key *sorted = sort_picks(device, p, scratch);
    for_units_of(y, [&](auto unit, int64_t width) {
        replace_of<decltype(unit)>(device, p, sorted, width, in[2], out[0]);
    });
}

} // namespace

extern "C" const kd_kernel cuda_scatter[] = {
    {sizeof(kd_kernel), 0, "scatter_add", prepare_add, run_add, release_state},
    {sizeof(kd_kernel), 1, "scatter_rows", prepare_rows, run_rows, release_state},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
