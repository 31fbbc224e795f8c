/* SPDX-License-Identifier: Apache-2.0
 * Adds a vector to every row, in place: for the few products of which cuBLASLt has none with a
 * bias.
 */
#include "bias.h"

#include "elements.h"

namespace {

template <class T>
__global__ void __launch_bounds__(THREADS)
    add_to_rows(T *y, const T *bias, int64_t count, int64_t width) {
    for (EACH(i, count)) {
        y[i] = narrow<T>(widen(y[i]) + widen(bias[i % width]));
    }
}

} // namespace

void add_bias(kd_device *device, void *y, const void *bias, int32_t dtype, int64_t rows,
              int64_t width) {
    const int64_t count = rows * width;
    if (count == 0) {
        return;
    }
    if (dtype == KD_BF16) {
        KD_LAUNCH(device, (add_to_rows<bf16>), blocks_for(count), THREADS, 0, (bf16 *)y,
                  (const bf16 *)bias, count, width);
    } else {
        KD_LAUNCH(device, (add_to_rows<float>), blocks_for(count), THREADS, 0, (float *)y,
                  (const float *)bias, count, width);
    }
}
