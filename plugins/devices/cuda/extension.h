/* SPDX-License-Identifier: Apache-2.0
 * What the device offers of kindred/device_extensions.h. */
#ifndef CUDA_EXTENSION_H
#define CUDA_EXTENSION_H

#include "device.h"

const void *extension_find(kd_device *device, const char *id);

#endif
