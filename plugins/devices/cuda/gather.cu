/* SPDX-License-Identifier: Apache-2.0
 * Rows by their index: gather. An index that names no row gives zeros, and is reported. */
#include "kernels.h"
#include "picks.h"

namespace {

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

/* ---- On the host. ---- */

bool prepare(kd_device *device, const kd_node *node, void **ret_state, size_t *, kd_error *err) {
    return picks_prepare(device, node, ret_state, err);
}

void run(kd_device *device, const kd_node *node, void *state, void *const *in, void *const *out,
         void *) {
    const kd_spec *x = &node->inputs[0];
    if (kd_elements(&node->outputs[0]) == 0) {
        return;
    }
    const picks p = picks_of(device, &node->inputs[1], x, in[1], state);
    for_units_of(x, [&](auto unit, int64_t width) {
        typedef decltype(unit) T;
        const int64_t tiles = (width + THREADS - 1) / THREADS;
        const dim3 grid((unsigned)p.count, (unsigned)(tiles < 64 ? tiles : 64));
        KD_LAUNCH(device, gather_rows<T>, grid, THREADS, 0, p, (const T *)in[0], (T *)out[0],
                  width);
    });
}

} // namespace

extern "C" const kd_kernel cuda_gather[] = {
    {sizeof(kd_kernel), 0, "gather", prepare, run, release_state},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
