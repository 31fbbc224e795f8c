/* SPDX-License-Identifier: Apache-2.0
 * A bias as a step behind a product that cannot add it itself. */
#ifndef CUDA_BIAS_H
#define CUDA_BIAS_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* [run] y [rows, width] += bias [width], both of that type: KD_F32 or KD_BF16. */
void add_bias(kd_device *device, void *y, const void *bias, int32_t dtype, int64_t rows,
              int64_t width);

#ifdef __cplusplus
}
#endif

#endif
