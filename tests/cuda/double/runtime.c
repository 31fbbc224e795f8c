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

/* A call that can fail, and how. */
#define CALL(error)                                                                                \
    do {                                                                                           \
        if (double_fails()) {                                                                      \
            return double_last = (int)(error);                                                     \
        }                                                                                          \
    } while (0)

int double_last;

/* ---- Devices. ---- */

cudaError_t cudaDriverGetVersion(int *ret) {
    *ret = cuda_double.driver;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *ret) {
    CALL(cudaErrorUnknown);
    if (cuda_double.driver == 0) {
        return double_last = cudaErrorInsufficientDriver;
    }
    if (cuda_double.gpus == 0) {
        return double_last = cudaErrorNoDevice;
    }
    *ret = cuda_double.gpus;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *ret, int device) {
    CALL(cudaErrorInvalidDevice);
    memset(ret, 0, sizeof *ret);
    strcpy(ret->name, "double of a GPU");
    ret->major = cuda_double.capability;
    ret->multiProcessorCount = 132;
    return device < cuda_double.gpus ? cudaSuccess : cudaErrorInvalidDevice;
}

cudaError_t cudaSetDevice(int device) {
    (void)device;
    CALL(cudaErrorDevicesUnavailable);
    return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t error) {
    return error == cudaErrorMemoryAllocation ? "out of memory" : "as the test wants";
}

const char *cudaGetErrorName(cudaError_t error) {
    return error == cudaSuccess ? "cudaSuccess" : "cudaErrorOfTheDouble";
}

cudaError_t cudaGetLastError(void) {
    const cudaError_t ret = (cudaError_t)double_last;
    double_last = cudaSuccess;
    return ret;
}

/* ---- Memory: blocks know their size. ---- */

typedef struct header {
    size_t bytes;
    char pad[256 - sizeof(size_t)];
} header;

cudaError_t cudaMalloc(void **ret, size_t bytes) {
    CALL(cudaErrorMemoryAllocation);
    if (cuda_double.capacity && cuda_double.used + bytes > cuda_double.capacity) {
        return double_last = cudaErrorMemoryAllocation;
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
        CALL(cudaErrorMemoryAllocation); /* makes the context */
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
    CALL(cudaErrorMemoryAllocation);
    *ret = malloc(bytes);
    cuda_double.live++;
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *memory) {
    free(memory);
    cuda_double.live--;
    return cudaSuccess;
}
