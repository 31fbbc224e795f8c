/* SPDX-License-Identifier: Apache-2.0
 * bf16 to f32, for weight gradients: cuDNN sums them in f32 and has no engine that also stores f32.
 */
#include "widen.h"

#include "launch.h"

namespace {

__global__ void __launch_bounds__(256) widen(const __nv_bfloat16 *from, float *to, int64_t count) {
    const int64_t stride = static_cast<int64_t>(gridDim.x) * blockDim.x;
    for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
         i += stride) {
        to[i] = __bfloat162float(from[i]);
    }
}

} // namespace

void widen_bf16(kd_device *device, const void *from, void *to, int64_t count) {
    const int64_t blocks = (count + 255) / 256, most = device->multiprocessors * 8;
    if (count > 0) {
        KD_LAUNCH(device, widen, static_cast<unsigned>(blocks < most ? blocks : most), 256, 0,
                  static_cast<const __nv_bfloat16 *>(from), static_cast<float *>(to), count);
    }
}
