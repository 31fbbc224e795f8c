/* SPDX-License-Identifier: Apache-2.0
 * Copies of device memory that reach the host while work goes on, as kindred/device_extensions.h
 * describes them. */
#ifndef CUDA_COPY_H
#define CUDA_COPY_H

#include "device.h"

#include <kindred/device_extensions.h>

bool copy_create(kd_device *device, size_t bytes, kd_device_copy **ret, kd_error *err);
void copy_destroy(kd_device *device, kd_device_copy *copy);
void copy_put(kd_device *device, kd_device_copy *copy, size_t at, const void *from, size_t bytes);
void copy_send(kd_device *device, kd_device_copy *copy);
bool copy_wait(kd_device_copy *copy, const void **ret, kd_error *err);
bool copy_arrived(kd_device_copy *copy);
bool copy_check(kd_device *device, kd_error *err);

#endif
