/* SPDX-License-Identifier: Apache-2.0
 * CUDA's status codes become errors: see status.h. */
#include "status.h"

#include <cuda_runtime_api.h>

/* Errors of kernels: from then on every call of the process returns them. */
static const cudaError_t sticky[] = {
    cudaErrorECCUncorrectable,   cudaErrorIllegalAddress,
    cudaErrorLaunchTimeout,      cudaErrorAssert,
    cudaErrorHardwareStackError, cudaErrorIllegalInstruction,
    cudaErrorMisalignedAddress,  cudaErrorInvalidAddressSpace,
    cudaErrorInvalidPc,          cudaErrorLaunchFailure,
};

bool status_sticks(int status) {
    bool ret = false;
    for (size_t i = 0; i < sizeof sticky / sizeof *sticky; i++) {
        ret = ret || (int)sticky[i] == status;
    }
    return ret;
}

bool out_of_memory(const char *what, kd_error *err) {
    kd_fail(err, KD_E_MEMORY, "%s: the GPU is out of memory", what);
    return kd_hint(err, "other programs may hold the GPU's memory: see nvidia-smi");
}

bool cuda_fail(int status, const char *what, kd_error *err) {
    const cudaError_t error = (cudaError_t)status;
    cudaGetLastError(); /* CUDA keeps it for the next call otherwise */
    if (error == cudaErrorMemoryAllocation) {
        return out_of_memory(what, err);
    }
    kd_fail(err, KD_E_DEVICE, "%s: %s (%s)", what, cudaGetErrorString(error),
            cudaGetErrorName(error));
    return kd_hint(err, status_sticks(status)
                            ? "it may be of any work before: `compute-sanitizer kindred ...` names "
                              "the kernel"
                            : "nvidia-smi shows the GPU and its driver");
}

/* Only of the first failure: what comes after it is its consequence. */
#define PRINT(text, format)                                                                        \
    do {                                                                                           \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        vsnprintf(text, sizeof text, format, arguments);                                           \
        va_end(arguments);                                                                         \
    } while (0)

void device_check(kd_device *device, int status, const char *format, ...) {
    if (status == cudaSuccess) {
        return;
    }
    if (device->failed) {
        cudaGetLastError(); /* or the next launch would be blamed for it */
        return;
    }
    char what[512];
    PRINT(what, format);
    device->failed = true;
    cuda_fail(status, what, &device->failure);
}

void device_starve(kd_device *device, const char *format, ...) {
    if (!device->failed) {
        char what[512];
        PRINT(what, format);
        device->failed = true;
        out_of_memory(what, &device->failure);
    }
}

bool device_take_failure(kd_device *device, kd_error *err) {
    if (!device->failed) {
        return true;
    }
    cudaGetLastError(); /* or the next launch would be blamed for it */
    device->failed = false;
    kd_fail(err, device->failure.code, "%s", device->failure.message);
    return kd_hint(err, "%s", device->failure.hint);
}
