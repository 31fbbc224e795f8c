/* SPDX-License-Identifier: Apache-2.0
 * Device memory, and the pinned memory through which uploads go. As kindred/device.h describes. */
#ifndef CUDA_MEMORY_H
#define CUDA_MEMORY_H

#include "device.h"

/* fails with KD_E_MEMORY also when nothing much would be left for what CUDA takes in the first
 * runs: the code of kernels, which is loaded when they are first launched, and the recorded
 * program. */
bool memory_allocate(kd_device *device, size_t bytes, void **ret, kd_error *err);
void memory_release(kd_device *device, void *memory);

/* Returns once `from` may be changed, which is before the copy is done. */
void memory_upload(kd_device *device, void *to, const void *from, size_t bytes);
void memory_download(kd_device *device, void *to, const void *from, size_t bytes);

/* Zeroed host memory, which kernels may write: it has one address for both. NULL with err set when
 * there is none. */
void *pinned_create(size_t bytes, kd_error *err);
void pinned_destroy(void *pinned);

/* Bytes of the GPU's memory that are free, and all there are. */
bool memory_free(kd_device *device, size_t *ret_free, size_t *ret_all, kd_error *err);

/* Host memory that the GPU reads across the bus. */
bool mapped_allocate(kd_device *device, size_t bytes, void **ret_host, void **ret_device,
                     kd_error *err);
void mapped_release(kd_device *device, void *host);

staging *staging_create(kd_error *err);
void staging_destroy(staging *s);

#endif
