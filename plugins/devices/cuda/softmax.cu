/* SPDX-License-Identifier: Apache-2.0
 * softmax and log_softmax along the last axis. A warp takes a row, or a block a long one: once over
 * it for maximum and sum together, once more, out of the cache, to write. */
#include "kernels.h"
#include "softmax.h"

namespace {

template <class T, int N, bool LOG>
__global__ void __launch_bounds__(THREADS) soften(const T *x, T *y, int64_t rows, int64_t length) {
    __shared__ float room[WARP];
    const int64_t row = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    const bool any = row < rows;
    const T *from = x + row * length;
    T *to = y + row * length;
    const total t = total_of<N>(from, any ? length : 0, room);
    const float log_all = logf(t.sum), share = 1 / t.sum;
    for_packs<N>(from, any ? length : 0, [&](int64_t i, const pack<T, N> &here) {
        pack<T, N> soft;
#pragma unroll
        for (int k = 0; k < N; k++) {
            const float shifted = widen(here.at[k]) - t.max;
            soft.at[k] = narrow<T>(LOG ? shifted - log_all : expf(shifted) * share);
        }
        store(to + i, soft);
    });
}

template <class T, int N, bool LOG>
void soften_packs(kd_device *device, const kd_spec *spec, const void *x, void *y) {
    const int64_t length = spec->dim[spec->rank - 1], rows = kd_elements(spec) / length;
    KD_LAUNCH(device, (soften<T, N, LOG>), row_blocks(rows, length), row_block(length), 0,
              (const T *)x, (T *)y, rows, length);
}

template <class T, bool LOG>
void soften_all(kd_device *device, const kd_spec *spec, const void *x, void *y) {
    comes_in_packs(spec) ? soften_packs<T, PACK<T>, LOG>(device, spec, x, y)
                         : soften_packs<T, 1, LOG>(device, spec, x, y);
}

bool prepare(kd_device *, const kd_node *node, void **, size_t *, kd_error *err) {
    return accept_types(node, FLOATS, err);
}

template <bool LOG>
void run(kd_device *device, const kd_node *node, void *, void *const *in, void *const *out,
         void *) {
    const kd_spec *x = &node->inputs[0];
    if (kd_elements(x) == 0) {
        return;
    }
    if (x->dtype == KD_F32) {
        soften_all<float, LOG>(device, x, in[0], out[0]);
    } else {
        soften_all<bf16, LOG>(device, x, in[0], out[0]);
    }
}

} // namespace

extern "C" const kd_kernel cuda_softmax[] = {
    {sizeof(kd_kernel), 1, "softmax", prepare, run<false>, nullptr},
    {sizeof(kd_kernel), 1, "log_softmax", prepare, run<true>, nullptr},
    {0, 0, nullptr, nullptr, nullptr, nullptr},
};
