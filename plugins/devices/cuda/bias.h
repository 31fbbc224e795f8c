/* SPDX-License-Identifier: Apache-2.0
 * A bias as a step behind a product that cannot add it itself. */
#ifndef CUDA_BIAS_H
#define CUDA_BIAS_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* [run] y [rows, width] = product + bias [width], rounded once. y and bias are of y's type, f32 or
 * bf16, the product f32; it may be y itself. */
void add_bias(kd_device *device, void *y, const void *product, const void *bias,
              const kd_spec *spec);

#ifdef __cplusplus
}
#endif

#endif
