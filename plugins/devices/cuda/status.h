/* SPDX-License-Identifier: Apache-2.0
 * What CUDA's status codes mean here. `status` is a cudaError_t, of which C++ files know no more.
 */
#ifndef CUDA_STATUS_H
#define CUDA_STATUS_H

#include "device.h"

/* Out of memory is KD_E_MEMORY, all else KD_E_DEVICE, with a hint where work of before may be what
 * failed. CUDA forgets the failure as far as it can. Returns false. */
bool cuda_fail(int status, const char *what, kd_error *err);

/* KD_E_MEMORY, with a hint. Returns false. */
bool out_of_memory(const char *what, kd_error *err);

/* Does CUDA return it for every call after kernels went wrong, whoever makes the call? */
bool status_sticks(int status);

/* [run] Records a failure, unless it is none; the first one counts. */
__attribute__((format(printf, 3, 4))) void device_check(kd_device *device, int status,
                                                        const char *format, ...);

/* [run] Records that memory ran out; the first failure counts. */
__attribute__((format(printf, 2, 3))) void device_starve(kd_device *device, const char *format,
                                                         ...);

/* Hands the recorded failure over, if there is one; false then. */
bool device_take_failure(kd_device *device, kd_error *err);

#endif
