/* SPDX-License-Identifier: Apache-2.0
 * Copies of pieces of the host's memory, as kindred/device_extensions.h describes them. */
#ifndef CUDA_PREFETCH_H
#define CUDA_PREFETCH_H

#include "device.h"

#include <kindred/device_extensions.h>

#ifdef __cplusplus
extern "C" {
#endif

void cuda_prefetch_copy(kd_device *device, const kd_device_pieces *what);

#ifdef __cplusplus
}
#endif

#endif
