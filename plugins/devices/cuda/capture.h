/* SPDX-License-Identifier: Apache-2.0
 * Recording what is enqueued as one CUDA graph, and launching it. As kindred/device.h describes. */
#ifndef CUDA_CAPTURE_H
#define CUDA_CAPTURE_H

#include "device.h"

bool capture_begin(kd_device *device, kd_error *err);
bool capture_end(kd_device *device, void **ret_recording, kd_error *err);
void capture_launch(kd_device *device, void *recording);
void capture_release(kd_device *device, void *recording);

#endif
