/* SPDX-License-Identifier: Apache-2.0
 * Device memory and transfers.
 *
 * Uploads are copied into one of two halves of pinned memory and from there by the GPU, in the
 * stream's order: the caller's memory is free at once and nobody waits, until a half is needed
 * again whose copies are not done. */
#include "memory.h"

#include "status.h"

#include <cuda_runtime_api.h>
#include <stdlib.h>

#define HALF ((size_t)8 << 20)
#define ALIGN ((size_t)64)

/* Estimated: hundreds of kernels of some hundred KiB each; small GPUs give up a share. */
#define MOST_RESERVE ((size_t)512 << 20)
#define RESERVE_SHARE 16

struct staging {
    char *pinned; /* two halves */
    struct CUevent_st *copied[2];
    int half;
    size_t used; /* of the half in use */
};

/* What must stay free until a program is recorded; by then kernels have run and lie in memory. */
static size_t reserve(const kd_device *device, size_t total) {
    const size_t share = total / RESERVE_SHARE;
    return device->recorded ? 0 : share < MOST_RESERVE ? share : MOST_RESERVE;
}

static double mib(size_t bytes) {
    return (double)bytes / 1048576;
}

static bool has_room(kd_device *device, size_t bytes, kd_error *err) {
    size_t free_bytes = 0, total = 0;
    if (!memory_free(device, &free_bytes, &total, err)) {
        return false;
    }
    const size_t kept = reserve(device, total);
    if (bytes + kept <= free_bytes) {
        return true;
    }
    kd_fail(err, KD_E_MEMORY,
            "the GPU has %.1f of %.1f MiB free, and %.1f are wanted beside %.1f for the code of "
            "kernels and the recorded program",
            mib(free_bytes), mib(total), mib(bytes), mib(kept));
    return kd_hint(err, "other programs may hold the GPU's memory: see nvidia-smi");
}

bool memory_allocate(kd_device *device, size_t bytes, void **ret, kd_error *err) {
    void *memory = NULL;
    if (!has_room(device, bytes, err)) {
        return false;
    }
    cudaError_t status = cudaMalloc(&memory, bytes > 0 ? bytes : 1);
    if (status != cudaSuccess) {
        return cuda_fail((int)status, "device memory", err);
    }
    status = cudaMemsetAsync(memory, 0, bytes, device->stream);
    if (status != cudaSuccess) {
        cudaFree(memory);
        return cuda_fail((int)status, "clearing device memory", err);
    }
    *ret = memory;
    return true;
}

/* What is enqueued may still read it. */
void memory_release(kd_device *device, void *memory) {
    cudaStreamSynchronize(device->stream);
    cudaFree(memory);
}

/* source  CUDA programming guide, unified virtual address space: what cudaHostAlloc gives can be
 * used within kernels as it is */
void *pinned_create(size_t bytes, kd_error *err) {
    void *pinned = NULL;
    const cudaError_t status = cudaHostAlloc(&pinned, bytes, cudaHostAllocMapped);
    if (status != cudaSuccess) {
        cuda_fail((int)status, "pinned memory", err);
        return NULL;
    }
    memset(pinned, 0, bytes);
    return pinned;
}

void pinned_destroy(void *pinned) {
    if (pinned) {
        cudaFreeHost(pinned);
    }
}

bool memory_free(kd_device *device, size_t *ret_free, size_t *ret_all, kd_error *err) {
    (void)device;
    const cudaError_t status = cudaMemGetInfo(ret_free, ret_all);
    return status == cudaSuccess || cuda_fail((int)status, "asking for the free memory", err);
}

/* Write-combined: the host only writes it, in order, and the bus need not snoop its caches. */
bool mapped_allocate(kd_device *device, size_t bytes, void **ret_host, void **ret_device,
                     kd_error *err) {
    void *host = NULL, *seen = NULL;
    cudaError_t status =
        cudaHostAlloc(&host, bytes ? bytes : 1, cudaHostAllocMapped | cudaHostAllocWriteCombined);
    if (status == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        kd_fail(err, KD_E_MEMORY, "%.1f MiB of host memory cannot be pinned for the GPU to read",
                mib(bytes));
        return kd_hint(err, "a smaller data.store.size packs smaller images");
    }
    if (status != cudaSuccess) {
        return cuda_fail((int)status, "pinned memory", err);
    }
    status = cudaHostGetDevicePointer(&seen, host, 0);
    if (status != cudaSuccess) {
        mapped_release(device, host);
        return cuda_fail((int)status, "mapping pinned memory", err);
    }
    *ret_host = host;
    *ret_device = seen;
    return true;
}

/* What is enqueued may still read it. */
void mapped_release(kd_device *device, void *host) {
    cudaStreamSynchronize(device->stream);
    cudaFreeHost(host);
}

staging *staging_create(kd_error *err) {
    staging *s = state_create(sizeof *s, err);
    if (!s) {
        return NULL;
    }
    void *pinned = NULL;
    cudaError_t status = cudaHostAlloc(&pinned, 2 * HALF, cudaHostAllocDefault);
    s->pinned = pinned;
    for (int i = 0; i < 2 && status == cudaSuccess; i++) {
        status = cudaEventCreateWithFlags(&s->copied[i], cudaEventDisableTiming);
    }
    if (status != cudaSuccess) {
        staging_destroy(s);
        cuda_fail((int)status, "pinned memory for uploads", err);
        return NULL;
    }
    return s;
}

void staging_destroy(staging *s) {
    if (!s) {
        return;
    }
    for (int i = 0; i < 2; i++) {
        if (s->copied[i]) {
            cudaEventDestroy(s->copied[i]);
        }
    }
    if (s->pinned) {
        cudaFreeHost(s->pinned);
    }
    free(s);
}

/* The other half, once its copies are done. An event that was never recorded is done. */
static cudaError_t turn(staging *s, cudaStream_t stream) {
    const cudaError_t status = cudaEventRecord(s->copied[s->half], stream);
    if (status != cudaSuccess) {
        return status;
    }
    s->half = !s->half;
    s->used = 0;
    return cudaEventSynchronize(s->copied[s->half]);
}

void memory_upload(kd_device *device, void *to, const void *from, size_t bytes) {
    staging *s = device->staging;
    cudaError_t status = cudaSuccess;
    for (size_t done = 0; done < bytes && status == cudaSuccess;) {
        if (s->used == HALF) {
            status = turn(s, device->stream);
            continue;
        }
        const size_t room = HALF - s->used;
        const size_t piece = bytes - done < room ? bytes - done : room;
        char *at = s->pinned + (size_t)s->half * HALF + s->used;
        memcpy(at, (const char *)from + done, piece);
        status =
            cudaMemcpyAsync((char *)to + done, at, piece, cudaMemcpyHostToDevice, device->stream);
        s->used += (piece + ALIGN - 1) / ALIGN * ALIGN;
        done += piece;
    }
    device_check(device, (int)status, "upload");
}

void memory_download(kd_device *device, void *to, const void *from, size_t bytes) {
    const cudaError_t status =
        bytes ? cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, device->stream)
              : cudaSuccess;
    device_check(device, (int)status, "download");
}

bool constant_create(kd_device *device, const void *data, size_t bytes, void **ret, kd_error *err) {
    void *memory = NULL;
    if (!memory_allocate(device, bytes, &memory, err)) {
        return false;
    }
    memory_upload(device, memory, data, bytes);
    *ret = memory;
    return true;
}

void constant_destroy(kd_device *device, void *constant) {
    memory_release(device, constant);
}
