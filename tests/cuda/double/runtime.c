/* SPDX-License-Identifier: Apache-2.0
 * The CUDA runtime's calls about devices and memory; see double.h. */
#include "double.h"

#include <cuda_runtime_api.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double_state cuda_double = {.driver = CUDART_VERSION, .gpus = 1, .capability = 9};

bool double_call_fails(const char *call) {
    cuda_double.calls++;
    const bool fails = cuda_double.calls == cuda_double.fail_at;
    cuda_double.failed += fails;
    cuda_double.failed_call = fails ? call : cuda_double.failed_call;
    return fails;
}

void double_misused(const char *format, ...) {
    if (!cuda_double.why[0]) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(cuda_double.why, sizeof cuda_double.why, format, arguments);
        va_end(arguments);
    }
}

/* ---- What all libraries' calls share. ---- */

static int last_error; /* of the runtime */

int double_error(int error) {
    return last_error = error;
}

void *double_made(size_t bytes) {
    cuda_double.live++;
    return calloc(1, bytes);
}

void double_gone(void *made) {
    free(made);
    cuda_double.live--;
}

/* ---- Devices. ---- */

cudaError_t cudaDriverGetVersion(int *ret) {
    *ret = cuda_double.driver;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *ret) {
    DOUBLE_CALL(double_error(cudaErrorUnknown));
    if (cuda_double.driver == 0) {
        return double_error(cudaErrorInsufficientDriver);
    }
    if (cuda_double.gpus == 0) {
        return double_error(cudaErrorNoDevice);
    }
    *ret = cuda_double.gpus;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *ret, int device) {
    DOUBLE_CALL(double_error(cudaErrorInvalidDevice));
    memset(ret, 0, sizeof *ret);
    strcpy(ret->name, "double of a GPU");
    ret->major = cuda_double.capability;
    ret->multiProcessorCount = 132;
    return device < cuda_double.gpus ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaSetDevice(int device) {
    (void)device;
    DOUBLE_CALL(double_error(cudaErrorDevicesUnavailable));
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t error) {
    return error == cudaErrorMemoryAllocation ? "out of memory" : "as the test wants";
}

const char *cudaGetErrorName(cudaError_t error) {
    return error == cudaSuccess ? "cudaSuccess" : "cudaErrorOfTheDouble";
}

cudaError_t cudaGetLastError(void) {
    const cudaError_t ret = (cudaError_t)last_error;
    last_error = cudaSuccess;
    return ret;
}

/* ---- Memory: blocks know their size. ---- */

typedef struct header {
    size_t bytes;
    char pad[256 - sizeof(size_t)];
} header;

cudaError_t cudaMalloc(void **ret, size_t bytes) {
    DOUBLE_CALL(double_error(cudaErrorMemoryAllocation));
    if (cuda_double.capacity && cuda_double.used + bytes > cuda_double.capacity) {
        return double_error(cudaErrorMemoryAllocation);
    }
    header *h = aligned_alloc(256, sizeof *h + (bytes + 255) / 256 * 256);
    h->bytes = bytes;
    memset(h + 1, 0xa5, bytes); /* a GPU does not clear it */
    cuda_double.used += bytes;
    cuda_double.live++;
    *ret = h + 1;
    return cudaSuccess;
}

cudaError_t cudaFree(void *memory) {
    if (!memory) {
        DOUBLE_CALL(double_error(cudaErrorMemoryAllocation)); /* makes the context */
        return cudaSuccess;
    }
    if (cuda_double.late_count > 0) {
        double_misused("memory is freed before it was waited for");
    }
    header *h = (header *)memory - 1;
    cuda_double.used -= h->bytes;
    cuda_double.live--;
    free(h);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *ret_free, size_t *ret_total) {
    *ret_total = cuda_double.capacity ? cuda_double.capacity : (size_t)80 << 30;
    *ret_free = *ret_total - cuda_double.used;
    return cudaSuccess;
}

cudaError_t cudaHostAlloc(void **ret, size_t bytes, unsigned flags) {
    (void)flags;
    DOUBLE_CALL(double_error(cudaErrorMemoryAllocation));
    *ret = memset(double_made(bytes), 0xa5, bytes);
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *memory) {
    double_gone(memory);
    return cudaSuccess;
}
