/* SPDX-License-Identifier: Apache-2.0
 * Adds a vector to every row of a product: for the few of which cuBLASLt has none with a bias. */
#include "bias.h"

#include "elements.h"

namespace {

template <class T>
__global__ void __launch_bounds__(THREADS)
    add_to_rows(T *y, const float *product, const T *bias, int64_t count, int64_t width) {
    for (EACH(i, count)) {
        y[i] = narrow<T>(product[i] + widen(bias[i % width]));
    }
}

} // namespace

void add_bias(kd_device *device, void *y, const void *product, const void *bias,
              const kd_spec *spec) {
    const int64_t count = kd_elements(spec), width = spec->dim[1];
    const float *from = (const float *)product;
    if (count == 0) {
        return;
    }
    if (spec->dtype == KD_BF16) {
        KD_LAUNCH(device, (add_to_rows<bf16>), blocks_for(count), THREADS, 0, (bf16 *)y, from,
                  (const bf16 *)bias, count, width);
    } else {
        KD_LAUNCH(device, (add_to_rows<float>), blocks_for(count), THREADS, 0, (float *)y, from,
                  (const float *)bias, count, width);
    }
}
