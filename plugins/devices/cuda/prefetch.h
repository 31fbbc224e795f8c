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

/* The same on another stream, of the row so many after the one that the counter names. */
void cuda_prefetch_enqueue(kd_device *device, struct CUstream_st *stream,
                           const kd_device_pieces *what, int64_t after);

/* ahead.c: copies beside other work. */
bool ahead_create(kd_device *device, kd_device_prefetch **ret, kd_error *err);
void ahead_destroy(kd_device *device, kd_device_prefetch *prefetch);
void ahead_begin(kd_device *device, kd_device_prefetch *prefetch, const kd_device_pieces *what);
void ahead_end(kd_device *device, kd_device_prefetch *prefetch);

#ifdef __cplusplus
}
#endif

#endif
