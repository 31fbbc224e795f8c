/* SPDX-License-Identifier: Apache-2.0
 * bf16 to f32 as a step of other kernels. */
#ifndef CUDA_WIDEN_H
#define CUDA_WIDEN_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* [run] `count` elements of `from`, bf16, to `to`, f32; both aligned as packs are. */
void widen_bf16(kd_device *device, const void *from, void *to, int64_t count);

#ifdef __cplusplus
}
#endif

#endif
