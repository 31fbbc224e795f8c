/* SPDX-License-Identifier: Apache-2.0
 * Tables of inputs, as kindred/device_extensions.h describes them. */
#ifndef CUDA_FEED_H
#define CUDA_FEED_H

#include "device.h"

#ifdef __cplusplus
extern "C" {
#endif

void cuda_feed_fetch(kd_device *device, void *to, const void *table, size_t row_bytes,
                     const void *counter);
void cuda_feed_advance(kd_device *device, void *counter, int64_t rows);

#ifdef __cplusplus
}
#endif

#endif
