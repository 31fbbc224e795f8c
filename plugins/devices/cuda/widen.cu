/* SPDX-License-Identifier: Apache-2.0
 * bf16 to f32, for weight gradients: cuDNN sums them in f32 and has no engine that also stores f32.
 */
#include "widen.h"

#include "elements.h"

namespace {

/* 16 bytes in, 32 out; the last few one by one. */
__global__ void __launch_bounds__(THREADS) widen_packs(const bf16 *from, float *to, int64_t count) {
    const int64_t whole = count / 8 * 8;
    for (EACH(i, whole / 8)) {
        const pack<bf16, 8> x = load<8>(from + 8 * i);
        pack<float, 4> y[2];
#pragma unroll
        for (int k = 0; k < 8; k++) {
            y[k / 4].at[k % 4] = widen(x.at[k]);
        }
        store(to + 8 * i, y[0]);
        store(to + 8 * i + 4, y[1]);
    }
    for (EACH(i, count - whole)) {
        to[whole + i] = widen(from[whole + i]);
    }
}

} // namespace

void widen_bf16(kd_device *device, const void *from, void *to, int64_t count) {
    if (count > 0) {
        KD_LAUNCH(device, widen_packs, blocks_for((count + 7) / 8), THREADS, 0, (const bf16 *)from,
                  (float *)to, count);
    }
}
