/* SPDX-License-Identifier: Apache-2.0
 * softmax and log_softmax along the last axis. A warp takes a row, or a block a long one: once over
 * it for maximum and sum together, once more, out of the cache, to write. */
#include "elements.h"
#include "folds.h"
#include "kernels.h"

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

struct larger {
    template <class T> static __device__ __forceinline__ T fold(T a, T b) {
        return a > b ? a : b;
    }
};

template <class T, bool LOG>
__global__ void __launch_bounds__(THREADS) soften(const T *x, T *y, int64_t rows, int64_t length) {
    __shared__ float room[WARP];
    const int64_t row = (int64_t)blockIdx.x * blockDim.y + threadIdx.y;
    const bool any = row < rows, warp = blockDim.x == WARP;
    const T *from = x + row * length;
    T *to = y + row * length;
    total t = {-INFINITY, 0};
    for (int64_t i = threadIdx.x; any && i < length; i += blockDim.x) {
        add(t, widen(from[i]));
    }
    const float max = warp ? warp_fold<larger>(t.max) : block_fold<larger>(t.max, room);
    const float own = max == t.max ? t.sum : t.sum * expf(t.max - max);
    const float all = warp ? warp_fold<sum>(own) : block_fold<sum>(own, room);
    const float log_all = logf(all);
    for (int64_t i = threadIdx.x; any && i < length; i += blockDim.x) {
        const float shifted = widen(from[i]) - max;
        to[i] = narrow<T>(LOG ? shifted - log_all : expf(shifted) / all);
    }
}

template <class T, bool LOG>
void soften_all(kd_device *device, const kd_spec *spec, const void *x, void *y) {
    const int64_t length = spec->dim[spec->rank - 1], rows = kd_elements(spec) / length;
    const int threads = length > 1024 ? THREADS : WARP, lines = THREADS / threads;
    KD_LAUNCH(device, (soften<T, LOG>), (unsigned)((rows + lines - 1) / lines),
              dim3((unsigned)threads, (unsigned)lines), 0, (const T *)x, (T *)y, rows, length);
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
