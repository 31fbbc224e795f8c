/* SPDX-License-Identifier: Apache-2.0
 * Rows by their index: gather, scatter_add and scatter_rows. An index that names no row is skipped,
 * gives zeros, and is reported.
 *
 * Sums are taken in the order of the indices: a block owns one row of the output and looks for its
 * index in the whole list, 32 at a time. */
#include "elements.h"
#include "faults.h"
#include "folds.h"
#include "kernels.h"

namespace {

/* i32 indices of rows, and where one that names none is reported. */
struct picks {
    const int32_t *index;
    int64_t count, rows;
    fault_word *fault;
    int32_t watch;
};

__device__ __forceinline__ bool names_row(const picks &p, int64_t i) {
    return p.index[i] >= 0 && p.index[i] < p.rows;
}

/* y [k, width] of x [rows, width], in units of T. */
template <class T>
__global__ void __launch_bounds__(THREADS) gather_rows(picks p, const T *x, T *y, int64_t width) {
    const bool known = names_row(p, blockIdx.x);
    const int64_t row = known ? p.index[blockIdx.x] : 0;
    if (!known && blockIdx.y == 0 && threadIdx.x == 0) {
        fault_report(p.fault, p.watch, p.index[blockIdx.x], blockIdx.x);
    }
    for (int64_t i = (int64_t)blockIdx.y * THREADS + threadIdx.x; i < width;
         i += (int64_t)gridDim.y * THREADS) {
        y[blockIdx.x * width + i] = known ? x[row * width + i] : T();
    }
}

/* y [rows, width]: zeros, plus source [count, width] row i at row indices[i]. N elements a thread.
 */
template <class T, int N>
__global__ void __launch_bounds__(THREADS) add_rows(picks p, const T *source, T *y, int64_t width) {
    typedef number_of<T> A;
    const int64_t column = ((int64_t)blockIdx.y * THREADS + threadIdx.x) * N;
    A total[N] = {};
    for (int64_t begin = 0; begin < p.count; begin += WARP) {
        const int64_t mine = begin + threadIdx.x % WARP;
        unsigned here =
            __ballot_sync(ALL_LANES, mine < p.count && p.index[mine] == (int32_t)blockIdx.x);
        if (blockIdx.x == 0 && blockIdx.y == 0 && mine < p.count && !names_row(p, mine)) {
            fault_report(p.fault, p.watch, p.index[mine], mine);
        }
        for (; here && column < width; here &= here - 1) {
            const int64_t i = begin + __ffs((int)here) - 1;
            const pack<T, N> from = load<N>(source + i * width + column);
            for (int k = 0; k < N; k++) {
                total[k] += widen(from.at[k]);
            }
        }
    }
    if (column < width) {
        pack<T, N> to;
        for (int k = 0; k < N; k++) {
            to.at[k] = narrow<T>(total[k]);
        }
        store(y + blockIdx.x * width + column, to);
    }
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

/* ---- On the host. ---- */

/* Elements of a row, all axes but the first. */
int64_t width_of(const kd_spec *spec) {
    int64_t width = 1;
    for (int axis = 1; axis < spec->rank; axis++) {
        width *= spec->dim[axis];
    }
    return width;
}

/* The widest unit that rows of so many bytes are made of. */
int unit_of(int64_t bytes) {
    int unit = 16;
    while (bytes % unit) {
        unit /= 2;
    }
    return unit;
}

picks picks_of(kd_device *device, const kd_spec *indices, const kd_spec *rows, const void *index,
               const void *state) {
    picks p = {};
    p.index = (const int32_t *)index;
    p.count = indices->dim[0];
    p.rows = rows->dim[0];
    p.fault = device->fault;
    p.watch = ((const watched *)state)->number;
    return p;
}

/* Of gather and scatter_rows: rows of input 0, indices of input 1. */
bool prepare_any(kd_device *device, const kd_node *node, void **ret_state, size_t *,
                 kd_error *err) {
    return accept_types(node, FLOATS | INTEGERS, err) &&
           fault_watch(device, node, "index", node->inputs[0].dim[0], "rows", ret_state, err);
}

template <class T>
void gather_of(kd_device *device, const kd_node *node, const picks &p, const void *from,
               void *out) {
    const kd_spec *x = &node->inputs[0];
    const int64_t width = width_of(x) * (int64_t)kd_dtype_bytes(x->dtype) / (int64_t)sizeof(T);
    const int64_t tiles = (width + THREADS - 1) / THREADS;
    const dim3 grid((unsigned)p.count, (unsigned)(tiles < 64 ? tiles : 64));
    KD_LAUNCH(device, gather_rows<T>, grid, THREADS, 0, p, (const T *)from, (T *)out, width);
}

void run_gather(kd_device *device, const kd_node *node, void *state, void *const *in,
                void *const *out, void *) {
    if (kd_elements(&node->outputs[0]) == 0) {
        return;
    }
    const kd_spec *x = &node->inputs[0];
    const picks p = picks_of(device, &node->inputs[1], x, in[1], state);
    switch (unit_of(width_of(x) * (int64_t)kd_dtype_bytes(x->dtype))) {
    case 1:
        return gather_of<uint8_t>(device, node, p, in[0], out[0]);
    case 2:
        return gather_of<uint16_t>(device, node, p, in[0], out[0]);
    case 4:
        return gather_of<uint32_t>(device, node, p, in[0], out[0]);
    case 8:
        return gather_of<uint64_t>(device, node, p, in[0], out[0]);
    default:
        return gather_of<pack<uint64_t, 2>>(device, node, p, in[0], out[0]);
    }
}

bool prepare_scatter_add(kd_device *device, const kd_node *node, void **ret_state, size_t *,
                         kd_error *err) {
    return accept_types(node, FLOATS | 1u << KD_I32, err) &&
           fault_watch(device, node, "index", node->outputs[0].dim[0], "rows", ret_state, err);
}

template <class T, int N>
void add_packs(kd_device *device, const picks &p, int64_t width, const void *from, void *out) {
    const dim3 grid((unsigned)p.rows, (unsigned)((width / N + THREADS - 1) / THREADS));
    KD_LAUNCH(device, (add_rows<T, N>), grid, THREADS, 0, p, (const T *)from, (T *)out, width);
}

template <class T>
void add_of(kd_device *device, const picks &p, int64_t width, const void *from, void *out) {
    if (width % PACK<T> == 0) {
        add_packs<T, PACK<T>>(device, p, width, from, out);
    } else {
        add_packs<T, 1>(device, p, width, from, out);
    }
}

void run_scatter_add(kd_device *device, const kd_node *node, void *state, void *const *in,
                     void *const *out, void *) {
    const kd_spec *y = &node->outputs[0];
    if (kd_elements(y) == 0) {
        return;
    }
    const picks p = picks_of(device, &node->inputs[0], y, in[0], state);
    switch (y->dtype) {
    case KD_F32:
        return add_of<float>(device, p, width_of(y), in[1], out[0]);
    case KD_BF16:
        return add_of<bf16>(device, p, width_of(y), in[1], out[0]);
    default:
        return add_of<int32_t>(device, p, width_of(y), in[1], out[0]);
    }
}

template <class T>
void replace_of(kd_device *device, const kd_node *node, const picks &p, const void *from,
                void *out) {
    const kd_spec *y = &node->outputs[0];
    const int64_t width = width_of(y) * (int64_t)kd_dtype_bytes(y->dtype) / (int64_t)sizeof(T);
    KD_LAUNCH(device, replace_rows<T>, (unsigned)p.count, THREADS, 0, p, (const T *)from, (T *)out,
              width);
}

void run_scatter_rows(kd_device *device, const kd_node *node, void *state, void *const *in,
                      void *const *out, void *) {
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
    switch (unit_of(width_of(y) * (int64_t)kd_dtype_bytes(y->dtype))) {
    case 1:
        return replace_of<uint8_t>(device, node, p, in[2], out[0]);
    case 2:
        return replace_of<uint16_t>(device, node, p, in[2], out[0]);
    case 4:
        return replace_of<uint32_t>(device, node, p, in[2], out[0]);
    case 8:
        return replace_of<uint64_t>(device, node, p, in[2], out[0]);
    default:
        return replace_of<pack<uint64_t, 2>>(device, node, p, in[2], out[0]);
    }
}

} // namespace

extern "C" const kd_kernel cuda_gather[] = {
    {sizeof(kd_kernel), 0, "gather", prepare_any, run_gather, release_state},
    {sizeof(kd_kernel), 0, "scatter_add", prepare_scatter_add, run_scatter_add, release_state},
    {sizeof(kd_kernel), 1, "scatter_rows", prepare_any, run_scatter_rows, release_state},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
