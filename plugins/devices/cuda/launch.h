/* SPDX-License-Identifier: Apache-2.0
 * How a .cu file launches its kernels. Tests that build kernels for the CPU define KD_LAUNCH and
 * what else CUDA would give beforehand.
 *
 *     KD_LAUNCH(device, (softmax<256>), grid, block, 0, x, y, columns);
 *
 * KD_LAUNCH_ON takes another stream than the device's, for what goes on beside its work.
 *
 * Rules for .cu files: kernels and their helpers live in an anonymous namespace; dynamic shared
 * memory is declared by KD_DYNAMIC_SHARED; a grid is never empty, so an empty tensor is a return.
 */
#ifndef CUDA_LAUNCH_H
#define CUDA_LAUNCH_H

#include "device.h"

#ifndef KD_LAUNCH
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#define KD_LAUNCH_ON(device, on, kernel, grid, block, shared, ...)                                 \
    do {                                                                                           \
        kernel<<<(grid), (block), (shared), (on)>>>(__VA_ARGS__);                                  \
        device_check_launch((device), #kernel);                                                    \
    } while (0)

#define KD_LAUNCH(device, kernel, grid, block, shared, ...)                                        \
    KD_LAUNCH_ON(device, (device)->stream, kernel, grid, block, shared, __VA_ARGS__)

#define KD_DYNAMIC_SHARED(type, name)                                                              \
    extern __shared__ __align__(16) unsigned char kd_dynamic_shared[];                             \
    type *name = reinterpret_cast<type *>(kd_dynamic_shared)
#endif

#endif
